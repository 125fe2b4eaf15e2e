//! What an application reads, and what must come out of it.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};
use system_tests::desk::Stored;

/// An hour, in milliseconds.
pub const HOUR_MS: i64 = 3_600_000;

/// A message to be sent.
pub struct NewInput {
    pub topic: &'static str,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub timestamp: i64,
}

/// What was counted, and how often.
pub type Counts = BTreeMap<String, i64>;

/// A topic in which counts can be seen: an output or a changelog.
pub struct Counted {
    /// An output's name, or the rest of a changelog's behind `<application>-`.
    pub topic: &'static str,
    pub is_changelog: bool,
    /// What was counted, and how often by then.
    pub read: fn(&Stored) -> (String, i64),
    /// What an input record counts for.
    pub of_input: fn(&Input) -> String,
}

/// An input record, understood.
pub struct Input {
    pub counts_for: String,
    pub timestamp: i64,
}

/// All committed records by topic, each topic's in the order of partitions and offsets.
pub type Records = BTreeMap<String, Vec<Stored>>;

/// A topology with its input and its rules.
pub trait Workload: Sync {
    /// The topology's name, see [`system_tests::topologies`].
    fn topology(&self) -> &'static str;

    /// Input topics.
    fn inputs(&self) -> &'static [&'static str];

    /// Output topics.
    fn outputs(&self) -> &'static [&'static str];

    /// Changelogs, without what their names begin with.
    fn changelogs(&self) -> &'static [&'static str];

    /// Messages that are there before anything runs.
    fn first(&self) -> Vec<NewInput>;

    /// The message after `number` others, of `about` in all.
    fn message(&self, number: u64, about: u64) -> NewInput;

    /// The records that are counted.
    fn counted_inputs(&self, records: &Records) -> Vec<Input>;

    /// Where counts are to be found.
    fn counted(&self) -> Vec<Counted>;

    /// What else must hold; with `in_order` also of the order of records.
    fn check(&self, records: &Records, in_order: bool) {
        let _ = (records, in_order);
    }
}

/// The hour in which input begins, in milliseconds since the epoch. Brokers begin a segment where a record's time and a
/// control record's are far apart, so it is not long ago.
pub fn begin_ms() -> i64 {
    static BEGUN: OnceLock<i64> = OnceLock::new();
    *BEGUN.get_or_init(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
        (now.as_millis() as i64 / HOUR_MS - 1) * HOUR_MS
    })
}

/// A number that looks random and is the same in every run.
pub fn scattered(number: u64, below: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb) % below
}
