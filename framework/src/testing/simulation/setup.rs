//! What a simulation is told before it runs: topics, input, what must hold, what may go wrong.

use super::faults::FaultKind;
use super::input::{Input, InputRecord};
use super::outcome::Outcome;
use super::random::Random;
use super::{Compare, Invariant, SimulatedTopic, Simulation};
use crate::config::{Config, EngineKind};
use crate::error::Result;
use crate::log::NewTopic;
use crate::record::Topic;
use crate::serde::{Nullable, Wire};
use crate::topology::Topology;
use std::collections::BTreeSet;

/// Actions of a schedule, unless the simulation says otherwise.
const STEPS: usize = 800;

/// Instances that may run at a time, unless the simulation says otherwise.
const INSTANCES: u8 = 3;

/// The log gives up a silent member, and aborts a silent transaction, after one of these pairs of times, in milliseconds of
/// the virtual clock: the transaction goes long before the member, or right before, or both go soon. What the configuration says
/// of one of them stands, and the other is still varied.
const TIMEOUTS_MS: &[(i64, i64)] = &[(6_000, 1_500), (6_000, 5_500), (800, 700)];

impl Simulation {
    /// A simulation of `topology` with all kinds of faults. Of the configuration, the URL, the engine, the seed and the process
    /// id do not matter; timeouts that have their defaults are shortened.
    ///
    /// ```
    #[doc = counting!()]
    /// let config = Config::new("rides", "embedded:").exactly_once().threads(2); // two threads in each instance
    /// let simulation = Simulation::new(&topology, config).topic("rides", 2).output("totals", 1, Compare::Latest);
    /// simulation.input("rides", rides).check(0..3).unwrap_or_else(|failure| panic!("{failure}"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
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
    ///
    /// ```
    #[doc = counting!()]
    /// Simulation::new(&topology, config)
    ///     .topic("rides", 3)
    ///     .topic("totals", 1) // written to, but not compared
    ///     .input("rides", rides)
    ///     .invariant("three partitions are enough", |outcome| {
    ///         assert!(outcome.messages("rides")?.iter().all(|ride| ride.partition.partition < 3));
    ///         Ok(())
    ///     })
    ///     .check(0..3)
    ///     .unwrap_or_else(|failure| panic!("{failure}"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn topic(mut self, topic: &str, partitions: i32) -> Self {
        self.add_topic(topic, partitions, None, false);
        self
    }

    /// A topic that is created with its first record: for subscriptions by pattern.
    ///
    /// ```
    #[doc = counting!()]
    /// use kstreams::dsl::Consumed;
    ///
    /// let builder = StreamsBuilder::new();
    /// builder.stream::<String, i64>(Consumed::pattern("rides-.*")).to("rides");
    /// Simulation::new(&builder.build()?, config)
    ///     .topic("rides-2023", 1)
    ///     .later_topic("rides-2024", 1) // while the application runs
    ///     .output("rides", 1, Compare::AnyOrder)
    ///     .input("rides-2023", rides)
    ///     .input("rides-2024", rides)
    ///     .check(0..3)
    ///     .unwrap_or_else(|failure| panic!("{failure}"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn later_topic(mut self, topic: &str, partitions: i32) -> Self {
        self.add_topic(topic, partitions, None, true);
        self
    }

    /// A topic that the topology writes to, and how it is compared with that of the undisturbed run.
    ///
    /// # Panics
    /// If the topology never writes to it.
    ///
    /// ```
    #[doc = counting!()]
    /// // A cache passes on some of the counts and not others: what it ends with is always the same.
    /// let simulation = Simulation::new(&topology, config.cache_max_bytes(1_000))
    ///     .topic("rides", 2)
    ///     .output("totals", 1, Compare::Latest)
    ///     .input("rides", rides);
    /// simulation.check(0..3).unwrap_or_else(|failure| panic!("{failure}"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn output(mut self, topic: &str, partitions: i32, compare: Compare) -> Self {
        assert!(self.may_write(topic), "the topology never writes to `{topic}`: there would be nothing to compare");
        self.add_topic(topic, partitions, Some(compare), false);
        self
    }

    /// A setting of a topic that was declared before, as it would be created with: `retention.ms`, say. Once everything has been
    /// processed the longest such time passes, before stores are restored from nothing: what is too old is gone then.
    ///
    /// # Panics
    /// If there is no such topic or no such setting.
    ///
    /// ```
    #[doc = counting!()]
    /// Simulation::new(&topology, config)
    ///     .topic("rides", 3)
    ///     .topic_config("rides", "retention.ms", "3600000")
    ///     .output("totals", 1, Compare::Latest)
    ///     .input("rides", rides)
    ///     .check(0..3)
    ///     .unwrap_or_else(|failure| panic!("{failure}"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn topic_config(mut self, topic: &str, key: &str, value: &str) -> Self {
        let known = self.topics.iter_mut().find(|known| known.new.topic.as_str() == topic);
        let known = known.unwrap_or_else(|| panic!("the simulation has no topic `{topic}`; declare it first"));
        if let Err(error) = known.new.config.set(key, value) {
            panic!("{error}");
        }
        self
    }

    fn add_topic(&mut self, topic: &str, partitions: i32, compare: Option<Compare>, is_later: bool) {
        let (is_output, compare) = (compare.is_some(), compare.unwrap_or_default());
        self.topics.push(SimulatedTopic { new: NewTopic::new(topic, partitions), is_output, compare, is_later });
    }

    /// Records that come while the application runs, drawn for each seed. Those of one topic come in their order, those of
    /// several topics mixed.
    ///
    /// ```
    #[doc = counting!()]
    /// # use std::time::{SystemTime, UNIX_EPOCH};
    /// let simulation = || Simulation::new(&topology, config.clone()).topic("rides", 2).output("totals", 1, Compare::Latest);
    /// // Two stations, and few rides: made of `random` alone, so that a seed always has the same.
    /// let few_rides = simulation().input("rides", |random| {
    ///     let ride = |n| InputRecord::new(format!("station {}", random.below(2)), 1_i64, n);
    ///     (0..5).map(ride).collect()
    /// });
    /// few_rides.check(0..3).unwrap_or_else(|failure| panic!("{failure}"));
    ///
    /// // Another record at each draw is found out.
    /// let rides_of_now = simulation().input("rides", |_| {
    ///     let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    ///     vec![InputRecord::new("station 1".to_owned(), now.as_nanos() as i64, 0)]
    /// });
    /// assert_eq!(rides_of_now.run(0).unwrap_err().finding().kind(), &FindingKind::NotDeterministic);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn input<K: Nullable<Inner: Wire>, V: Nullable<Inner: Wire>>(
        mut self,
        topic: &str,
        generate: impl Fn(&mut Random) -> Vec<InputRecord<K, V>> + Send + Sync + 'static,
    ) -> Self {
        self.inputs.push(Input::typed(Topic::from(topic), false, generate));
        self
    }

    /// Records that are there before the first instance starts: what a table holds that streams are joined with.
    ///
    /// ```
    #[doc = counting!()]
    /// let builder = StreamsBuilder::new();
    /// let lines = builder.table::<String, String>("lines");
    /// builder.stream::<String, i64>("rides").join(&lines, |ride, line| format!("{ride} on {line}")).to("rides-by-line");
    /// // Were the lines still coming, some rides would find theirs in one run and not in the other.
    /// Simulation::new(&builder.build()?, config)
    ///     .topic("lines", 2)
    ///     .topic("rides", 2)
    ///     .output("rides-by-line", 1, Compare::InOrder)
    ///     .input_before("lines", |_| (0..3).map(|n| InputRecord::new(format!("station {n}"), "red".to_owned(), 0)).collect())
    ///     .input("rides", |_| (0..9).map(|n| InputRecord::new(format!("station {}", n % 3), n, 1 + n)).collect())
    ///     .check(0..3)
    ///     .unwrap_or_else(|failure| panic!("{failure}"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn input_before<K: Nullable<Inner: Wire>, V: Nullable<Inner: Wire>>(
        mut self,
        topic: &str,
        generate: impl Fn(&mut Random) -> Vec<InputRecord<K, V>> + Send + Sync + 'static,
    ) -> Self {
        self.inputs.push(Input::typed(Topic::from(topic), true, generate));
        self
    }

    /// Something that must hold at the end of every run, with faults and without. An error and a panic say that it does not.
    ///
    /// ```
    #[doc = counting!()]
    /// let counts_all = simulation().invariant("every ride is counted", |outcome| {
    ///     let counted: i64 = outcome.latest::<String, i64>("totals")?.values().sum();
    ///     assert_eq!(counted, outcome.messages("rides")?.len() as i64);
    ///     Ok(())
    /// });
    /// counts_all.check(0..3).unwrap_or_else(|failure| panic!("{failure}"));
    ///
    /// let counts_none = simulation().invariant("no ride is counted", |outcome| {
    ///     let counted = outcome.latest::<String, i64>("totals")?;
    ///     if counted.is_empty() { Ok(()) } else { Err(Error::processing(format!("{counted:?}"))) }
    /// });
    /// let failure = counts_none.run(0).unwrap_err();
    /// assert_eq!(failure.finding().kind(), &FindingKind::Invariant("no ride is counted".to_owned()));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn invariant(mut self, name: &str, holds: impl Fn(&Outcome<'_>) -> Result<()> + Send + Sync + 'static) -> Self {
        self.invariants.push(Invariant { name: name.to_owned(), holds: Box::new(holds) });
        self
    }

    /// Does not compare this store with that of the undisturbed run: its rows depend on the wall clock, say.
    ///
    /// # Panics
    /// If the topology has no such store.
    ///
    /// ```
    #[doc = counting!()]
    /// # use kstreams::operator::{FixedKeyProcessorContext, FixedKeyRecord};
    /// # use kstreams::serde::Wire;
    /// # use kstreams::store::{KeyValueStore, Stores};
    /// # type Context = FixedKeyProcessorContext<String, i64>;
    /// let builder = StreamsBuilder::new();
    /// let seen = Stores::persistent_key_value_store("seen");
    /// builder.add_state_store(Stores::key_value_store_builder(seen, String::format(), i64::format()));
    /// // When the last ride of a station was seen: at another time where something went wrong.
    /// let see = |context: &Context, ride: FixedKeyRecord<String, i64>| {
    ///     let seen: KeyValueStore<String, i64> = context.state_store("seen")?;
    ///     seen.put(ride.key(), Some(context.current_system_time_ms()))
    /// };
    /// builder.stream::<String, i64>("rides").process_values(move || see, &["seen"]).to("none");
    /// let topology = builder.build()?;
    /// let simulation =
    ///     || Simulation::new(&topology, config.clone()).topic("rides", 2).topic("none", 1).input("rides", rides);
    /// assert_eq!(simulation().run(0).unwrap_err().finding().kind(), &FindingKind::Store("seen".to_owned()));
    /// simulation().ignore_store("seen").run(0).unwrap_or_else(|failure| panic!("{failure}"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn ignore_store(mut self, store: &str) -> Self {
        assert!(self.blueprint.store(store).is_some(), "the topology has no store `{store}`");
        self.ignored_stores.insert(store.to_owned());
        self
    }

    /// Only these kinds of faults. Whatever they are, threads take turns in any order, and further instances start, so that tasks
    /// move; [`instances`](Self::instances) says how many.
    ///
    /// ```
    #[doc = counting!()]
    /// // Nobody is killed and no call fails: what is found now is found without that.
    /// simulation().faults([FaultKind::Pause, FaultKind::Delay]).check(0..3).unwrap_or_else(|failure| panic!("{failure}"));
    /// // Neither does a task move.
    /// simulation().faults([]).instances(1).check(0..3).unwrap_or_else(|failure| panic!("{failure}"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn faults(mut self, faults: impl IntoIterator<Item = FaultKind>) -> Self {
        self.faults = faults.into_iter().collect();
        self
    }

    /// At most so many instances at a time.
    ///
    /// # Panics
    /// If there is not at least one.
    ///
    /// ```
    #[doc = counting!()]
    /// // With crashes, but without others who take over meanwhile.
    /// let alone = simulation().instances(1);
    /// assert!(!format!("{:?}", alone.schedule(7)).contains("instance 1"));
    /// alone.check(0..3).unwrap_or_else(|failure| panic!("{failure}"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
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
    ///
    /// ```
    #[doc = counting!()]
    /// let short = simulation().steps(50);
    /// assert_eq!(short.schedule(7).action_count(), 51); // the first action starts an instance
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }
}

/// Each of the pairs that the seeds have, with what the configuration says.
fn timeouts_ms(config: &Config) -> Vec<(i64, i64)> {
    let default = Config::new("", "");
    let pair = |(session, transaction): &(i64, i64)| {
        let session = unless_set(config.session_timeout_ms, default.session_timeout_ms, *session);
        (session, unless_set(config.transaction_timeout_ms, default.transaction_timeout_ms, *transaction))
    };
    let mut pairs: Vec<(i64, i64)> = TIMEOUTS_MS.iter().map(pair).collect();
    pairs.dedup();
    pairs
}

/// What the configuration says, unless that is the default.
fn unless_set(given: i64, default: i64, simulated: i64) -> i64 {
    if given == default { simulated } else { given }
}

/// The configuration of simulated instances, but for what varies with the seed: intervals that are left at their defaults are
/// longer than a run.
fn simulated(config: Config) -> Config {
    let default = Config::new("", "");
    let (purge_ms, default_purge_ms) = (config.repartition_purge_interval_ms, default.repartition_purge_interval_ms);
    Config {
        url: String::from("embedded:"),
        metadata_max_age_ms: unless_set(config.metadata_max_age_ms, default.metadata_max_age_ms, 2_000),
        repartition_purge_interval_ms: unless_set(purge_ms, default_purge_ms, 500),
        log_summary_interval_ms: -1,
        ..config
    }
    .engine(EngineKind::Memory)
}

#[cfg(test)]
mod tests {
    use super::super::panics::caught;
    use super::*;
    use crate::dsl::{Produced, StreamsBuilder};

    fn copying() -> Topology {
        let builder = StreamsBuilder::new();
        builder.stream::<i64, i64>("in").to("out");
        builder.build().expect("the topology is right")
    }

    fn config() -> Config {
        Config::new("copy", "embedded:")
    }

    #[test]
    fn timeout_that_is_not_given_varies() {
        assert_eq!(timeouts_ms(&config()), TIMEOUTS_MS);
        let session = Config { session_timeout_ms: 9_000, ..config() };
        assert_eq!(timeouts_ms(&session), [(9_000, 1_500), (9_000, 5_500), (9_000, 700)]);
        let transaction = Config { transaction_timeout_ms: 4_000, ..config() };
        assert_eq!(timeouts_ms(&transaction), [(6_000, 4_000), (800, 4_000)]);
        let both = Config { session_timeout_ms: 9_000, ..transaction };
        assert_eq!(timeouts_ms(&both), [(9_000, 4_000)]);
    }

    #[test]
    fn output_is_one_that_the_topology_may_write_to() {
        let output = |topology: &Topology, config: Config, topic: &str| {
            caught(|| _ = Simulation::new(topology, config).output(topic, 1, Compare::InOrder)).is_ok()
        };
        assert!(output(&copying(), config(), "out"));
        assert!(!output(&copying(), config(), "in") && !output(&copying(), config(), "uot"));
        assert!(output(&copying(), config().dead_letters("dead"), "dead"));
        let builder = StreamsBuilder::new();
        builder.stream::<i64, i64>("in").to(Produced::to_extracted(|_, _, _| String::from("anywhere")));
        assert!(output(&builder.build().unwrap(), config(), "anywhere"));
    }
}
