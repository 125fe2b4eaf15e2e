//! Seeded, deterministic simulation of a whole application: several instances on one log, under one virtual clock, with
//! everything that can go wrong.
//!
//! A [`Simulation`] runs the same threads as [`Streams`](crate::runtime::Streams), one step at a time, in an order that a seed decides.
//! Meanwhile instances are killed (their disks kept, lost or rolled back), stand still beyond their session, join and leave; calls to
//! the log are delayed, refused, answered twice or not at all. Then the faults stop, and the [oracle](Simulation::check)
//! compares topics and stores with those of an undisturbed run. A seed that fails fails again, in the same way, and is
//! shortened to a story that can be read.
//!
//! It never waits, has no thread of its own in a run, and decides nothing by a clock or by randomness but the seed's. The clock of
//! the machine only ends a call that has hung for ten seconds, which is a bug of the simulation.
//!
//! Panics are findings. While simulations run, the panic hook of the process is replaced by one that leaves them unreported and
//! passes on those of other threads; afterwards it is put back. Whoever sets one does so before.
//!
//! ```text
//! seed -> schedule -> world: instances + disks + log <- adversary (what goes wrong)
//!                       |                                   |
//!                     settle -> oracle                    trace -> hash, story
//! ```

mod adversary;
mod calm;
mod check;
mod disk;
mod failure;
mod faults;
mod input;
mod oracle;
mod outcome;
mod panics;
mod random;
mod run;
mod schedule;
mod shorter;
mod shown;
mod shrink;
mod story;
mod trace;
mod watch;
mod wording;
mod world;

pub use check::Summary;
pub use failure::{Failure, Finding, FindingKind};
pub use faults::FaultKind;
pub use input::InputRecord;
pub use outcome::Outcome;
pub use random::Random;
pub use run::Ran;
pub use schedule::Schedule;
pub use trace::TraceHash;

#[cfg(feature = "proptest")]
pub(super) use self::schedule::Shape;
#[cfg(feature = "proptest")]
pub(super) use self::shorter::Shortening;

use self::input::Input;
use self::run::Given;
use crate::config::{Config, EngineKind};
use crate::error::Result;
use crate::log::NewTopic;
use crate::record::Topic;
use crate::serde::{Nullable, Wire};
use crate::store::Changelog;
use crate::topology::{Blueprint, Node, NodeKind, SinkTarget, Subscription, Topology};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Actions of a schedule, unless the simulation says otherwise.
const STEPS: usize = 800;

/// Instances that may run at a time, unless the simulation says otherwise.
const INSTANCES: u8 = 3;

/// The log gives up a silent member after this time, in milliseconds of the virtual clock.
const SESSION_TIMEOUT_MS: i64 = 6_000;

/// The log gives up a silent member, and aborts a silent transaction, after one of these pairs of times, in milliseconds of
/// the virtual clock: the transaction goes long before the member, or right before, or both go soon. What the configuration says
/// of one of them stands, and the other is still varied.
const TIMEOUTS_MS: &[(i64, i64)] = &[(SESSION_TIMEOUT_MS, 1_500), (SESSION_TIMEOUT_MS, 5_500), (800, 700)];

/// How an output topic is compared with that of the undisturbed run. Under at-least-once nothing may be missing, but there
/// may be more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compare {
    /// Each key has the same values with the same timestamps in the same order.
    #[default]
    InOrder,
    /// Each key has the same values with the same timestamps, in any order.
    AnyOrder,
    /// Each key ends with the same value: for what a cache passes on, which depends on when it is flushed.
    Latest,
    /// Not at all: an invariant says what holds.
    Nothing,
}

/// A simulation of an application, ready to run any number of seeds.
///
/// ```
/// use kstreams::config::Config;
/// use kstreams::dsl::StreamsBuilder;
/// use kstreams::testing::simulation::{Compare, InputRecord, Simulation};
///
/// let builder = StreamsBuilder::new();
/// builder.stream::<String, String>("rides").group_by_key().count("counts").to_stream().to("totals");
/// let config = Config::new("rides", "embedded:").exactly_once();
/// let simulation = Simulation::new(&builder.build()?, config)
///     .topic("rides", 2)
///     .output("totals", 2, Compare::Latest)
///     .input("rides", |random| {
///         let ride = |n| InputRecord::new(format!("station {}", random.below(5)), "ride".to_owned(), n);
///         (0..40).map(ride).collect()
///     })
///     .invariant("every ride is counted once", |outcome| {
///         let counted: i64 = outcome.latest::<String, i64>("totals")?.values().sum();
///         assert_eq!(counted, 40);
///         Ok(())
///     });
/// let summary = simulation.check(0..5).unwrap_or_else(|failure| panic!("{failure}"));
/// assert_eq!(summary.seeds, 5);
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub struct Simulation {
    topology: Topology,
    /// The timeouts of sessions and transactions: one of these pairs for each seed.
    timeouts_ms: Vec<(i64, i64)>,
    /// The topology as this configuration has it.
    blueprint: Arc<Blueprint>,
    config: Config,
    topics: Vec<SimulatedTopic>,
    inputs: Vec<Input>,
    invariants: Vec<Invariant>,
    ignored_stores: BTreeSet<String>,
    faults: Vec<FaultKind>,
    instances: u8,
    steps: usize,
    #[cfg(feature = "broken")]
    broken: Option<crate::broken::Broken>,
}

struct SimulatedTopic {
    new: NewTopic,
    is_output: bool,
    compare: Compare,
    /// It is created with its first record.
    is_later: bool,
}

type Holds = dyn Fn(&Outcome<'_>) -> Result<()> + Send + Sync;

struct Invariant {
    name: String,
    holds: Box<Holds>,
}

impl Simulation {
    /// A simulation of `topology` with all kinds of faults. Of the configuration, the URL, the engine, the seed and the process
    /// id do not matter; timeouts that have their defaults are shortened.
    pub fn new(topology: &Topology, config: Config) -> Self {
        let timeouts_ms = timeouts_ms(&config);
        let config = simulated(config);
        Simulation {
            timeouts_ms,
            topology: topology.clone(),
            blueprint: topology.configured(&config),
            config,
            topics: Vec::new(),
            inputs: Vec::new(),
            invariants: Vec::new(),
            ignored_stores: BTreeSet::new(),
            faults: FaultKind::ALL.to_vec(),
            instances: INSTANCES,
            steps: STEPS,
            #[cfg(feature = "broken")]
            broken: None,
        }
    }

    /// A topic with so many partitions that exists from the beginning.
    pub fn topic(mut self, topic: &str, partitions: i32) -> Self {
        self.add_topic(topic, partitions, None, false);
        self
    }

    /// A topic that is created with its first record: for subscriptions by pattern.
    pub fn later_topic(mut self, topic: &str, partitions: i32) -> Self {
        self.add_topic(topic, partitions, None, true);
        self
    }

    /// A topic that the topology writes to, and how it is compared with that of the undisturbed run.
    ///
    /// # Panics
    /// If the topology never writes to it.
    #[track_caller]
    pub fn output(mut self, topic: &str, partitions: i32, compare: Compare) -> Self {
        assert!(self.may_write(topic), "the topology never writes to `{topic}`: there would be nothing to compare");
        self.add_topic(topic, partitions, Some(compare), false);
        self
    }

    fn add_topic(&mut self, topic: &str, partitions: i32, compare: Option<Compare>, is_later: bool) {
        let (is_output, compare) = (compare.is_some(), compare.unwrap_or_default());
        self.topics.push(SimulatedTopic { new: NewTopic::new(topic, partitions), is_output, compare, is_later });
    }

    /// Records that come while the application runs, drawn for each seed. Those of one topic come in their order, those of
    /// several topics mixed.
    pub fn input<K: Nullable<Inner: Wire>, V: Nullable<Inner: Wire>>(
        mut self,
        topic: &str,
        generate: impl Fn(&mut Random) -> Vec<InputRecord<K, V>> + Send + Sync + 'static,
    ) -> Self {
        self.inputs.push(Input::typed(Topic::from(topic), false, generate));
        self
    }

    /// Records that are there before the first instance starts: what a table holds that streams are joined with.
    pub fn input_before<K: Nullable<Inner: Wire>, V: Nullable<Inner: Wire>>(
        mut self,
        topic: &str,
        generate: impl Fn(&mut Random) -> Vec<InputRecord<K, V>> + Send + Sync + 'static,
    ) -> Self {
        self.inputs.push(Input::typed(Topic::from(topic), true, generate));
        self
    }

    /// Something that must hold at the end of every run, with faults and without. An error and a panic say that it does not.
    pub fn invariant(mut self, name: &str, holds: impl Fn(&Outcome<'_>) -> Result<()> + Send + Sync + 'static) -> Self {
        self.invariants.push(Invariant { name: name.to_owned(), holds: Box::new(holds) });
        self
    }

    /// Does not compare this store with that of the undisturbed run: its rows depend on the wall clock, say.
    ///
    /// # Panics
    /// If the topology has no such store.
    pub fn ignore_store(mut self, store: &str) -> Self {
        assert!(self.blueprint.store(store).is_some(), "the topology has no store `{store}`");
        self.ignored_stores.insert(store.to_owned());
        self
    }

    /// Only these kinds of faults.
    pub fn faults(mut self, faults: impl IntoIterator<Item = FaultKind>) -> Self {
        self.faults = faults.into_iter().collect();
        self
    }

    /// At most so many instances at a time.
    ///
    /// # Panics
    /// If there is not at least one.
    pub fn instances(mut self, instances: u8) -> Self {
        assert!(instances > 0, "a simulation has at least one instance");
        self.instances = instances;
        self
    }

    /// With a runtime that is broken in one place.
    #[cfg(feature = "broken")]
    pub fn broken(mut self, variant: crate::broken::Broken) -> Self {
        self.broken = Some(variant);
        self
    }

    /// So many actions in a schedule; 800 unless said otherwise.
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }
}

#[cfg(feature = "proptest")]
impl Simulation {
    pub(super) fn fault_kinds(&self) -> &[FaultKind] {
        &self.faults
    }
}

/// What the oracle must know of a topology.
impl Simulation {
    fn has_globals(&self) -> bool {
        !self.blueprint.globals.is_empty()
    }

    fn is_global(&self, subtopology: u32) -> bool {
        self.blueprint.subtopologies.iter().any(|known| known.id == subtopology && known.is_global)
    }

    fn has_later_topics(&self) -> bool {
        self.topics.iter().any(|topic| topic.is_later)
    }

    /// Whether a store can be restored from a topic.
    fn is_logged(&self, store: &str) -> bool {
        self.blueprint.store(store).is_some_and(|blueprint| blueprint.spec().changelog != Changelog::Off)
    }

    /// Whether a sink leads to the topic, or may do so, or what goes wrong with records.
    fn may_write(&self, topic: &str) -> bool {
        let leads_there = |node: &Node| match &node.kind {
            NodeKind::Sink(SinkTarget::Extracted, _) => true,
            NodeKind::Sink(SinkTarget::Topic(name), _) => name.full(&self.config.application_id).as_str() == topic,
            _ => false,
        };
        self.config.dead_letter_topic.as_deref() == Some(topic) || self.blueprint.nodes.iter().any(leads_there)
    }

    /// Whether tasks read the topic.
    fn reads(&self, topic: &Topic) -> bool {
        let tasks = self.blueprint.subtopologies.iter().filter(|subtopology| !subtopology.is_global);
        tasks.flat_map(|subtopology| subtopology.subscriptions(&self.blueprint.nodes)).any(|subscription| {
            match subscription {
                Subscription::Topics(names) => {
                    names.iter().any(|name| name.full(&self.config.application_id) == *topic)
                }
                Subscription::Pattern(pattern) => pattern.is_match(topic.as_str()),
            }
        })
    }
}

/// Each of the pairs that the seeds have, with what the configuration says.
fn timeouts_ms(config: &Config) -> Vec<(i64, i64)> {
    let default = Config::new("", "");
    let or = |given: i64, default: i64, varied: i64| if given == default { varied } else { given };
    let pair = |(session, transaction): &(i64, i64)| {
        let session = or(config.session_timeout_ms, default.session_timeout_ms, *session);
        (session, or(config.transaction_timeout_ms, default.transaction_timeout_ms, *transaction))
    };
    let mut pairs: Vec<(i64, i64)> = TIMEOUTS_MS.iter().map(pair).collect();
    pairs.dedup();
    pairs
}

/// The configuration of simulated instances: timeouts that are left at their defaults would make every pause a long one.
fn simulated(config: Config) -> Config {
    let default = Config::new("", "");
    let or = |value: i64, default: i64, simulated: i64| if value == default { simulated } else { value };
    Config {
        url: String::from("embedded:"),
        session_timeout_ms: or(config.session_timeout_ms, default.session_timeout_ms, SESSION_TIMEOUT_MS),
        metadata_max_age_ms: or(config.metadata_max_age_ms, default.metadata_max_age_ms, 2_000),
        repartition_purge_interval_ms: or(
            config.repartition_purge_interval_ms,
            default.repartition_purge_interval_ms,
            500,
        ),
        log_summary_interval_ms: -1,
        ..config
    }
    .engine(EngineKind::Memory)
}
