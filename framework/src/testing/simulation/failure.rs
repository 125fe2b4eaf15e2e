//! What a simulation found, and how to see it again.

use super::trace::TraceHash;
use super::wording::counted;
use crate::error::Error;
use std::fmt;

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub(super) kind: FindingKind,
    pub(super) sentence: String,
    pub(super) detail: String,
    /// The run without any fault shows it already.
    pub(super) is_undisturbed: bool,
}

/// What does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// An output topic differs from that of the undisturbed run.
    Output(String),
    /// A store differs from that of the undisturbed run.
    Store(String),
    /// A store that was restored from nothing differs from what its owner had.
    Restored(String),
    /// Two instances have the same task.
    SharedTask,
    /// Input lies behind the committed offsets.
    Uncommitted,
    /// A transaction was left open.
    OpenTransaction,
    /// Stores hold back what should be committed.
    Leak,
    /// It does not come to an end after faults have stopped.
    Restless,
    /// An instance ended with an error that no fault explains.
    Fatal,
    /// An invariant of the user does not hold.
    Invariant(String),
    /// Something panicked.
    Panic,
    /// A seed does not come to the same each time: its input, or the course that the topology takes with it.
    NotDeterministic,
    /// The simulation itself could not go on.
    Log,
}

impl Finding {
    pub(super) fn new(kind: FindingKind, sentence: impl Into<String>) -> Self {
        Finding { kind, sentence: sentence.into(), detail: String::new(), is_undisturbed: false }
    }

    pub(super) fn with_detail(self, detail: impl Into<String>) -> Self {
        Finding { detail: detail.into(), ..self }
    }

    pub(super) fn fatal(instance: u8, error: &Error) -> Self {
        Finding::new(FindingKind::Fatal, format!("instance {instance} ended: {error}"))
    }

    pub(super) fn of_the_log(error: Error) -> Self {
        Finding::new(FindingKind::Log, format!("the simulated log failed: {error}"))
    }

    pub(super) fn restless(states: String) -> Self {
        Finding::new(FindingKind::Restless, "the application does not come to rest after faults have stopped")
            .with_detail(states)
    }

    pub(super) fn of_a_panic(words: &str) -> Self {
        Finding::new(FindingKind::Panic, format!("something panicked: {words}"))
    }

    /// Two runs of one seed, and no finding in either.
    pub(super) fn of_two_courses(one: TraceHash, other: TraceHash) -> Self {
        let sentence = "two runs of one seed took different courses: the topology asks for more than its records";
        Finding::new(FindingKind::NotDeterministic, sentence).with_detail(format!("  traces {one} and {other}"))
    }

    /// It was found without any fault.
    pub(super) fn undisturbed(self) -> Self {
        let sentence = format!("the undisturbed run already fails: {}", self.sentence);
        Finding { sentence, is_undisturbed: true, ..self }
    }

    /// The same seed did not show it again, or not by the same course.
    pub(super) fn unsteady(self) -> Self {
        let sentence = "when the seed ran again, it took another course: a closure asks for more than its records, as a clock, \
                        randomness or a static variable";
        let first = format!("what the first run found: {self}");
        Finding { kind: FindingKind::NotDeterministic, sentence: sentence.to_owned(), detail: first, ..self }
    }

    /// Whether both are about the same.
    pub(super) fn is_like(&self, other: &Finding) -> bool {
        (&self.kind, self.is_undisturbed) == (&other.kind, other.is_undisturbed)
    }

    /// What does not hold.
    ///
    /// ```
    #[doc = forgetting!()]
    /// let failure = simulation.check(0..50).expect_err("a field does not survive a crash");
    /// assert!(matches!(failure.finding().kind(), FindingKind::Output(topic) if topic == "numbered"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn kind(&self) -> &FindingKind {
        &self.kind
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, "\n{}", self.detail) }
    }
}

/// A seed whose run shows something that does not hold. It prints what, the seed, and the shortest story that was found.
#[derive(Debug, Clone)]
pub struct Failure {
    pub(super) seed: u64,
    pub(super) finding: Finding,
    pub(super) hash: TraceHash,
    /// Actions of the whole schedule.
    pub(super) actions: usize,
    pub(super) shortened: Shortened,
    /// The schedule is that of the seed.
    pub(super) is_of_seed: bool,
}

/// A shorter schedule with the same kind of finding.
#[derive(Debug, Clone, Default)]
pub(super) struct Shortened {
    pub(super) actions: usize,
    /// What the actions say; fewer lines than actions, where the same comes several times.
    pub(super) lines: Vec<String>,
    pub(super) records: usize,
    pub(super) instances: u8,
    pub(super) finding: Option<Finding>,
    pub(super) story: Vec<String>,
}

impl Failure {
    /// The seed that shows it.
    ///
    /// ```
    #[doc = forgetting!()]
    /// let failure = simulation.check(0..50).expect_err("a field does not survive a crash");
    /// assert!(simulation.run(failure.seed()).is_err()); // and never will
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// What does not hold.
    ///
    /// ```
    #[doc = forgetting!()]
    /// let failure = simulation.check(0..50).expect_err("a field does not survive a crash");
    /// let said = failure.finding().to_string();
    /// assert!(said.starts_with("topic `numbered` differs from the undisturbed run at key 7\n  expected [1 at 0, 2 at 1"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn finding(&self) -> &Finding {
        &self.finding
    }

    /// Stands for the course that the run took.
    ///
    /// ```
    #[doc = forgetting!()]
    /// let failure = simulation.check(0..50).expect_err("a field does not survive a crash");
    /// let again = simulation.run(failure.seed()).expect_err("it fails always");
    /// assert_eq!(again.trace_hash(), failure.trace_hash()); // and always on the same way
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn trace_hash(&self) -> TraceHash {
        self.hash
    }

    /// Who did what, in the shortest run that was found, line by line.
    ///
    /// ```
    #[doc = forgetting!()]
    /// let failure = simulation.check(0..50).expect_err("a field does not survive a crash");
    /// let story = failure.story();
    /// // The first ride after the crash is numbered 1 once more.
    /// let crash = story.iter().position(|line| line.contains(" is killed")).expect("it needs one");
    /// assert!(story[crash..].iter().any(|line| line.contains("queues 7 = 1 at")));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn story(&self) -> &[String] {
        &self.shortened.story
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { seed, finding, hash, actions, shortened, is_of_seed } = self;
        writeln!(f, "seed {seed}: {finding}")?;
        match (finding.is_undisturbed, &finding.kind) {
            // No run is like another.
            (_, FindingKind::NotDeterministic) => return Ok(()),
            (true, _) => writeln!(f, "trace {hash}")?,
            (false, _) => writeln!(f, "trace {hash}, {}", counted(*actions, "action"))?,
        }
        if let Some(finding) = &shortened.finding {
            writeln!(f, "shortened to {}: {finding}", shortened.extent())?;
            shortened.lines.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        }
        self.story().iter().try_for_each(|line| writeln!(f, "{line}"))?;
        match is_of_seed {
            true => writeln!(f, "again: `simulation.run({seed})`; in full: `simulation.story({seed})`"),
            false => {
                let again = format!("simulation.run_schedule({seed}, &schedule)");
                writeln!(f, "again: `{again}`; in full: `simulation.story_of({seed}, &schedule)`")
            }
        }
    }
}

impl Shortened {
    /// What it is made of.
    fn extent(&self) -> String {
        let records = counted(self.records, "record");
        match self.finding.as_ref().is_some_and(|finding| finding.is_undisturbed) {
            true => records,
            false => {
                let instances = counted(usize::from(self.instances), "instance");
                format!("{}, {records} and {instances}", counted(self.actions, "action"))
            }
        }
    }
}

impl std::error::Error for Failure {}
