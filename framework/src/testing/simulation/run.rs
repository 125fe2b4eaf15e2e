//! Runs: one seed, with its schedule or another, and the same seed again as a story.

use super::adversary::{Actor, Adversary};
use super::failure::{Failure, Finding, FindingKind, Shortened};
use super::faults::Conditions;
use super::input::InputMessage;
use super::outcome::{Content, Outcome};
use super::panics::caught;
use super::random::Random;
use super::schedule::{Schedule, Shape};
use super::story::Teller;
use super::trace::{Trace, TraceHash};
use super::world::World;
use super::{Compare, Simulation, input, oracle};
use crate::error::Result as LogResult;
use crate::serde::Registry;
use crate::serde::registry::EmbeddedRegistry;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// Sets the choices of the schedule apart from those of the input.
const SCHEDULE: u64 = 0x9e37_79b9_7f4a_7c15;

/// Sets the choice of the commit interval apart.
const COMMITS: u64 = 0x94d0_49bb_1331_11eb;

/// Sets the choice of the timeouts apart.
const TIMEOUTS: u64 = 0xd1b5_4a32_d192_ed03;

/// Segments of internal topics in half of the seeds, in bytes.
const SEGMENT_BYTES: u32 = 300;

/// A run without a finding.
///
/// ```
#[doc = counting!()]
/// let ran = simulation().run(7).unwrap_or_else(|failure| panic!("{failure}"));
/// let again = simulation().run(7).unwrap_or_else(|failure| panic!("{failure}"));
/// assert_eq!(ran, again); // the same course: the hashes are equal
/// let other = simulation().run(8).unwrap_or_else(|failure| panic!("{failure}"));
/// assert_ne!(ran.hash, other.hash);
/// # Ok::<(), kstreams::error::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ran {
    /// The seed.
    pub seed: u64,
    /// Stands for the course that the run took: another run of this seed has the same.
    pub hash: TraceHash,
    /// Steps, calls, faults and changes of the run.
    pub events: u64,
}

/// What one run is made of.
pub(super) struct Given<'a> {
    pub(super) seed: u64,
    pub(super) schedule: &'a Schedule,
    /// The records of the input that do not come, by their places.
    pub(super) left_out: &'a BTreeSet<usize>,
    /// So many instances run when faults have stopped.
    pub(super) instances: u8,
}

/// What became of a run.
pub(super) struct Attempt {
    pub(super) result: Result<(), Finding>,
    pub(super) hash: TraceHash,
    pub(super) events: u64,
    pub(super) story: Vec<String>,
    /// Outputs that are compared, but empty in the undisturbed run.
    pub(super) empty_outputs: BTreeSet<String>,
}

impl Simulation {
    /// Runs one seed.
    ///
    /// # Errors
    /// What the run found, shortened.
    ///
    /// ```
    #[doc = counting!()]
    /// let ran = simulation().run(7).unwrap_or_else(|failure| panic!("{failure}"));
    /// assert_eq!(ran.seed, 7);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn run(&self, seed: u64) -> Result<Ran, Box<Failure>> {
        let schedule = self.schedule(seed);
        let given = self.given(seed, &schedule);
        let Attempt { result, hash, events, .. } = self.attempt(&given, false);
        let Err(finding) = result else { return Ok(Ran { seed, hash, events }) };
        let is_steady = self.attempt(&given, false).hash == hash;
        let finding = if is_steady { finding } else { finding.unsteady() };
        let shortened = match finding.kind() {
            // What comes by chance does so in a short run, too, which says nothing.
            FindingKind::NotDeterministic => Shortened::default(),
            _ => self.shorten(seed, &finding, &schedule, self.input_len(seed)),
        };
        Err(Box::new(Failure { seed, finding, hash, actions: schedule.actions.len(), shortened, is_of_seed: true }))
    }

    /// Runs one seed and looks only whether it finds something: the failure is not shortened.
    ///
    /// # Errors
    /// What the run found.
    ///
    /// ```
    #[doc = forgetting!()]
    /// let seed = (0..50).find(|seed| simulation.try_run(*seed).is_err()).expect("some seed has a crash in the middle");
    /// let failure = simulation.try_run(seed).unwrap_err();
    /// assert!(failure.story().is_empty()); // what `run` would have spent most of its time on
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
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
        let records = self.records(seed);
        Schedule::draw(self.shape(records), &self.faults, &mut Random::new(seed ^ SCHEDULE))
    }

    /// Runs the input of a seed under a schedule, be it that seed's or another. The failure is not shortened: what made the
    /// schedule can do that, as `testing::strategies::schedules` does with proptest. [`story_of`](Self::story_of) tells it.
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
        self.told(seed, schedule).map(|(ran, _)| ran)
    }

    /// A run, and the outputs that were empty in its undisturbed half.
    pub(super) fn told(&self, seed: u64, schedule: &Schedule) -> Result<(Ran, BTreeSet<String>), Box<Failure>> {
        let Attempt { result, hash, events, empty_outputs, .. } = self.attempt(&self.given(seed, schedule), false);
        let failure = |finding| {
            let (shortened, is_of_seed) = (Shortened::default(), *schedule == self.schedule(seed));
            Box::new(Failure { seed, finding, hash, actions: schedule.actions.len(), shortened, is_of_seed })
        };
        result.map(|()| (Ran { seed, hash, events }, empty_outputs)).map_err(failure)
    }

    /// Runs a seed and tells who did what, line by line, up to its end or its finding.
    ///
    /// ```
    #[doc = counting!()]
    /// let story = simulation().story(7);
    /// assert!(story[0].starts_with("  1000000 ms  input: ")); // the virtual clock, and who did what
    /// assert!(story.last().unwrap().starts_with("everything holds; trace "));
    /// // What was read and written is in it.
    /// assert!(story.iter().any(|line| line.contains("reads \"station ") && line.contains(" of rides-")));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn story(&self, seed: u64) -> Vec<String> {
        self.story_of(seed, &self.schedule(seed))
    }

    /// The same of a seed's input under a schedule, be it that seed's or another: what became of a
    /// [`run_schedule`](Self::run_schedule).
    ///
    /// ```
    #[doc = counting!()]
    /// let simulation = simulation();
    /// let schedule = simulation.schedule(7);
    /// assert_eq!(simulation.story_of(7, &schedule), simulation.story(7));
    /// assert_ne!(simulation.story_of(8, &schedule), simulation.story(8)); // other input, in the circumstances of seed 7
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn story_of(&self, seed: u64, schedule: &Schedule) -> Vec<String> {
        let Attempt { result, hash, mut story, .. } = self.attempt(&self.given(seed, schedule), true);
        story.push(match result {
            Ok(()) => format!("everything holds; trace {hash}"),
            Err(finding) => format!("{finding}\ntrace {hash}"),
        });
        story
    }

    /// All of a seed's input under a schedule.
    fn given<'a>(&self, seed: u64, schedule: &'a Schedule) -> Given<'a> {
        static NONE: BTreeSet<usize> = BTreeSet::new();
        Given { seed, schedule, left_out: &NONE, instances: self.instances }
    }

    /// How many records the input of a seed has, beside those that are there before the start.
    pub(in crate::testing) fn records(&self, seed: u64) -> usize {
        // An input that cannot be drawn is reported by the run.
        let input = self.input_of(seed, &new_registry());
        input.map_or(0, |input| input.iter().filter(|message| !message.is_before).count())
    }

    /// How many records the input of a seed has.
    fn input_len(&self, seed: u64) -> usize {
        self.input_of(seed, &new_registry()).map_or(0, |input| input.len())
    }

    pub(in crate::testing) fn shape(&self, records: usize) -> Shape {
        let timeout_ms =
            self.timeouts_ms.iter().map(|(session_ms, transaction_ms)| *session_ms.max(transaction_ms)).max();
        Shape {
            instances: self.instances,
            threads: u8::try_from(self.config.num_stream_threads + usize::from(self.has_globals())).unwrap_or(u8::MAX),
            steps: self.steps,
            records,
            long_pause_ms: u32::try_from(timeout_ms.unwrap_or_default() + 2_000).unwrap_or(u32::MAX),
        }
    }

    /// One run: undisturbed, then by the schedule, then compared.
    pub(super) fn attempt(&self, given: &Given<'_>, tells: bool) -> Attempt {
        let peace = Adversary::new(Conditions::draw(&[], &mut Random::new(0)), Trace::new(tells));
        let adversary = Adversary::new(given.schedule.conditions.clone(), Trace::new(tells));
        let both = caught(|| self.both(given, &peace, &adversary));
        let result = both.unwrap_or_else(|words| Err(Finding::of_a_panic(&words)));
        let told = match &result {
            Err(finding) if finding.is_undisturbed => &peace,
            _ => &adversary,
        };
        let (result, empty_outputs) = match result {
            Ok(empty) => (Ok(()), empty),
            Err(finding) => (Err(finding), BTreeSet::new()),
        };
        told.with_trace(|trace| Attempt {
            result,
            hash: trace.hash(),
            events: trace.events(),
            story: trace.take_story(),
            empty_outputs,
        })
    }

    fn both(&self, given: &Given<'_>, peace: &Adversary, adversary: &Adversary) -> Result<BTreeSet<String>, Finding> {
        // The same registry for both runs: the ids of schemas are in the bytes that are compared.
        let registry = new_registry();
        let input = self.input_of(given.seed, &registry)?;
        let expected = heard(peace, || {
            let mut undisturbed = self.world(given, peace, &registry, &input)?;
            undisturbed.settle(1, false)?;
            self.content(&mut undisturbed, given.seed)
        });
        // Drawn again only now, for a clock to have gone on.
        input::check_same(&input, &self.input_of(given.seed, &registry)?)?;
        let expected = expected.map_err(Finding::undisturbed)?;
        let disturbed = || heard(adversary, || self.disturbed(given, adversary, &registry, &input, &expected));
        #[cfg(feature = "broken")]
        match self.broken {
            Some(variant) => variant.during(disturbed)?,
            None => disturbed()?,
        }
        #[cfg(not(feature = "broken"))]
        disturbed()?;
        Ok(self.empty_outputs(&expected))
    }

    /// Outputs of which a comparison says nothing.
    fn empty_outputs(&self, expected: &Content) -> BTreeSet<String> {
        let compared = self.topics.iter().filter(|topic| topic.is_output && topic.compare != Compare::Nothing);
        let is_empty = |topic| expected.topics.get(topic).is_none_or(Vec::is_empty);
        compared.map(|topic| &topic.new.topic).filter(|topic| is_empty(topic)).map(ToString::to_string).collect()
    }

    /// The run by the schedule. What it came to is what was expected, and can be restored.
    fn disturbed(
        &self,
        given: &Given<'_>,
        adversary: &Adversary,
        registry: &Arc<dyn Registry>,
        input: &VecDeque<InputMessage>,
        expected: &Content,
    ) -> Result<(), Finding> {
        let mut world = self.world(given, adversary, registry, input)?;
        for action in &given.schedule.actions {
            world.act(*action)?;
        }
        world.settle(given.instances, true)?;
        let content = self.content(&mut world, given.seed)?;
        adversary.note(world.now_ms, content.digest(), || String::from("at rest"));
        self.compare(expected, &content)?;
        self.rebuild(&mut world, &content, given.seed)
    }

    fn world<'a>(
        &'a self,
        given: &Given<'_>,
        adversary: &Adversary,
        registry: &Arc<dyn Registry>,
        input: &VecDeque<InputMessage>,
    ) -> Result<World<'a>, Finding> {
        let world = || -> LogResult<World<'a>> {
            let kept = input.iter().enumerate().filter(|(place, _)| !given.left_out.contains(place));
            let input = kept.map(|(_, message)| message.clone()).collect();
            let mut config = self.config.clone();
            let timeouts_ms = Random::new(given.seed ^ TIMEOUTS).pick(&self.timeouts_ms).to_owned();
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
        let content = world.read_content()?;
        oracle::check_rest(world, &content)?;
        self.ask_invariants(world, &content, seed)?;
        Ok(content)
    }

    fn ask_invariants(&self, world: &World<'_>, content: &Content, seed: u64) -> Result<(), Finding> {
        let registry = world.registry().clone();
        let instances = world.slots.iter().filter_map(|slot| slot.streams.as_ref()).collect();
        let outcome = Outcome { content, registry, instances, seed };
        for invariant in &self.invariants {
            let holds = caught(|| (invariant.holds)(&outcome));
            let why = match holds {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(words) => words,
            };
            let sentence = format!("`{}` does not hold: {why}", invariant.name);
            return Err(Finding::new(FindingKind::Invariant(invariant.name.clone()), sentence));
        }
        Ok(())
    }

    /// Stores that are restored from nothing are as they were.
    fn rebuild(&self, world: &mut World<'_>, content: &Content, seed: u64) -> Result<(), Finding> {
        world.lose_all_disks();
        if let Some(retention_ms) = self.retention_ms() {
            // What was processed is not read again, and need not be there any more.
            world.pass(retention_ms + 1);
            world.step_log(0)?;
        }
        world.settle(1, true)?;
        world.adversary.turn(Actor::Observer, 0);
        let mut again = world.read_content()?;
        oracle::check_rest(world, &again)?;
        // Whoever restores processes nothing a second time.
        self.compare_outputs(content, &again)?;
        again.keep_inputs_of(content, |topic| self.is_output(topic));
        self.ask_invariants(world, &again, seed)?;
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

/// Runs it; a panic is a finding, and what the application logs goes into the story.
fn heard<T>(adversary: &Adversary, run: impl FnOnce() -> Result<T, Finding>) -> Result<T, Finding> {
    let run = || caught(run).unwrap_or_else(|words| Err(Finding::of_a_panic(&words)));
    match adversary.with_trace(|trace| trace.tells()) {
        true => tracing::subscriber::with_default(Teller(adversary.clone()), run),
        false => run(),
    }
}
