//! A round: brokers, instances, input and a plan, from the first start to the last comparison.

use crate::chain::Chain;
use crate::fleet::{Changelog, Fleet, now_ms};
use crate::load::Load;
use crate::pauses::{self, Pauses, Watched};
use crate::restores::{self, Bound, Death};
use crate::settings::{Settings, Topology};
use crate::turnstiles::Turnstiles;
use crate::verdict::{Exactness, check_counts, check_stores};
use crate::workload::{Records, Workload};
use kstreams::error::ErrorKind;
use kstreams::log::client::wait;
use kstreams::log::{Log, OffsetAt, connect};
use kstreams::record::{SystemClock, TopicPartition};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Scope;
use std::time::{Duration, Instant};
use system_tests::desk::{Desk, Stored};
use system_tests::kafka::Broker;
use system_tests::peer::Run;
use system_tests::plan::{Action, Plan};
use system_tests::until;

/// How long all input may take to be processed once everything runs again.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long brokers may take to say where changelogs end, when an instance has died.
const ENDS_MAX: Duration = Duration::from_secs(2);
const APPLICATION: &str = "kills";
const PARTITIONS: i32 = 4;

/// What a round came to.
pub struct Figures {
    pub inputs: u64,
    pub rollbacks: u64,
    pub wiped: u64,
    pub bound: Bound,
    pub pauses: Pauses,
    /// Rows of stores that were compared with their changelogs.
    pub rows: usize,
    /// Records in all changelogs: what restoring everything would have read.
    pub logged: usize,
    pub took: Duration,
}

/// Runs a plan; `None` if there is nothing to run brokers with.
///
/// # Panics
/// If something is counted wrongly, or does not go on.
pub fn run(settings: &Settings, plan: &Plan, directory: &Path) -> Option<Figures> {
    let begun = Instant::now();
    let session = settings.session_ms.to_string();
    // Every update is to be found in the changelogs at the end: nothing is compacted.
    let properties = [("group.consumer.session.timeout.ms", session.as_str()), ("log.cleaner.enable", "false")];
    let broker = Broker::start_with(settings.brokers, &properties)?;
    let desk = Desk::open(broker.servers());
    match settings.topology {
        Topology::Chain => Round::new(settings, &broker, &desk, &Chain, None, directory).play(plan, begun),
        Topology::Turnstiles => {
            let turnstiles = Turnstiles::start(directory);
            let registry = Some(turnstiles.registry.as_str());
            Round::new(settings, &broker, &desk, &turnstiles, registry, directory).play(plan, begun)
        }
    }
    .into()
}

struct Round<'a> {
    settings: &'a Settings,
    broker: &'a Broker,
    desk: &'a Desk,
    workload: &'a dyn Workload,
    log: Arc<dyn Log>,
    fleet: Fleet,
    deaths: Vec<Death>,
    /// When an instance's disk, or the changelogs behind it, were deleted for the last time, in milliseconds since the epoch.
    deleted_ms: BTreeMap<u8, u64>,
    /// What was deleted from changelogs.
    truncated: BTreeMap<String, Vec<Stored>>,
}

impl<'a> Round<'a> {
    fn new(
        settings: &'a Settings,
        broker: &'a Broker,
        desk: &'a Desk,
        workload: &'a dyn Workload,
        registry: Option<&str>,
        directory: &Path,
    ) -> Round<'a> {
        let run = Run {
            topology: workload.topology().to_owned(),
            servers: broker.servers().to_owned(),
            application: APPLICATION.to_owned(),
            state_dir: directory.join("instances"),
            prefix: String::new(),
            output: "out".to_owned(),
            config: settings.config(registry),
        };
        for topic in workload.inputs().iter().chain(workload.outputs()) {
            desk.create(topic, PARTITIONS, &[]);
        }
        Round {
            settings,
            broker,
            desk,
            workload,
            log: connect(&broker.url(), Arc::new(SystemClock)).expect("the client is built in"),
            fleet: Fleet::new(run, settings.is_static),
            deaths: Vec::new(),
            deleted_ms: BTreeMap::new(),
            truncated: BTreeMap::new(),
        }
    }

    fn play(mut self, plan: &Plan, begun: Instant) -> Figures {
        let (log, workload, a_second) = (self.log.clone(), self.workload, self.settings.rate);
        self.tell(begun, "brokers run");
        self.await_topics();
        let about = plan.0.last().map_or(0, |event| event.at_ms).max(1_000) * a_second / 1_000;
        let load = Load::open(&*log, workload);
        let outputs: Vec<TopicPartition> = workload.outputs().iter().flat_map(|topic| partitions(topic)).collect();
        let (fed, seen) = (AtomicBool::new(false), AtomicBool::new(false));
        let (fed, seen) = (&fed, &seen);
        let (inputs, watched) = std::thread::scope(|scope| {
            let _stop = StopOnDrop([fed, seen]);
            let feeding = scope.spawn(|| load.run(workload, a_second, about, fed));
            let watching = scope.spawn(|| pauses::watch(&*log, &outputs, seen));
            self.follow(plan, scope);
            seen.store(true, Ordering::Relaxed);
            let watched = watching.join().expect("the outputs can be read");
            fed.store(true, Ordering::Relaxed);
            (feeding.join().expect("the input can be written"), watched)
        });
        self.tell(begun, "input is written");
        self.settle();
        self.tell(begun, "input is processed");
        self.fleet.end_all();
        self.tell(begun, "instances have ended");
        self.judge(inputs, watched, begun)
    }

    /// The topics were made by another client, and a broker that has not heard of them yet says that there are none. Once one has
    /// said where they are, this client does not ask again.
    fn await_topics(&self) {
        let topics = self.workload.inputs().iter().chain(self.workload.outputs());
        let partitions: Vec<TopicPartition> = topics.flat_map(|topic| partitions(topic)).collect();
        let admin = self.log.admin().expect("the client is built in");
        until("the brokers know the topics", PATIENCE, || {
            match wait(&*self.log, admin.offsets(&partitions, OffsetAt::End), PATIENCE) {
                Err(error) if error.kind() == ErrorKind::NotFound => false,
                answer => !answer.expect("the brokers say where topics end").is_empty(),
            }
        });
    }

    fn tell(&self, begun: Instant, what: &str) {
        if self.settings.is_told {
            println!("  {:>7} ms: {what}", begun.elapsed().as_millis());
        }
    }

    /// Does what the plan says, then waits a while.
    fn follow<'scope>(&mut self, plan: &Plan, scope: &'scope Scope<'scope, '_>)
    where
        'a: 'scope,
    {
        let (begun, mut regaining) = (Instant::now(), Vec::new());
        for event in &plan.0 {
            self.pass_until(begun, event.at_ms);
            self.tell(begun, &event.action.to_string());
            match event.action {
                // A broker takes a while to start, and everything else goes on.
                Action::Regain(node) => {
                    let broker = self.broker;
                    regaining.push(scope.spawn(move || broker.restart(node)));
                }
                action => self.act(action),
            }
        }
        regaining.into_iter().for_each(|regained| regained.join().expect("the broker comes back"));
        let last_ms = plan.0.last().map_or(0, |event| event.at_ms);
        self.pass_until(begun, last_ms + self.settings.rest_ms);
    }

    fn pass_until(&mut self, begun: Instant, at_ms: u64) {
        while (begun.elapsed().as_millis() as u64) < at_ms {
            self.fleet.hear();
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Start(slot) => self.fleet.start(slot),
            Action::Kill(slot) => self.kill(slot),
            Action::Leave(slot) => self.fleet.end(slot, true),
            Action::Stay(slot) => self.fleet.end(slot, false),
            Action::Pause(slot) => self.fleet.pause(slot),
            Action::Resume(slot) => self.fleet.resume(slot),
            Action::Wipe(slot) => self.wipe(slot),
            Action::Truncate => self.truncate(),
            Action::Lose(node) => self.broker.kill(node),
            Action::Regain(node) => self.broker.restart(node),
        }
    }

    fn kill(&mut self, slot: u8) {
        let at_ms = now_ms();
        self.fleet.kill(slot);
        let ends = self.changelog_ends();
        let whole_since_ms = self.deleted_ms.get(&slot).copied().unwrap_or(0);
        self.deaths.push(Death { slot, at_ms, seen_ms: now_ms(), ends, whole_since_ms, whole_until_ms: u64::MAX });
    }

    fn wipe(&mut self, slot: u8) {
        self.fleet.wipe(slot);
        let now_ms = now_ms();
        self.deleted_ms.insert(slot, now_ms);
        let of_it = self.deaths.iter_mut().filter(|death| death.slot == slot);
        of_it.for_each(|death| death.whole_until_ms = now_ms.min(death.whole_until_ms));
    }

    /// Where changelogs end, open transactions included; `None` if no broker says so soon.
    fn changelog_ends(&self) -> Option<BTreeMap<Changelog, i64>> {
        let changelogs = self.workload.changelogs().iter().flat_map(|topic| partitions(&full(topic)));
        let changelogs: Vec<TopicPartition> = changelogs.collect();
        let ends = wait(&*self.log, self.log.admin().ok()?.offsets(&changelogs, OffsetAt::End), ENDS_MAX).ok()?;
        let named = |(partition, end): (TopicPartition, i64)| ((partition.topic.to_string(), partition.partition), end);
        Some(ends.into_iter().map(named).collect())
    }

    /// Deletes from each changelog what comes before the last record of every key.
    fn truncate(&mut self) {
        // Where disks go on is not in the log any more.
        let now_ms = now_ms();
        self.deleted_ms.extend((0..=u8::MAX).map(|slot| (slot, now_ms)));
        self.deaths.iter_mut().for_each(|death| death.whole_until_ms = now_ms.min(death.whole_until_ms));
        for topic in self.workload.changelogs() {
            let topic = full(topic);
            let records = self.desk.dump(&topic);
            let policy = self.desk.topics(&topic)[&topic].config["cleanup.policy"].clone();
            self.desk.configure(&topic, "cleanup.policy", "compact,delete");
            for (partition, needed) in first_needed(&records) {
                self.desk.delete_records(&topic, partition, needed);
            }
            self.desk.configure(&topic, "cleanup.policy", &policy);
            self.truncated.entry(topic).or_default().extend(records);
        }
    }

    /// Waits until all is processed, and no transaction of somebody who was killed hides anything. What moves on from one
    /// topic to the next may be missed by one look, but not by as many as there are topics.
    fn settle(&mut self) {
        let internal: Vec<String> = self.desk.topics(&format!("{APPLICATION}-")).into_keys().collect();
        let owned = |topics: &[&str]| topics.iter().map(|topic| (*topic).to_owned()).collect::<Vec<String>>();
        let mut read = owned(self.workload.inputs());
        read.extend(internal.iter().filter(|topic| topic.ends_with("-repartition")).cloned());
        let written = [internal, owned(self.workload.outputs())].concat();
        let (begun, mut quiet) = (Instant::now(), 0);
        while quiet <= read.len() {
            self.fleet.hear();
            let (undecided, behind) = (self.desk.undecided(&written), self.desk.behind(APPLICATION, &read));
            quiet = if undecided + behind == 0 { quiet + 1 } else { 0 };
            assert!(
                begun.elapsed() < PATIENCE,
                "{behind} records are not processed, {undecided} are in open transactions\n{}",
                self.places(&[read, written].concat())
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How far each partition is processed, how far it is committed, and where it ends: what there is to see after a failure.
    fn places(&self, topics: &[String]) -> String {
        let all: Vec<TopicPartition> = topics.iter().flat_map(|topic| partitions(topic)).collect();
        let ends = |at| wait(&*self.log, self.log.admin()?.offsets(&all, at), ENDS_MAX);
        let (stable, end) = match (ends(OffsetAt::LastStable), ends(OffsetAt::End)) {
            (Ok(stable), Ok(end)) => (stable, end),
            (Err(error), _) | (_, Err(error)) => return format!("nobody says where topics end: {error}"),
        };
        let committed = self.desk.committed(APPLICATION).into_iter();
        let committed: BTreeMap<TopicPartition, i64> =
            committed.map(|place| (TopicPartition::new(place.topic, place.partition), place.offset)).collect();
        let line = |partition: &TopicPartition| {
            let (committed, stable, end) = (committed.get(partition), stable.get(partition), end.get(partition));
            format!("{partition}: processed {committed:?}, committed {stable:?}, end {end:?}\n")
        };
        let places: String = all.iter().map(line).collect();
        format!("{places}{}", self.desk.transactions(topics).join("\n"))
    }

    fn judge(self, inputs: u64, watched: Watched, begun: Instant) -> Figures {
        let records = self.records();
        let came: usize = self.workload.inputs().iter().map(|topic| records[*topic].len()).sum();
        assert_eq!(came as u64, inputs, "every message that was acknowledged is in the input");
        self.check_seen(&watched, &records);
        check_counts(self.workload, APPLICATION, &records, self.settings.exactness());
        let rows = check_stores(&self.fleet, APPLICATION, &records);
        let mut offsets: BTreeMap<Changelog, Vec<i64>> = BTreeMap::new();
        for (topic, records) in &records {
            for record in records {
                offsets.entry((topic.clone(), record.partition)).or_default().push(record.offset);
            }
        }
        let counts_transactions = self.settings.exactness() != Exactness::AtLeast;
        let bound = restores::check(&self.deaths, &self.fleet.restored, &offsets, counts_transactions);
        let (rollbacks, wiped) = self.fleet.rollbacks_and_wipes();
        let logged = self.workload.changelogs().iter().map(|topic| records[&full(topic)].len()).sum();
        Figures { inputs, rollbacks, wiped, bound, pauses: watched.pauses, rows, logged, took: begun.elapsed() }
    }

    /// A partition that nobody has seen has no pause, and that must be no excuse.
    fn check_seen(&self, watched: &Watched, records: &Records) {
        for topic in self.workload.outputs() {
            for record in &records[*topic] {
                let partition = TopicPartition::new(*topic, record.partition);
                let was_there = record.offset < watched.ends[&partition];
                assert!(!was_there || watched.pauses.contains_key(&partition), "nothing of {partition} was seen");
            }
        }
    }

    /// Everything that was committed, with what was deleted since.
    fn records(&self) -> Records {
        let changelogs = self.workload.changelogs().iter().map(|topic| full(topic));
        let named = self.workload.inputs().iter().chain(self.workload.outputs()).map(|topic| (*topic).to_owned());
        let whole = |topic: String| {
            let mut records: BTreeMap<(i32, i64), Stored> = BTreeMap::new();
            let deleted = self.truncated.get(&topic).into_iter().flatten().cloned();
            for record in deleted.chain(self.desk.dump(&topic)) {
                records.insert((record.partition, record.offset), record);
            }
            (topic, records.into_values().collect())
        };
        named.chain(changelogs).map(whole).collect()
    }
}

/// Ends the threads beside a plan that has failed.
struct StopOnDrop<'a>([&'a AtomicBool; 2]);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(|stop| stop.store(true, Ordering::Relaxed));
    }
}

/// Of each partition the first record after which none of the same key comes.
fn first_needed(records: &[Stored]) -> BTreeMap<i32, i64> {
    let last: BTreeMap<_, i64> =
        records.iter().map(|record| ((record.partition, &record.key), record.offset)).collect();
    let mut needed = BTreeMap::new();
    for ((partition, _), offset) in last {
        let first = needed.entry(partition).or_insert(offset);
        *first = offset.min(*first);
    }
    needed
}

fn full(changelog: &str) -> String {
    format!("{APPLICATION}-{changelog}")
}

fn partitions(topic: &str) -> Vec<TopicPartition> {
    (0..PARTITIONS).map(|number| TopicPartition::new(topic, number)).collect()
}
