//! The world of one run: a log, a clock, instances with their disks, and the input that is still to come.

use super::Simulation;
use super::adversary::{Actor, Adversary};
use super::disk::Disk;
use super::failure::{Finding, FindingKind};
use super::input::InputMessage;
use super::schedule::{Action, Cut, DiskFate};
use super::story::Weight;
use super::watch;
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::log::Log;
use crate::log::client::{NewMessage, Producer, create_topics};
use crate::log::embedded::{EmbeddedLog, EmbeddedOptions};
use crate::record::ManualClock;
use crate::runtime::{StartOptions, Stepped};
use crate::serde::Registry;
use crate::testing::SteppedStreams;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// When a run begins, in milliseconds since the epoch.
pub(super) const START_MS: i64 = 1_000_000;

/// In wall time. An undisturbed embedded log answers at once; this only keeps a bug from hanging a test.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How often the log looks at retention and compaction, in milliseconds.
const HOUSEKEEPING_INTERVAL_MS: i64 = 500;

pub(super) struct World<'a> {
    pub(super) simulation: &'a Simulation,
    pub(super) adversary: Adversary,
    pub(super) log: Arc<EmbeddedLog>,
    pub(super) slots: Vec<Slot>,
    pub(super) now_ms: i64,
    /// That of every instance.
    pub(super) config: Config,
    registry: Arc<dyn Registry>,
    clock: ManualClock,
    /// The log as instances see it.
    port: Arc<dyn Log>,
    producer: Producer,
    input: VecDeque<InputMessage>,
    created: BTreeSet<String>,
}

/// A place for an instance.
pub(super) struct Slot {
    disk: Arc<Disk>,
    /// How many disks were lost here: another disk is another process id.
    disks_lost: u32,
    pub(super) streams: Option<SteppedStreams>,
    paused_until_ms: i64,
    /// It was asked to leave.
    is_leaving: bool,
}

impl<'a> World<'a> {
    pub(super) fn new(
        simulation: &'a Simulation,
        adversary: Adversary,
        registry: Arc<dyn Registry>,
        input: VecDeque<InputMessage>,
        config: Config,
    ) -> Result<Self> {
        let clock = ManualClock::new(START_MS);
        let log = EmbeddedLog::in_memory(EmbeddedOptions {
            faults: Some(Box::new(adversary.clone())),
            stepped: true,
            housekeeping_interval_ms: HOUSEKEEPING_INTERVAL_MS,
            ..EmbeddedOptions::with_clock(Arc::new(clock.clone()))
        });
        adversary.turn(Actor::Input, 0);
        let port = watch::watched(&log, &adversary);
        let producer = Producer::new(&*port, &Default::default(), PATIENCE)?;
        let slot = |_| Slot {
            disk: Arc::new(Disk::empty(&adversary)),
            disks_lost: 0,
            streams: None,
            paused_until_ms: 0,
            is_leaving: false,
        };
        let slots = (0..simulation.instances).map(slot).collect();
        let mut world = World {
            simulation,
            adversary,
            log,
            slots,
            now_ms: START_MS,
            config,
            registry,
            clock,
            port,
            producer,
            input,
            created: BTreeSet::new(),
        };
        world.create(|topic| !topic.is_later)?;
        let (before, input): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut world.input).into_iter().partition(|message| message.is_before);
        world.input = input;
        world.send(before.into())?;
        Ok(world)
    }

    pub(super) fn registry(&self) -> &Arc<dyn Registry> {
        &self.registry
    }

    fn create(&mut self, which: impl Fn(&super::SimulatedTopic) -> bool) -> Result<()> {
        let created = &mut self.created;
        let new = self.simulation.topics.iter().filter(|topic| which(topic));
        let new: Vec<_> =
            new.filter(|topic| created.insert(topic.new.topic.to_string())).map(|topic| topic.new.clone()).collect();
        if new.is_empty() {
            return Ok(());
        }
        create_topics(&*self.log, &new, PATIENCE).map(|_| ())
    }

    /// The time passes.
    pub(super) fn pass(&mut self, ms: i64) {
        self.now_ms += ms;
        self.clock.set_ms(self.now_ms);
    }

    /// Sends the next input; topics that come later come with their first record.
    pub(super) fn produce(&mut self, records: usize) -> Result<()> {
        let next: Vec<InputMessage> = self.input.drain(..records.min(self.input.len())).collect();
        self.send(next)
    }

    fn send(&mut self, messages: Vec<InputMessage>) -> Result<()> {
        self.adversary.turn(Actor::Input, 0);
        for message in &messages {
            if !self.simulation.topics.iter().any(|topic| topic.new.topic == message.topic) {
                let sentence = format!("there is input for `{}`, which is no topic of the simulation", message.topic);
                return Err(Error::new(ErrorKind::NotFound, sentence).with_hint("declare it with `topic`"));
            }
            if !self.created.contains(message.topic.as_str()) {
                self.create(|topic| topic.new.topic == message.topic)?;
            }
            let new = NewMessage::new(&message.topic, message.key.as_deref(), message.value.as_deref());
            self.producer.send(&new.at(message.timestamp))?;
        }
        if messages.is_empty() { Ok(()) } else { self.producer.flush() }
    }

    /// Does what the schedule says.
    pub(super) fn act(&mut self, action: Action) -> Result<(), Finding> {
        self.adversary.turn(Actor::Observer, 0);
        match action {
            Action::Step { instance, thread, after_ms, luck } => {
                self.pass(i64::from(after_ms));
                self.step(instance, thread, luck)?;
            }
            Action::Log { luck } => {
                self.step_log(luck)?;
            }
            Action::Wait { ms } => self.pass(i64::from(ms)),
            Action::Calm { ms } => self.calm(i64::from(ms))?,
            Action::Produce { records } => self.produce(usize::from(records)).map_err(Finding::of_the_log)?,
            Action::Kill { instance, thread, cut, disk } => self.kill(instance, thread, cut, disk)?,
            Action::Pause { instance, ms } => {
                self.tell(instance, "stands still");
                self.slot(instance).paused_until_ms = self.now_ms + i64::from(ms);
            }
            Action::Leave { instance } => {
                self.tell(instance, "is to leave");
                let slot = self.slot(instance);
                if let Some(streams) = &slot.streams {
                    slot.is_leaving = true;
                    streams.begin_close();
                }
            }
            Action::Start { instance } => self.start(instance)?,
        }
        Ok(())
    }

    fn slot(&mut self, instance: u8) -> &mut Slot {
        &mut self.slots[usize::from(instance)]
    }

    fn tell(&self, instance: u8, what: &str) {
        if self.slots[usize::from(instance)].streams.is_some() {
            self.adversary.note(self.now_ms, (instance, what), || format!("instance {instance} {what}"));
        }
    }

    /// One step of one thread; `None` if there is no such thread, or it stands still.
    pub(super) fn step(&mut self, instance: u8, thread: u8, luck: u64) -> Result<Option<Stepped>, Finding> {
        let (now_ms, adversary) = (self.now_ms, self.adversary.clone());
        let slot = self.slot(instance);
        if now_ms < slot.paused_until_ms {
            return Ok(None);
        }
        let Some(streams) = slot.streams.as_mut().filter(|streams| usize::from(thread) < streams.thread_count()) else {
            return Ok(None);
        };
        adversary.turn(Actor::Thread(instance, thread), luck);
        let stepped = streams.step_thread(usize::from(thread), now_ms);
        let state = streams.state();
        let has_ended = streams.has_ended();
        if has_ended {
            slot.streams = None;
        }
        let was_asked = slot.is_leaving;
        match stepped {
            Ok(_) if has_ended && !was_asked => {
                Err(Finding::new(FindingKind::Fatal, format!("instance {instance} has ended, and nobody asked it to")))
            }
            Ok(stepped) => {
                adversary.with_trace(|trace| {
                    let line = || format!("instance {instance}, thread {thread}: {stepped:?}, {state}");
                    trace.note_weighed(Weight::Nothing, now_ms, (instance, thread, stepped, state as u8), line);
                    trace.end_step();
                });
                adversary.turn(Actor::Observer, 0);
                Ok(Some(stepped))
            }
            Err(error) => Err(Finding::fatal(instance, &error)),
        }
    }

    pub(super) fn step_log(&mut self, luck: u64) -> Result<bool, Finding> {
        self.adversary.turn(Actor::Log, luck);
        // Under at-least-once nobody fences what a zombie has queued, here as in Kafka: its threads stand still, its client does not.
        let is_fenced = self.config.is_exactly_once();
        let still = (0..).zip(&self.slots).filter(|(_, slot)| is_fenced && self.now_ms < slot.paused_until_ms);
        self.adversary.stand_still(still.map(|(instance, _)| instance).collect());
        let did = self.log.step(self.now_ms).map_err(Finding::of_the_log)?;
        if did {
            let line = || String::from("does what is due");
            self.adversary.with_trace(|trace| trace.note_weighed(Weight::Eventful, self.now_ms, "log", line));
        }
        self.adversary.turn(Actor::Observer, 0);
        Ok(did)
    }

    fn kill(&mut self, instance: u8, thread: u8, cut: Option<Cut>, fate: DiskFate) -> Result<(), Finding> {
        if self.slot(instance).streams.is_none() {
            return Ok(());
        }
        if let Some(cut) = cut {
            self.adversary.cut(cut);
            // Whatever comes of a step without log and disk, the instance does not outlive it.
            let stepped = self.step(instance, thread, 0);
            if !self.adversary.mend() {
                stepped?;
            }
        }
        let at = || format!("instance {instance} is killed, its disk {}", fate.in_words());
        self.adversary.note(self.now_ms, (instance, fate), at);
        let slot = self.slot(instance);
        // The process ends before the next one looks at the disk.
        slot.streams = None;
        slot.paused_until_ms = 0;
        slot.disk = Arc::new(slot.disk.after(fate));
        slot.disks_lost += u32::from(fate == DiskFate::Lost);
        Ok(())
    }

    /// Starts an instance where there is none.
    pub(super) fn start(&mut self, instance: u8) -> Result<(), Finding> {
        self.adversary.turn(Actor::Observer, 0);
        let (simulation, log, registry, clock) =
            (self.simulation, self.port.clone(), self.registry.clone(), self.clock.clone());
        let config = self.config.clone().seed(u64::from(instance));
        let slot = self.slot(instance);
        if slot.streams.is_some() {
            return Ok(());
        }
        let process = format!("process-{instance}-{}", slot.disks_lost);
        let options = StartOptions::new()
            .log(log)
            .engine(slot.disk.clone())
            .registry(registry)
            .clock(Arc::new(clock))
            .process_id(process);
        let streams = SteppedStreams::start(&simulation.topology, config, options);
        slot.streams = Some(streams.map_err(|error| Finding::fatal(instance, &error))?);
        slot.paused_until_ms = 0;
        slot.is_leaving = false;
        self.tell(instance, "starts");
        Ok(())
    }

    /// Nobody stands still any more.
    pub(super) fn resume_all(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.paused_until_ms = 0);
    }

    /// Every instance is gone, and a new one finds an empty disk.
    pub(super) fn lose_all_disks(&mut self) {
        for slot in &mut self.slots {
            slot.streams = None;
            slot.disk = Arc::new(Disk::empty(&self.adversary));
            slot.disks_lost += 1;
        }
    }

    /// The instances that run.
    pub(super) fn running(&mut self) -> impl Iterator<Item = (u8, &mut SteppedStreams)> {
        let slots = self.slots.iter_mut().enumerate();
        slots.filter_map(|(instance, slot)| Some((instance as u8, slot.streams.as_mut()?)))
    }
}
