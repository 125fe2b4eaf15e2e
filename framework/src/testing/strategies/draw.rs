//! From a strategy to the input of a simulation.

use crate::testing::simulation::Random;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Values that a strategy may reject before it has none, as proptest has it by default.
const LOCAL_REJECTS_MAX: u32 = 65_536;

/// A value of a strategy that a simulation's randomness decides: the same seed draws the same value, whatever the environment's
/// `PROPTEST_…` variables say. A collection whose size is not given is the exception: it asks them itself.
///
/// # Panics
/// If the strategy rejects everything.
///
/// ```
/// use kstreams::config::Config;
/// use kstreams::dsl::StreamsBuilder;
/// use kstreams::testing::simulation::{Compare, Simulation};
/// use kstreams::testing::strategies::{draw, keys, records, times};
///
/// let builder = StreamsBuilder::new();
/// builder.stream::<i64, i64>("rides").group_by_key().count("counts").to_stream().to("totals");
/// let rides = records(keys(5, i64::from), 0..9_i64, times(100), 1..30);
/// let simulation = Simulation::new(&builder.build()?, Config::new("rides", "embedded:").exactly_once())
///     .topic("rides", 2)
///     .output("totals", 2, Compare::Latest)
///     .input("rides", move |random| draw(&rides, random));
/// simulation.check(0..2).unwrap_or_else(|failure| panic!("{failure}"));
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub fn draw<S: Strategy>(strategy: &S, random: &mut Random) -> S::Value {
    let seed: Vec<u8> = (0..4).flat_map(|_| random.any().to_le_bytes()).collect();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    // Of the configuration, which the environment may change, nothing else matters to what is drawn.
    let config = Config { max_local_rejects: LOCAL_REJECTS_MAX, verbose: 0, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, rng);
    let tree = strategy.new_tree(&mut runner);
    tree.unwrap_or_else(|reason| panic!("the strategy has no value: {reason}")).current()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_decides_what_is_drawn() {
        let of = |seed| draw(&proptest::collection::vec(any::<u32>(), 5..50), &mut Random::new(seed));
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn environment_does_not_matter() {
        let even = any::<u32>().prop_filter("even", |number| number % 2 == 0);
        let drawn = || format!("drawn {:?}", draw(&proptest::collection::vec(even.clone(), 20), &mut Random::new(1)));
        if std::env::var_os("PROPTEST_MAX_LOCAL_REJECTS").is_some() {
            println!("{}", drawn());
            return;
        }
        let test = "testing::strategies::draw::tests::environment_does_not_matter";
        let program = std::env::current_exe().expect("a test has a program");
        let mut other = std::process::Command::new(program);
        other.args(["--exact", test, "--nocapture"]);
        let ran = other.env("PROPTEST_MAX_LOCAL_REJECTS", "1").env("PROPTEST_RNG_SEED", "5").output().unwrap();
        let said = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success() && said.contains(&drawn()), "{said}");
    }
}
