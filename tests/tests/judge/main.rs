//! The judge: Kafka Streams 4.3.1 and ours run the same topologies on the same input, and everything that others can see of
//! them is compared: `describe()`, internal topics with their configurations, the bytes in them, results.

mod case;
mod input;
mod outcome;
mod place;
mod run;

use case::{CASES, Case, Variant};
use run::Judge;
#[cfg(feature = "kafka")]
use run::With;
use system_tests::kafka::Broker;
use system_tests::topologies;

fn case(name: &str) -> &'static Case {
    CASES.iter().find(|case| case.name == name).expect("every test names a case")
}

/// Runs a case on Kafka Streams and on ours, and compares.
fn judge(name: &str, variant: Variant) {
    let Some(broker) = Broker::shared() else { return };
    let judge = Judge::at(broker);
    let case = case(name);
    let java = judge.java(case, variant);
    judge.embedded(case, variant).compare(&java, case, variant);
    #[cfg(feature = "kafka")]
    judge.ours(case, variant).compare(&java, case, variant);
}

/// Runs a case on Kafka Streams and ours in turns, under one application id, and compares: with Kafka Streams in turns with itself,
/// because it does not remember all it knew, either (the time of a windowed aggregation, for one).
#[cfg(feature = "kafka")]
fn take_over(name: &str, variant: Variant) {
    let Some(broker) = Broker::shared() else { return };
    let judge = Judge::at(broker);
    let case = case(name);
    let java = judge.in_turns(case, variant, With::Itself);
    judge.in_turns(case, variant, With::Ours).compare(&java, case, variant);
}

/// The same with crashes, exactly once.
#[cfg(feature = "kafka")]
fn take_over_after_crashes(name: &str) {
    let Some(broker) = Broker::shared() else { return };
    let judge = Judge::at(broker);
    let (case, variant) = (case(name), Variant::ExactlyOnce);
    judge.in_turns_after_crashes(case, variant).compare(&judge.java(case, variant), case, variant);
}

macro_rules! judged {
    ($($test:ident: $name:literal, $variant:ident;)*) => {
        $(#[test]
        fn $test() {
            judge($name, Variant::$variant);
        })*

        /// Every topology is judged.
        #[test]
        fn no_topology_is_forgotten() {
            let judged = [$($name),*];
            assert!(topologies::names().all(|name| judged.contains(&name)));
            assert!(CASES.iter().all(|case| judged.contains(&case.name)));
        }
    };
}

judged! {
    chain_is_equal: "chain", EveryUpdate;
    chain_is_equal_exactly_once: "chain", ExactlyOnce;
    count_is_equal: "count", EveryUpdate;
    count_is_equal_with_cache: "count", Cached;
    count_is_equal_exactly_once: "count", ExactlyOnce;
    global_is_equal: "global", EveryUpdate;
    hopping_is_equal: "hopping", EveryUpdate;
    hopping_is_equal_with_cache: "hopping", Cached;
    logged_is_equal: "logged", EveryUpdate;
    lru_is_equal: "lru", EveryUpdate;
    read_only_is_equal: "read-only", EveryUpdate;
    table_is_equal: "table", EveryUpdate;
    table_is_equal_with_cache: "table", Cached;
    to_table_is_equal: "to-table", EveryUpdate;
    unnamed_is_equal: "unnamed", EveryUpdate;
}

/// Kafka Streams begins, ours goes on from its changelogs and committed offsets, and back.
#[cfg(feature = "kafka")]
mod take_over {
    use super::{Variant, take_over};

    #[test]
    fn of_a_chain_exactly_once() {
        take_over("chain", Variant::ExactlyOnce);
    }

    #[test]
    fn of_counts() {
        take_over("count", Variant::EveryUpdate);
    }

    /// Under exactly-once nothing is counted twice, whoever crashes and whoever goes on.
    #[test]
    fn of_counts_after_crashes() {
        super::take_over_after_crashes("count");
    }

    #[test]
    fn of_windows() {
        take_over("hopping", Variant::EveryUpdate);
    }

    #[test]
    fn of_a_store_whose_changelog_is_an_input() {
        take_over("read-only", Variant::EveryUpdate);
    }

    #[test]
    fn of_a_table_and_its_groups_with_cache() {
        take_over("table", Variant::Cached);
    }
}
