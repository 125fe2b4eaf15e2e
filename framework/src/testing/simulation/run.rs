//! Runs: one seed, many seeds on all cores, the same seed again as a story.

use super::adversary::{Actor, Adversary};
use super::failure::{Failure, Finding, FindingKind, Shortened};
use super::faults::Conditions;
use super::outcome::{Content, Outcome};
use super::random::Random;
use super::schedule::{Schedule, Shape};
use super::story::Teller;
use super::trace::{Trace, TraceHash};
use super::world::World;
use super::{Simulation, input, oracle};
use crate::error::Result as LogResult;
use crate::serde::Registry;
use crate::serde::registry::EmbeddedRegistry;
use std::cell::Cell;
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};

/// Sets the choices of the schedule apart from those of the input.
const SCHEDULE: u64 = 0x9e37_79b9_7f4a_7c15;

/// Sets the choice of the commit interval apart.
const COMMITS: u64 = 0x94d0_49bb_1331_11eb;

/// Segments of internal topics in half of the seeds, in bytes.
const SEGMENT_BYTES: u32 = 300;

/// Sets the choice of the transaction timeout apart.
const TIMEOUT: u64 = 0xd1b5_4a32_d192_ed03;

/// A run without a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ran {
    /// The seed.
    pub seed: u64,
    /// Stands for the course that the run took: another run of this seed has the same.
    pub hash: TraceHash,
    /// Steps, calls, faults and changes of the run.
    pub events: u64,
}

/// Many runs without a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Seeds that ran.
    pub seeds: u64,
    /// The events of all runs.
    pub events: u64,
}

/// What one run is made of.
pub(super) struct Given<'a> {
    pub(super) seed: u64,
    pub(super) schedule: &'a Schedule,
    /// Only so many records of the input, beside those that are there before the start.
    pub(super) records: usize,
}

/// What became of a run.
pub(super) struct Attempt {
    pub(super) result: Result<(), Finding>,
    pub(super) hash: TraceHash,
    pub(super) events: u64,
    pub(super) story: Vec<String>,
}

impl Simulation {
    /// Runs one seed.
    ///
    /// # Errors
    /// What the run found, shortened.
    pub fn run(&self, seed: u64) -> Result<Ran, Box<Failure>> {
        let (schedule, records) = self.draw(seed);
        let Attempt { result, hash, events, .. } = self.attempt(&Given { seed, schedule: &schedule, records }, false);
        let Err(finding) = result else { return Ok(Ran { seed, hash, events }) };
        let shortened = self.shorten(seed, finding.kind(), &schedule, records);
        Err(Box::new(Failure { seed, finding, hash, actions: schedule.actions.len(), shortened }))
    }

    /// Runs one seed and looks only whether it finds something: the failure is not shortened.
    ///
    /// # Errors
    /// What the run found.
    pub fn try_run(&self, seed: u64) -> Result<Ran, Box<Failure>> {
        self.run_schedule(seed, &self.schedule(seed))
    }

    /// The schedule of a seed.
    ///
    /// ```
    /// # use kstreams::{config::Config, dsl::StreamsBuilder, testing::simulation::Simulation};
    /// # let builder = StreamsBuilder::new();
    /// # builder.stream::<i32, i32>("in").to("out");
    /// let simulation = Simulation::new(&builder.build()?, Config::new("app", "embedded:")).steps(100);
    /// assert_eq!(simulation.schedule(7), simulation.schedule(7));
    /// assert!(format!("{:?}", simulation.schedule(7)).contains("instance 0 starts"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn schedule(&self, seed: u64) -> Schedule {
        self.draw(seed).0
    }

    /// Runs the input of a seed under a schedule, be it that seed's or another. The failure is not shortened: what made the
    /// schedule can do that, as `testing::strategies::schedules` does with proptest.
    ///
    /// # Errors
    /// What the run found.
    ///
    /// ```
    /// # use kstreams::{config::Config, dsl::StreamsBuilder};
    /// use kstreams::testing::simulation::{Compare, InputRecord, Simulation};
    ///
    /// # let builder = StreamsBuilder::new();
    /// # builder.stream::<i32, i32>("in").to("out");
    /// let simulation = Simulation::new(&builder.build()?, Config::new("app", "embedded:").exactly_once())
    ///     .topic("in", 1)
    ///     .output("out", 1, Compare::InOrder)
    ///     .input("in", |random| vec![InputRecord::new(1, random.between(0, 9) as i32, 0)]);
    /// let schedule = simulation.schedule(7);
    /// // Other input in the same circumstances.
    /// let ran = simulation.run_schedule(8, &schedule).unwrap_or_else(|failure| panic!("{failure}"));
    /// assert_eq!(Ok(ran.hash), simulation.run_schedule(8, &schedule).map(|ran| ran.hash).map_err(|_| ()));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn run_schedule(&self, seed: u64, schedule: &Schedule) -> Result<Ran, Box<Failure>> {
        let given = Given { seed, schedule, records: usize::MAX };
        let Attempt { result, hash, events, .. } = self.attempt(&given, false);
        let failure = |finding| {
            let shortened = Shortened::default();
            Box::new(Failure { seed, finding, hash, actions: schedule.actions.len(), shortened })
        };
        result.map(|()| Ran { seed, hash, events }).map_err(failure)
    }

    /// Runs many seeds on all cores.
    ///
    /// # Errors
    /// The finding of the lowest seed of those that were under way when the first one failed.
    pub fn check(&self, seeds: Range<u64>) -> Result<Summary, Box<Failure>> {
        self.check_with(seeds, &|_| {})
    }

    /// [`check`](Self::check) that tells how far it is after every run, from any thread.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_with(&self, seeds: Range<u64>, progress: &(dyn Fn(Summary) + Sync)) -> Result<Summary, Box<Failure>> {
        let (next, stops) = (AtomicU64::new(seeds.start), AtomicBool::new(false));
        let (done, first) = (Mutex::new(Summary::default()), Mutex::new(None::<Box<Failure>>));
        let work = || {
            while !stops.load(Ordering::Relaxed) {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds.end {
                    return;
                }
                match self.try_run(seed) {
                    Ok(ran) => {
                        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                        done.seeds += 1;
                        done.events += ran.events;
                        progress(*done);
                    }
                    Err(failure) => {
                        stops.store(true, Ordering::Relaxed);
                        let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
                        if first.as_ref().is_none_or(|known| failure.seed < known.seed) {
                            *first = Some(failure);
                        }
                    }
                }
            }
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| (0..cores).for_each(|_| _ = scope.spawn(work)));
        match first.into_inner().unwrap_or_else(PoisonError::into_inner) {
            // Once more, to shorten it.
            Some(mut failure) => Err(self.run(failure.seed).err().unwrap_or_else(|| {
                failure.finding = failure.finding.vanished();
                failure
            })),
            None => Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// Runs a seed and tells who did what, line by line, up to its end or its finding.
    pub fn story(&self, seed: u64) -> Vec<String> {
        let (schedule, records) = self.draw(seed);
        let Attempt { result, hash, mut story, .. } = self.attempt(&Given { seed, schedule: &schedule, records }, true);
        story.push(match result {
            Ok(()) => format!("everything holds; trace {hash}"),
            Err(finding) => format!("{finding}\ntrace {hash}"),
        });
        story
    }

    /// The schedule of a seed, and how many records its input has.
    fn draw(&self, seed: u64) -> (Schedule, usize) {
        let records = self.records(seed);
        (Schedule::draw(self.shape(records), &self.faults, &mut Random::new(seed ^ SCHEDULE)), records)
    }

    /// How many records the input of a seed has, beside those that are there before the start.
    pub(in crate::testing) fn records(&self, seed: u64) -> usize {
        // An input that cannot be drawn is reported by the run.
        let input = input::draw(&self.inputs, &mut Random::new(seed), &new_registry());
        input.map_or(0, |input| input.iter().filter(|message| !message.is_before).count())
    }

    pub(in crate::testing) fn shape(&self, records: usize) -> Shape {
        Shape {
            instances: self.instances,
            threads: u8::try_from(self.config.num_stream_threads + usize::from(self.has_globals())).unwrap_or(u8::MAX),
            steps: self.steps,
            records,
            long_pause_ms: u16::try_from(self.config.session_timeout_ms + 2_000).unwrap_or(u16::MAX),
        }
    }

    /// One run: undisturbed, then by the schedule, then compared.
    pub(super) fn attempt(&self, given: &Given<'_>, tells: bool) -> Attempt {
        let adversary = Adversary::new(given.schedule.conditions.clone(), Trace::new(tells));
        let run = || caught(|| self.both(given, &adversary));
        let run = || match tells {
            true => tracing::subscriber::with_default(Teller(adversary.clone()), run),
            false => run(),
        };
        let result = run().unwrap_or_else(|panic| {
            Err(Finding::new(FindingKind::Panic, format!("something panicked: {}", words(&*panic))))
        });
        adversary.with_trace(|trace| Attempt {
            result,
            hash: trace.hash(),
            events: trace.events(),
            story: trace.take_story(),
        })
    }

    fn both(&self, given: &Given<'_>, adversary: &Adversary) -> Result<(), Finding> {
        // The same registry for both runs: the ids of schemas are in the bytes that are compared.
        let registry = new_registry();
        let peace = Adversary::new(Conditions::draw(&[], &mut Random::new(0)), Trace::new(false));
        let mut undisturbed = self.world(given, &peace, &registry)?;
        undisturbed.settle(1, false).map_err(Finding::undisturbed)?;
        let expected = self.content(&mut undisturbed, given.seed).map_err(Finding::undisturbed)?;
        drop(undisturbed);
        #[cfg(feature = "broken")]
        if let Some(variant) = self.broken {
            return variant.during(|| self.disturbed(given, adversary, &registry, &expected));
        }
        self.disturbed(given, adversary, &registry, &expected)
    }

    /// The run by the schedule. What it came to is what was expected, and can be restored.
    fn disturbed(
        &self,
        given: &Given<'_>,
        adversary: &Adversary,
        registry: &Arc<dyn Registry>,
        expected: &Content,
    ) -> Result<(), Finding> {
        let mut world = self.world(given, adversary, registry)?;
        for action in &given.schedule.actions {
            world.act(*action)?;
        }
        world.settle(self.instances, true)?;
        let content = self.content(&mut world, given.seed)?;
        adversary.note(world.now_ms, digest(&content), || String::from("at rest"));
        self.compare(expected, &content)?;
        self.rebuild(&mut world, &content)
    }

    fn world<'a>(
        &'a self,
        given: &Given<'_>,
        adversary: &Adversary,
        registry: &Arc<dyn Registry>,
    ) -> Result<World<'a>, Finding> {
        let world = || -> LogResult<World<'a>> {
            let mut input = input::draw(&self.inputs, &mut Random::new(given.seed), registry)?;
            let before = input.iter().filter(|message| message.is_before).count();
            input.truncate(before.saturating_add(given.records));
            let mut config = self.config.clone();
            let timeouts_ms = Random::new(given.seed ^ TIMEOUT).pick(&self.timeouts_ms).to_owned();
            (config.session_timeout_ms, config.transaction_timeout_ms) = timeouts_ms;
            // Commits that come all the time, or hold back much.
            let interval_ms = *Random::new(given.seed ^ COMMITS).pick(&[20, 20, 100]);
            config.commit_interval_ms = config.commit_interval_ms.or(Some(interval_ms));
            if given.seed % 2 == 1 {
                // Segments so small that changelogs are compacted while they are written.
                config.topic_configs.entry(String::from("segment.bytes")).or_insert(SEGMENT_BYTES.to_string());
            }
            World::new(self, adversary.clone(), registry.clone(), input, config)
        };
        world().map_err(Finding::of_the_log)
    }

    /// What a run that is at rest came to, if everything is as it must be.
    fn content(&self, world: &mut World<'_>, seed: u64) -> Result<Content, Finding> {
        world.adversary.turn(Actor::Observer, 0);
        let topics = world.read_topics()?;
        let (rows, global_rows) = world.read_rows()?;
        let content = Content { topics, rows, global_rows };
        oracle::check_rest(world, &content)?;
        let registry = world.registry().clone();
        let instances = world.slots.iter().filter_map(|slot| slot.streams.as_ref()).collect();
        let outcome = Outcome { content: &content, registry, instances, seed };
        for invariant in &self.invariants {
            let holds = caught(|| (invariant.holds)(&outcome));
            let why = match holds {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(panic) => words(&*panic),
            };
            let sentence = format!("`{}` does not hold: {why}", invariant.name);
            return Err(Finding::new(FindingKind::Invariant(invariant.name.clone()), sentence));
        }
        Ok(content)
    }

    /// Stores that are restored from nothing are as they were.
    fn rebuild(&self, world: &mut World<'_>, content: &Content) -> Result<(), Finding> {
        world.lose_all_disks();
        world.settle(1, true)?;
        world.adversary.turn(Actor::Observer, 0);
        let topics = world.read_topics()?;
        let (rows, globals) = world.read_rows()?;
        let again = Content { topics, rows, global_rows: globals };
        oracle::check_rest(world, &again)?;
        // Whoever restores processes nothing a second time.
        self.compare_outputs(content, &again)?;
        let Content { rows, global_rows: globals, .. } = again;
        let is_logged = |name: &str| self.is_logged(name);
        let logged = content.rows.iter().filter(|((name, _), _)| is_logged(name));
        let logged = logged.map(|(store, rows)| (store.clone(), rows.clone())).collect();
        let rows = rows.into_iter().filter(|((name, _), _)| is_logged(name)).collect();
        self.compare_rows(&logged, &rows, FindingKind::Restored, "its owner, once restored from its changelog")?;
        for (before, after) in content.global_rows.iter().zip(&globals) {
            self.compare_rows(before, after, FindingKind::Restored, "its owner, once read again")?;
        }
        Ok(())
    }
}

fn new_registry() -> Arc<dyn Registry> {
    Arc::new(EmbeddedRegistry::default())
}

/// A panic is a finding, told with its seed: the report that every panic prints would only drown it.
fn caught<T>(run: impl FnOnce() -> T) -> std::thread::Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| match IS_CAUGHT.get() {
            true => PLACE.set(info.location().map(ToString::to_string)),
            false => report(info),
        }));
    });
    let before = IS_CAUGHT.replace(true);
    let result = catch_unwind(AssertUnwindSafe(run));
    IS_CAUGHT.set(before);
    result
}

thread_local! {
    /// Where the last one was.
    static PLACE: Cell<Option<String>> = const { Cell::new(None) };
    /// Whether a panic of this thread is a finding.
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Everything that a run came to, for its trace.
fn digest(content: &Content) -> impl std::hash::Hash {
    let messages = content.topics.values().flatten();
    let messages = messages.map(|message| {
        let place = message.partition.to_string();
        (place, message.offset, message.key.clone(), message.value.clone(), message.timestamp)
    });
    (messages.collect::<Vec<_>>(), content.rows.clone(), content.global_rows.clone())
}

/// What a panic says.
fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    let text = text.unwrap_or("no message");
    PLACE.take().map_or_else(|| text.to_owned(), |place| format!("{text} (at {place})"))
}
