//! Schedules of a simulation.

use crate::testing::simulation::{FaultKind, Random, Schedule, Shape, Shortening, Simulation};
use proptest::prelude::*;
use proptest::strategy::{NewTree, ValueTree};
use proptest::test_runner::TestRunner;

/// Schedules, made by [`schedules`].
#[derive(Debug, Clone)]
pub struct Schedules {
    shape: Shape,
    faults: Vec<FaultKind>,
}

/// Schedules for a simulation, with its instances, its number of actions and its faults. They shrink to fewer actions whose
/// calls are left in peace, as [`Simulation::run`] shortens those of a seed.
///
/// [`check`](Simulation::check) is the shorter way to many of them. This one combines a schedule with what else a property
/// needs, and leaves the search to `proptest`, which keeps what has failed for the next time.
///
/// ```
/// use kstreams::config::Config;
/// use kstreams::dsl::StreamsBuilder;
/// use kstreams::testing::simulation::{Compare, InputRecord, Simulation};
/// use kstreams::testing::strategies::schedules;
/// use proptest::prelude::*;
///
/// let builder = StreamsBuilder::new();
/// builder.stream::<i64, i64>("rides").group_by_key().count("counts").to_stream().to("totals");
/// let topology = builder.build()?;
/// let simulation = |partitions| {
///     Simulation::new(&topology, Config::new("rides", "embedded:").exactly_once())
///         .topic("rides", partitions)
///         .output("totals", 1, Compare::Latest)
///         .input("rides", |random| (0..20).map(|n| InputRecord::new(random.between(0, 4), 1_i64, n)).collect())
/// };
/// proptest!(ProptestConfig::with_cases(3), |(
///     seed in any::<u64>(), partitions in 1..4, schedule in schedules(&simulation(1))
/// )| {
///     let ran = simulation(partitions).run_schedule(seed, &schedule);
///     prop_assert!(ran.is_ok(), "{}", ran.unwrap_err());
/// });
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub fn schedules(simulation: &Simulation) -> Schedules {
    // Which seed's input it will be is not known here; how much there is of it only decides how fast it comes.
    Schedules { shape: simulation.shape(simulation.records(0)), faults: simulation.fault_kinds().to_vec() }
}

impl Strategy for Schedules {
    type Tree = Tree;
    type Value = Schedule;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let seed = any::<u64>().new_tree(runner)?.current();
        Ok(Tree(Shortening::new(Schedule::draw(self.shape, &self.faults, &mut Random::new(seed)))))
    }
}

/// A schedule that is being shortened.
#[derive(Debug, Clone)]
pub struct Tree(Shortening);

impl ValueTree for Tree {
    type Value = Schedule;

    fn current(&self) -> Schedule {
        self.0.tried().clone()
    }

    fn simplify(&mut self) -> bool {
        // What is at hand fails, so it will do.
        self.0.accept();
        self.0.propose().is_some()
    }

    fn complicate(&mut self) -> bool {
        // What is at hand was too short. The next attempt starts from what was before.
        self.0.reject();
        self.0.propose().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config as AppConfig;
    use crate::dsl::StreamsBuilder;
    use crate::testing::simulation::{Compare, InputRecord};
    use proptest::test_runner::{Config, TestError, TestRng};

    fn simulation() -> Simulation {
        let builder = StreamsBuilder::new();
        builder.stream::<i64, i64>("rides").group_by_key().count("counts").to_stream().to("totals");
        let topology = builder.build().expect("the topology is right");
        Simulation::new(&topology, AppConfig::new("rides", "embedded:").exactly_once().cache_max_bytes(0))
            .topic("rides", 2)
            .output("totals", 1, Compare::InOrder)
            .input("rides", |random| (0..20).map(|n| InputRecord::new(random.between(0, 3), 1_i64, n)).collect())
            .steps(200)
    }

    /// The shortest schedule of which `holds` is not true.
    fn shortest(strategy: &Schedules, holds: impl Fn(&Schedule) -> bool) -> Schedule {
        let config = Config { failure_persistence: None, max_shrink_iters: 5_000, ..Config::with_cases(200) };
        let rng = TestRng::deterministic_rng(config.rng_algorithm);
        let found = TestRunner::new_with_rng(config, rng).run(strategy, |schedule| {
            prop_assert!(holds(&schedule));
            Ok(())
        });
        match found {
            Err(TestError::Fail(_, schedule)) => schedule,
            other => panic!("nothing was found: {other:?}"),
        }
    }

    #[test]
    fn only_the_action_that_matters_is_left() {
        let nobody_is_killed = |schedule: &Schedule| !format!("{schedule:?}").contains("is killed");
        let schedule = shortest(&schedules(&simulation()), nobody_is_killed);
        assert_eq!(schedule.action_count(), 1, "{schedule:?}");
    }

    #[test]
    fn calls_are_left_in_peace_where_that_will_do() {
        let schedule = shortest(&schedules(&simulation()), |schedule| schedule.action_count() < 5);
        assert_eq!(schedule.action_count(), 5);
        assert!(!format!("{schedule:?}").contains("go wrong"), "{schedule:?}");
    }

    #[test]
    fn faults_are_those_of_the_simulation() {
        let peaceful = schedules(&simulation().faults([]));
        proptest!(|(schedule in peaceful)| {
            let words = format!("{schedule:?}");
            prop_assert!(!words.contains("is killed") && !words.contains("stands still") && !words.contains("leave"));
        });
    }

    #[test]
    fn any_schedule_holds_with_any_input() {
        let simulation = simulation();
        proptest!(ProptestConfig::with_cases(10), |(seed in any::<u64>(), schedule in schedules(&simulation))| {
            let ran = simulation.run_schedule(seed, &schedule);
            prop_assert!(ran.is_ok(), "{}", ran.unwrap_err());
        });
    }

    #[test]
    fn what_only_a_crash_breaks_is_shown_with_one_crash() {
        let simulation = forgetful();
        let schedule = shortest(&schedules(&simulation), |schedule| simulation.run_schedule(1, schedule).is_ok());
        let words = format!("{schedule:?}");
        assert_eq!(words.matches("is killed").count(), 1, "{words}");
        assert!(!words.contains("go wrong"), "{words}");
        // The instance starts, goes on, some input comes, it goes on again, and is killed.
        assert!(schedule.action_count() < 8, "{words}");
    }

    fn forgetful() -> Simulation {
        Simulation::new(&crate::testing::forgetful::forgetful(), AppConfig::new("rides", "embedded:").exactly_once())
            .topic("rides", 1)
            .output("totals", 1, Compare::InOrder)
            .input("rides", |_| (0..20).map(|n| InputRecord::new(1_i64, 1_i64, n)).collect())
            // With others the field would also be lost when the task moves.
            .instances(1)
            .faults([FaultKind::Crash])
            .steps(200)
    }
}
