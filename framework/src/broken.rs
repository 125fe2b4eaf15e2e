//! Deliberately broken variants of the runtime: each forgets one thing on which the guarantees rest.
//!
//! A simulation that is worth its time finds every one of them. The feature `broken` builds them in, for tests alone: no
//! default feature and no other feature has it, and without it no trace of them is compiled.

use std::cell::Cell;
use std::fmt;
use std::str::FromStr;

macro_rules! variants {
    ($($name:ident = $sentence:literal;)+) => {
        /// What is broken.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Broken {
            $(#[doc = $sentence] $name,)+
        }

        impl Broken {
            /// Every variant.
            pub const ALL: &[Broken] = &[$(Broken::$name),+];

            /// What is broken, in a sentence.
            pub fn sentence(self) -> &'static str {
                match self {
                    $(Broken::$name => $sentence,)+
                }
            }
        }
    };
}

variants! {
    CommitBeforeFlush = "Caches are flushed after the commit instead of before: offsets stand for what was never sent.";
    OffsetsOutsideTransaction = "Offsets are committed by themselves instead of within the transaction.";
    OffsetsOfFetched = "Offsets are those of what was fetched instead of what was processed.";
    RestoreToLastStable = "Restoring stops at the last stable offset instead of the changelog's end.";
    RestoreUncommitted = "Restoring reads what was aborted, too.";
    InputUncommitted = "Inputs are read with what was aborted.";
    OverlayKept = "A rollback keeps what stores were to write.";
    CacheKept = "A rollback keeps tasks, with their caches and queues, as they are.";
    OutcomeAssumed = "A rollback goes on from where this thread believes it was, instead of asking the log how its last commit ended.";
    MissingFence = "A producer that was fenced is replaced in the middle of a commit, and the commit goes on.";
    WriteBeforeCommit = "Rows are written before the transaction is committed.";
    PositionBeforeRows = "While restoring, the position is safe before the rows are: these are written past the engine's log.";
    PartialTask = "A task is opened with a part of its partitions.";
    StreamTimeLost = "A task that is opened again begins without its stream time.";
    ReleaseBeforeCommit = "Tasks are given back without a commit.";
    SharedTask = "Two threads of an instance may have one task open.";
    TimeoutIgnored = "A message that timed out is taken for an answer that is late. Found by simulation in our own code.";
    JoinForgotten = "A thread that fails while it joins runs on without having joined. Found by simulation in our own code.";
    InitForgotten = "A new producer that could not be initialised is used all the same. Found by simulation in our own code.";
    LeaveInsisted = "A thread that has committed everything ends its instance with an error because the group does not hear that it leaves. Found by simulation in our own code.";
    RowsHidden = "A rollback hides the rows of tasks that other threads have. Found by simulation in our own code.";
    RestoredCountedAnew = "Records restored are counted from nothing when a task is opened again. Found by simulation in our own code.";
    Impatient = "Partitions that are apart for one metadata age end the instance. Found by simulation in our own code.";
}

impl Broken {
    /// Runs something with this variant, on this thread of the operating system alone.
    ///
    /// ```
    /// use kstreams::broken::Broken;
    ///
    /// let found = Broken::PartialTask.during(|| "a simulation");
    /// assert_eq!(found, "a simulation");
    /// ```
    pub fn during<T>(self, run: impl FnOnce() -> T) -> T {
        let before = CURRENT.replace(Some(self));
        let result = run();
        CURRENT.set(before);
        result
    }
}

thread_local! {
    static CURRENT: Cell<Option<Broken>> = const { Cell::new(None) };
}

/// Whether this variant runs.
pub(crate) fn is(variant: Broken) -> bool {
    CURRENT.get() == Some(variant)
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl FromStr for Broken {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Broken::ALL.iter().copied().find(|variant| variant.to_string() == name).ok_or_else(|| {
            let names: Vec<String> = Broken::ALL.iter().map(Broken::to_string).collect();
            format!("no broken variant `{name}`; there are {}", names.join(", "))
        })
    }
}
