//! Seeded, deterministic simulation of a whole application: several instances on one log, under one virtual clock, with
//! everything that can go wrong.
//!
//! A [`Simulation`] runs the same threads as [`Streams`](crate::runtime::Streams), one step at a time, in an order that a seed decides.
//! Meanwhile instances are killed (their disks kept, lost or rolled back), stand still beyond their session, join and leave; calls to
//! the log are delayed, refused, asked twice or never answered. Then the faults stop, and the [oracle](Simulation::check)
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

/// What the examples of this module begin with: rides that are counted by station.
macro_rules! counting {
    () => {
        "# use kstreams::{config::Config, dsl::StreamsBuilder, error::Error};
# use kstreams::testing::simulation::{Compare, FaultKind, FindingKind, InputRecord, Random, Simulation};
# let builder = StreamsBuilder::new();
# builder.stream::<String, i64>(\"rides\").group_by_key().count(\"counts\").to_stream().to(\"totals\");
# let topology = builder.build()?;
# let config = Config::new(\"rides\", \"embedded:\").exactly_once().cache_max_bytes(0);
# fn rides(random: &mut Random) -> Vec<InputRecord<String, i64>> {
#     (0..10).map(|n| InputRecord::new(format!(\"station {}\", random.below(3)), 1, n)).collect()
# }
# let simulation = || {
#     Simulation::new(&topology, config.clone())
#         .topic(\"rides\", 2)
#         .output(\"totals\", 1, Compare::Latest)
#         .input(\"rides\", rides)
#         .steps(200)
# };"
    };
}

/// What examples of failures begin with: rides that are numbered by a field, which does not survive a crash.
macro_rules! forgetting {
    () => {
        "# use kstreams::{config::Config, dsl::StreamsBuilder, operator::{FixedKeyProcessorContext, FixedKeyRecord}};
# use kstreams::testing::simulation::{Compare, FaultKind, FindingKind, InputRecord, Simulation};
# type Context = FixedKeyProcessorContext<i64, i64>;
# let builder = StreamsBuilder::new();
# let number = || {
#     let mut seen = 0;
#     move |context: &Context, ride: FixedKeyRecord<i64, i64>| {
#         seen += 1;
#         context.forward(ride.with_value(seen))
#     }
# };
# builder.stream::<i64, i64>(\"rides\").process_values(number, &[]).to(\"numbered\");
# let simulation = Simulation::new(&builder.build()?, Config::new(\"rides\", \"embedded:\").exactly_once())
#     .topic(\"rides\", 1)
#     .output(\"numbered\", 1, Compare::InOrder)
#     .input(\"rides\", |_| (0..10).map(|n| InputRecord::new(7_i64, 1_i64, n)).collect())
#     .faults([FaultKind::Crash])
#     .instances(1);"
    };
}

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
mod setup;
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
use crate::config::Config;
use crate::error::Result;
use crate::log::NewTopic;
use crate::record::Topic;
use crate::store::Changelog;
use crate::topology::{Blueprint, Node, NodeKind, SinkTarget, Topology};
use std::collections::BTreeSet;
use std::sync::Arc;

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

    fn is_output(&self, topic: &Topic) -> bool {
        self.topics.iter().any(|known| known.is_output && known.new.topic == *topic)
    }

    /// How long messages are kept where that is said.
    fn retention_ms(&self) -> Option<i64> {
        self.topics.iter().filter_map(|topic| topic.new.config.retention_ms).max()
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
        self.blueprint.reads(topic, &self.config.application_id)
    }
}
