//! What an instance counts: plain numbers that its threads add to once a step and anybody may read.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($name:ident: $doc:literal;)*) => {
        /// The counters themselves.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        /// What an instance has counted since it was started.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counts {
            $(#[doc = $doc] pub $name: u64,)*
        }

        impl Counters {
            /// The numbers now.
            pub(crate) fn counts(&self) -> Counts {
                Counts { $($name: self.$name.count(),)* }
            }
        }
    };
}

counters! {
    processed: "Records processed.";
    dropped: "Records dropped by a documented rule or skipped by an error policy.";
    dead_letters: "Records sent to the dead-letter topic; they count as dropped, too.";
    sent: "Messages sent to outputs, repartition topics and changelogs.";
    restored: "Changelog messages applied to stores before their tasks ran, global tables included.";
    commits: "Commits.";
    rollbacks: "Rollbacks.";
    punctuations: "Rounds of punctuations in which at least one was due.";
    tasks_opened: "Tasks that began to process.";
    stores_wiped: "Stores that were deleted and restored in full.";
}

/// One number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds to it.
    pub(crate) fn add(&self, more: u64) {
        if more > 0 {
            self.0.fetch_add(more, Ordering::Relaxed);
        }
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
