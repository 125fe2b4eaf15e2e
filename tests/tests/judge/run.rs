//! Running a case on one side, or on both in turns: input in phases, until nothing is left to do.

use crate::case::{Case, Variant};
use crate::outcome::Outcome;
use crate::place::{Embedded, Place};
use kstreams::config::Config;
use kstreams::log::connect;
use kstreams::record::SystemClock;
use kstreams::runtime::{State, Streams};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use system_tests::desk::{Desk, Input};
use system_tests::kafka::Broker;
use system_tests::peer::{Peer, Run};
use system_tests::topologies::{self, Topics};

/// How long a phase may take. Only a failure waits for so long.
const PATIENCE: Duration = Duration::from_secs(120);

const OUTPUT_PARTITIONS: i32 = 2;

/// The judge at a broker.
pub struct Judge {
    broker: &'static Broker,
    desk: &'static Desk,
    directory: tempfile::TempDir,
}

impl Judge {
    pub fn at(broker: &'static Broker) -> Judge {
        static DESK: OnceLock<Desk> = OnceLock::new();
        let desk = DESK.get_or_init(|| Desk::open(broker.servers()));
        Judge { broker, desk, directory: tempfile::tempdir().expect("a directory for stores") }
    }

    /// Runs the case on Kafka Streams.
    pub fn java(&self, case: &Case, variant: Variant) -> Outcome {
        let run = self.prepared(case, variant, "java");
        act(self.desk, case, &run, &[Side::stays(&|| java(&run))])
    }

    /// Runs the case on ours, on the same broker.
    #[cfg(feature = "kafka")]
    pub fn ours(&self, case: &Case, variant: Variant) -> Outcome {
        let run = self.prepared(case, variant, "ours");
        act(self.desk, case, &run, &[Side::stays(&|| ours(&run))])
    }

    /// Runs the case under one application id: Kafka Streams has the first phase, another goes on, and so in turns, each with a
    /// state directory of its own; what they find is what the other has left on the broker.
    #[cfg(feature = "kafka")]
    pub fn in_turns(&self, case: &Case, variant: Variant, with: With) -> Outcome {
        let (run, other) = self.prepared_for_two(case, variant, with);
        let go_on = || with.start(&other);
        act(self.desk, case, &run, &[Side::leaves(&|| java(&run)), Side::leaves(&go_on)])
    }

    /// The same with three phases, but the first two of them are killed while they process theirs.
    #[cfg(feature = "kafka")]
    pub fn in_turns_after_crashes(&self, case: &Case, variant: Variant) -> Outcome {
        let (run, other) = self.prepared_for_two(case, variant, With::Crashes);
        let again = || {
            // It cannot join a group of the new protocol whose last member has died, but is still counted.
            self.wait_until_alone(&run);
            java(&run)
        };
        act(self.desk, case, &run, &[Side::dies(&|| java(&run)), Side::dies(&|| ours(&other)), Side::leaves(&again)])
    }

    #[cfg(feature = "kafka")]
    fn wait_until_alone(&self, run: &Run) {
        let begun = Instant::now();
        while self.desk.members(&run.application) > 0 {
            assert!(begun.elapsed() < PATIENCE, "the dead are still members of {}", run.application);
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    #[cfg(feature = "kafka")]
    fn prepared_for_two(&self, case: &Case, variant: Variant, with: With) -> (Run, Run) {
        let run = self.prepared(case, variant, with.word());
        let other = Run { state_dir: self.state_dir(&format!("{}-other", run.application)), ..run.clone() };
        (run, other)
    }

    /// Runs the case on ours, on an embedded log.
    pub fn embedded(&self, case: &Case, variant: Variant) -> Outcome {
        let mut run = self.prepared(case, variant, "embedded");
        run.servers = format!("embedded-memory:{}", run.application);
        let log = connect(&run.servers, Arc::new(SystemClock)).expect("an embedded log");
        act(&Embedded { log }, case, &run, &[Side::stays(&|| Box::new(InProcess::start(&run)))])
    }

    fn prepared(&self, case: &Case, variant: Variant, side: &str) -> Run {
        // A broker that somebody else runs may have been judged on before, and one case is run by several tests.
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let (process, number) = (std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
        let application = format!("{}-{}-{side}-{process}-{number}", case.name, variant.word());
        Run {
            topology: case.name.to_owned(),
            servers: self.broker.servers().to_owned(),
            state_dir: self.state_dir(&application),
            prefix: format!("{application}."),
            output: format!("{application}-out"),
            config: variant.config(),
            application,
        }
    }

    fn state_dir(&self, application: &str) -> PathBuf {
        self.directory.path().join(application)
    }
}

/// A running application.
pub trait Running {
    /// What it is, once it runs.
    fn describe(&self) -> String;
    /// Ends it; everything is committed then.
    fn close(self: Box<Self>);
}

fn java(run: &Run) -> Box<dyn Running> {
    Box::new(Peer::java(run))
}

/// With whom Kafka Streams takes turns.
#[cfg(feature = "kafka")]
#[derive(Debug, Clone, Copy)]
pub enum With {
    /// Another instance of itself: what anybody who goes on can know, it knows.
    Itself,
    /// Ours.
    Ours,
    /// Ours, and both crash.
    Crashes,
}

#[cfg(feature = "kafka")]
impl With {
    fn word(self) -> &'static str {
        match self {
            With::Itself => "itself",
            With::Ours => "turns",
            With::Crashes => "crashes",
        }
    }

    fn start(self, run: &Run) -> Box<dyn Running> {
        match self {
            With::Itself => java(run),
            With::Ours | With::Crashes => ours(run),
        }
    }
}

#[cfg(feature = "kafka")]
fn ours(run: &Run) -> Box<dyn Running> {
    Box::new(Peer::ours(env!("CARGO_BIN_EXE_peer"), run))
}

/// Starts the application.
type Start<'a> = &'a dyn Fn() -> Box<dyn Running>;

/// What becomes of an application when its phase is over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// It has the next one, too.
    Stays,
    /// It commits and ends.
    #[cfg_attr(not(feature = "kafka"), expect(dead_code, reason = "without Kafka nobody takes turns"))]
    Leaves,
    /// It was killed while it processed.
    #[cfg_attr(not(feature = "kafka"), expect(dead_code, reason = "without Kafka nobody takes turns"))]
    Dies,
}

/// One of those that take turns.
#[derive(Clone, Copy)]
struct Side<'a> {
    start: Start<'a>,
    end: End,
}

impl<'a> Side<'a> {
    fn stays(start: Start<'a>) -> Self {
        Side { start, end: End::Stays }
    }

    #[cfg(feature = "kafka")]
    fn leaves(start: Start<'a>) -> Self {
        Side { start, end: End::Leaves }
    }

    #[cfg(feature = "kafka")]
    fn dies(start: Start<'a>) -> Self {
        Side { start, end: End::Dies }
    }
}

impl Running for Peer {
    fn describe(&self) -> String {
        let description = self.said("describe");
        self.wait_until_running();
        description.as_str().expect("a text").to_owned()
    }

    fn close(self: Box<Self>) {
        Peer::close(*self);
    }
}

/// Ours within this process, where embedded logs in memory are.
struct InProcess {
    streams: Streams,
    describe: String,
}

impl InProcess {
    fn start(run: &Run) -> InProcess {
        let topics = Topics { prefix: run.prefix.clone(), output: run.output.clone() };
        let topology = topologies::named(&run.topology, &topics).expect("a topology of that name").unwrap();
        let mut config = Config::new(run.application.as_str(), run.servers.as_str()).state_dir(&run.state_dir);
        for (key, value) in &run.config {
            config.set(key, value).unwrap();
        }
        let streams = Streams::start(&topology, config).unwrap();
        InProcess { streams, describe: topology.describe().to_string() }
    }
}

impl Running for InProcess {
    fn describe(&self) -> String {
        assert!(self.streams.wait_for(State::Running, PATIENCE), "it is {}", self.streams.state());
        self.describe.clone()
    }

    fn close(self: Box<Self>) {
        self.streams.close(PATIENCE).unwrap();
    }
}

/// Runs a case and gathers what it leaves behind. If there is more than one to start, they take turns, a phase each.
fn act(place: &dyn Place, case: &Case, run: &Run, sides: &[Side<'_>]) -> Outcome {
    for (topic, partitions) in case.topics {
        place.create(&format!("{}{topic}", run.prefix), *partitions);
    }
    place.create(&run.output, OUTPUT_PARTITIONS);
    let mut running: Option<Box<dyn Running>> = None;
    let mut describe = String::new();
    for (number, phase) in phases(case, run).iter().enumerate() {
        place.load(phase);
        let side = sides[number % sides.len()];
        let started = running.take().unwrap_or_else(|| {
            let started = (side.start)();
            describe = started.describe().replace(&run.application, "APPLICATION");
            started
        });
        match side.end {
            End::Dies => begin(place, case, run),
            End::Stays | End::Leaves => settle(place, case, run),
        }
        match side.end {
            End::Dies => drop(started),
            End::Leaves => started.close(),
            End::Stays => running = Some(started),
        }
    }
    if let Some(running) = running {
        running.close();
    }
    outcome(place, run, describe)
}

/// All records with the names of this run's topics. Both sides begin at the same hour.
fn phases(case: &Case, run: &Run) -> Vec<Vec<Input>> {
    static BEGUN: OnceLock<i64> = OnceLock::new();
    const HOUR_MS: i64 = 3_600_000;
    let from_ms = BEGUN.get_or_init(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
        // Old enough not to be in the future, young enough for the retention of windows.
        (now.as_millis() as i64 / HOUR_MS - 2) * HOUR_MS
    });
    let mut phases = (case.phases)(*from_ms);
    for record in phases.iter_mut().flatten() {
        record.topic = format!("{}{}", run.prefix, record.topic);
    }
    phases
}

/// Waits until the application has committed something of what it can read.
fn begin(place: &dyn Place, case: &Case, run: &Run) {
    let begun = Instant::now();
    let behind = || place.behind(&run.application, &read_topics(place, case, run));
    let before = behind();
    while before > 0 && behind() >= before {
        assert!(begun.elapsed() < PATIENCE, "{} processes nothing", run.application);
    }
}

/// Waits until the application has committed all it can read. What moves on from one topic to the next may be missed by one
/// look, but not by as many as there are topics.
fn settle(place: &dyn Place, case: &Case, run: &Run) {
    let begun = Instant::now();
    let mut quiet = 0;
    loop {
        let mut topics = read_topics(place, case, run);
        topics.sort();
        quiet = if place.behind(&run.application, &topics) == 0 { quiet + 1 } else { 0 };
        if quiet > topics.len() {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{} has not processed its input", run.application);
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The topics whose offsets the application commits.
fn read_topics(place: &dyn Place, case: &Case, run: &Run) -> Vec<String> {
    let inputs = case.topics.iter().filter(|(topic, _)| !case.globals.contains(topic));
    let inputs = inputs.map(|(topic, _)| format!("{}{topic}", run.prefix));
    let internal = place.topics(&format!("{}-", run.application)).into_keys();
    inputs.chain(internal.filter(|topic| topic.ends_with("-repartition"))).collect()
}

fn outcome(place: &dyn Place, run: &Run, describe: String) -> Outcome {
    let own = format!("{}-", run.application);
    let topics = place.topics(&own);
    let short = |topic: &str| topic[own.len()..].to_owned();
    Outcome {
        describe,
        records: topics.keys().map(|topic| (short(topic), place.dump(topic))).collect(),
        topics: topics.iter().map(|(topic, facts)| (short(topic), facts.clone())).collect(),
        knows_what_was_set: place.knows_what_was_set(),
    }
}
