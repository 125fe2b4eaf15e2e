//! The cases: a topology, its input topics, and what they get in which order.

use crate::input::{self, Part};
use system_tests::desk::Input;

/// How a topology is run, and what can be equal then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// Without a cache: every update of every key, in order.
    EveryUpdate,
    /// The same in transactions.
    ExactlyOnce,
    /// With the default cache: which updates are held back is a matter of time, the last one of a key is not.
    Cached,
}

impl Variant {
    /// A word for names of applications.
    pub fn word(self) -> &'static str {
        match self {
            Variant::EveryUpdate => "plain",
            Variant::ExactlyOnce => "eos",
            Variant::Cached => "cached",
        }
    }

    /// Kafka Streams' keys for it.
    pub fn config(self) -> Vec<(String, String)> {
        // Commits are frequent so that tests end soon, and nothing is deleted before it was looked at.
        let mut config = vec![("commit.interval.ms", "100"), ("repartition.purge.interval.ms", "3600000")];
        match self {
            Variant::EveryUpdate => config.push(("statestore.cache.max.bytes", "0")),
            Variant::ExactlyOnce => {
                config.extend([("statestore.cache.max.bytes", "0"), ("processing.guarantee", "exactly_once_v2")]);
                // Those who were killed are missed soon.
                config.extend([("session.timeout.ms", "6000"), ("transaction.timeout.ms", "5000")]);
            }
            Variant::Cached => {}
        }
        config.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }
}

/// One topology with its input.
pub struct Case {
    /// The topology's name.
    pub name: &'static str,
    /// Its input topics and their partitions.
    pub topics: &'static [(&'static str, i32)],
    /// What it gets, from that time on (milliseconds): the first part before it starts, the next when it has nothing left to
    /// do, so that the order between topics is certain.
    pub phases: fn(i64) -> Vec<Vec<Input>>,
    /// Those of its input topics that are read into global tables: nobody commits offsets of them.
    pub globals: &'static [&'static str],
    /// Topics, without the application's name, in which records of one key come from several partitions: in any order.
    pub unordered: &'static [&'static str],
}

const MINUTE_MS: i64 = 60_000;

const fn part(topic: &'static str, records: usize, from_ms: i64) -> Part {
    Part { topic, records, seed: records as u64, from_ms }
}

fn words(from_ms: i64) -> Vec<Vec<Input>> {
    // Two minutes of words a phase, so that some of one phase are late in the next.
    let words = |records, minutes| input::words(part("words", records, from_ms + minutes * MINUTE_MS), |_, _| None);
    vec![words(250, 0), words(240, 2), words(150, 4)]
}

fn words_in_one_partition(from_ms: i64) -> Vec<Vec<Input>> {
    vec![input::words(part("words", 300, from_ms), |_, _| Some(0))]
}

/// All that say the same are in one partition.
fn words_by_what_they_say(part: Part) -> Vec<Input> {
    input::words(part, |_, said| Some(i32::from(said.as_bytes()[0]) % 3))
}

fn words_and_others(from_ms: i64) -> Vec<Vec<Input>> {
    vec![
        words_by_what_they_say(part("words", 100, from_ms)),
        input::others(part("other", 50, from_ms + 5 * MINUTE_MS)),
        words_by_what_they_say(part("words", 60, from_ms + 10 * MINUTE_MS)),
        input::others(part("other", 40, from_ms + 15 * MINUTE_MS)),
    ]
}

fn rides(from_ms: i64) -> Vec<Vec<Input>> {
    vec![
        input::lines(part("lines", 20, from_ms)),
        input::rides(part("rides", 300, from_ms + 5 * MINUTE_MS)),
        input::lines(part("lines", 10, from_ms + 10 * MINUTE_MS)),
        input::rides(part("rides", 200, from_ms + 15 * MINUTE_MS)),
    ]
}

fn prices(from_ms: i64) -> Vec<Vec<Input>> {
    let prices = |records, minutes| input::prices(part("prices", records, from_ms + minutes * MINUTE_MS));
    vec![prices(200, 0), prices(150, 5), prices(120, 10)]
}

fn words_and_names(from_ms: i64) -> Vec<Vec<Input>> {
    let names = input::names_of_words(part("names", 40, from_ms));
    vec![
        names,
        input::words(part("words", 120, from_ms + 5 * MINUTE_MS), |_, _| None),
        input::names_of_words(part("names", 20, from_ms + 10 * MINUTE_MS)),
        input::words(part("words", 80, from_ms + 15 * MINUTE_MS), |_, _| None),
    ]
}

/// When a running application has read a new row of a global table nobody can see from outside.
fn words_and_old_names(from_ms: i64) -> Vec<Vec<Input>> {
    let names = input::names(part("names", 30, from_ms), &["aha", "ahoy", "bah", "boo", "cheers", "cool"]);
    vec![names, input::words(part("words", 200, from_ms + 5 * MINUTE_MS), |_, _| None)]
}

/// Without global tables, and with every topic in order: what most cases are.
const PLAIN: Case = Case { name: "", topics: &[], phases: words, globals: &[], unordered: &[] };

/// All cases.
pub const CASES: &[Case] = &[
    Case {
        name: "chain",
        topics: &[("rides", 3), ("lines", 2)],
        phases: rides,
        unordered: &["by-line-repartition", "out"],
        ..PLAIN
    },
    Case { name: "count", topics: &[("words", 3)], phases: words, ..PLAIN },
    Case {
        name: "global",
        topics: &[("words", 3), ("names", 2)],
        phases: words_and_old_names,
        globals: &["names"],
        ..PLAIN
    },
    Case { name: "hopping", topics: &[("words", 2)], phases: words, ..PLAIN },
    Case { name: "logged", topics: &[("words", 2)], phases: words, ..PLAIN },
    Case { name: "lru", topics: &[("words", 2)], phases: words, ..PLAIN },
    Case { name: "read-only", topics: &[("words", 3), ("names", 3)], phases: words_and_names, ..PLAIN },
    Case { name: "table", topics: &[("prices", 3)], phases: prices, ..PLAIN },
    Case { name: "to-table", topics: &[("words", 3), ("other", 3)], phases: words_and_others, ..PLAIN },
    Case { name: "unnamed", topics: &[("words", 1)], phases: words_in_one_partition, ..PLAIN },
];
