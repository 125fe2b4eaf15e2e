//! From a strategy to the input of a simulation.

use crate::testing::simulation::Random;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// A value of a strategy that a simulation's randomness decides: the same seed draws the same value.
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
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
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
}
