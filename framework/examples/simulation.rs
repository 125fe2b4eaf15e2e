//! Simulates a topology in which nothing may be lost or doubled, on three instances that are killed, stand still, and
//! lose their disks and the log's answers. An argument says how many seeds.
//!
//! ```text
//! cargo run --release --example simulation -- 1000
//! ```

use kstreams::config::Config;
use kstreams::dsl::StreamsBuilder;
use kstreams::error::{Error, Result};
use kstreams::testing::simulation::{Compare, InputRecord, Random, Simulation};

/// Seeds, unless an argument says otherwise.
const SEEDS: u64 = 50;

/// Each ride takes a bike from one station (the key) to another (the value): what one has more, another has less.
fn bikes() -> Result<Simulation> {
    let builder = StreamsBuilder::new();
    builder
        .stream::<String, String>("rides")
        .flat_map(|from, to| [(from, -1_i64), (to, 1)])
        .group_by_key()
        .reduce(|bikes, moved| bikes + moved, "bikes")
        .to_stream()
        .to("balances");
    let config = Config::new("bikes", "embedded:").exactly_once().threads(2);
    Ok(Simulation::new(&builder.build()?, config)
        .topic("rides", 3)
        .output("balances", 2, Compare::Latest)
        .input("rides", rides)
        .invariant("no bike comes or goes", |outcome| {
            let balances = outcome.latest::<String, i64>("balances")?;
            assert_eq!(balances.values().sum::<i64>(), 0, "{balances:?}");
            Ok(())
        }))
}

fn rides(random: &mut Random) -> Vec<InputRecord<String, String>> {
    let station = |random: &mut Random| format!("station {}", random.below(6));
    (0..50).map(|n| InputRecord::new(station(random), station(random), n * 10)).collect()
}

fn main() -> Result<()> {
    let seeds = match std::env::args().nth(1) {
        Some(seeds) => seeds.parse().map_err(|_| Error::processing(format!("`{seeds}` is not a number of seeds")))?,
        None => SEEDS,
    };
    match bikes()?.check(0..seeds) {
        Ok(held) => println!("{held}"),
        Err(failure) => return Err(Error::processing(failure.to_string())),
    }
    Ok(())
}

#[test]
fn no_bike_comes_or_goes() {
    let held = bikes().unwrap().check(0..5).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(held.seeds, 5);
}
