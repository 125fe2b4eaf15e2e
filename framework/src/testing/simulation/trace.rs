//! The trace: everything that happened, as a hash, and on request as a story to read.

use super::adversary::Actor;
use super::story::{Story, Weight};
use std::fmt;
use std::hash::{Hash, Hasher};

/// FNV-1a: the same on every machine and in every build, which the standard library's hasher does not promise.
#[derive(Debug, Clone, Copy)]
struct Fnv(u64);

/// Numbers by one order of bytes and one width, whatever the machine's are.
macro_rules! numbers {
    ($($write:ident: $number:ty),+ $(,)?) => {
        $(fn $write(&mut self, number: $number) {
            self.write(&number.to_le_bytes());
        })+
    };
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    numbers! {
        write_u16: u16, write_u32: u32, write_u64: u64, write_u128: u128,
        write_i16: i16, write_i32: i32, write_i64: i64, write_i128: i128,
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_isize(&mut self, number: isize) {
        self.write_i64(number as i64);
    }
}

/// The events of one run.
#[derive(Debug)]
pub(super) struct Trace {
    hash: Fnv,
    events: u64,
    story: Option<Story>,
    /// When the last event was.
    now_ms: i64,
}

impl Trace {
    pub(super) fn new(tells: bool) -> Self {
        Trace { hash: Fnv(0xcbf2_9ce4_8422_2325), events: 0, story: tells.then(Story::default), now_ms: 0 }
    }

    /// Whether it becomes a story.
    pub(super) fn tells(&self) -> bool {
        self.story.is_some()
    }

    /// Notes an event that is told by itself, whoever is at work: `event` goes into the hash, `line` into the story.
    pub(super) fn note(&mut self, now_ms: i64, event: impl Hash, line: impl FnOnce() -> String) {
        self.count(now_ms, event);
        if let Some(story) = &mut self.story {
            story.state(now_ms, &line());
        }
    }

    /// Notes what whoever is at work does; it may not be worth telling.
    pub(super) fn note_weighed(
        &mut self,
        weight: Weight,
        now_ms: i64,
        event: impl Hash,
        line: impl FnOnce() -> String,
    ) {
        self.count(now_ms, event);
        if let Some(story) = self.story.as_mut().filter(|_| weight != Weight::Nothing) {
            story.tell(line(), weight);
        }
    }

    fn count(&mut self, now_ms: i64, event: impl Hash) {
        self.events += 1;
        self.now_ms = now_ms;
        now_ms.hash(&mut self.hash);
        event.hash(&mut self.hash);
    }

    /// Something for the story of whoever is at work that is not part of the run's course.
    pub(super) fn say(&mut self, line: &str) {
        if let Some(story) = &mut self.story {
            story.tell(line.to_owned(), Weight::Eventful);
        }
    }

    /// A step begins.
    pub(super) fn begin_step(&mut self, actor: Actor) {
        let now_ms = self.now_ms;
        self.story.iter_mut().for_each(|story| story.begin(actor, now_ms));
    }

    /// A step is over.
    pub(super) fn end_step(&mut self) {
        let now_ms = self.now_ms;
        self.story.iter_mut().for_each(|story| story.end(now_ms));
    }

    pub(super) fn hash(&self) -> TraceHash {
        TraceHash(self.hash.finish())
    }

    pub(super) fn events(&self) -> u64 {
        self.events
    }

    pub(super) fn take_story(&mut self) -> Vec<String> {
        let now_ms = self.now_ms;
        self.story.take().map(|story| story.into_lines(now_ms)).unwrap_or_default()
    }
}

/// Stands for everything that happened in a run: two runs of equal hash took the same course.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceHash(u64);

impl fmt::Debug for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(events: &[(i64, &str)]) -> TraceHash {
        let mut trace = Trace::new(false);
        events.iter().for_each(|(now_ms, event)| trace.note(*now_ms, event, || unreachable!("no story was asked for")));
        trace.hash()
    }

    #[test]
    fn hash_tells_events_times_and_order_apart() {
        let one = hash(&[(1, "a"), (2, "b")]);
        assert_eq!(one, hash(&[(1, "a"), (2, "b")]));
        for other in [hash(&[(1, "a"), (3, "b")]), hash(&[(1, "b"), (2, "a")]), hash(&[(1, "a")])] {
            assert_ne!(one, other);
        }
    }
}
