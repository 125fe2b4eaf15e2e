//! What a record passes through, each piece alone: the same pieces are timed (`micro`) and counted (`instructions`).
//!
//! Everything is reached as a program would reach it. Keys and values are like those of the side-by-side benchmark:
//! `station-000123`, and a hundred bytes of JSON.

mod edges;
mod log;
mod outbox;
mod serdes;
mod stores;

/// A piece of work that can be done over and over.
pub trait Work {
    /// What has to be done before each run and is not of interest.
    fn prepare(&mut self) {}

    /// The piece itself.
    fn run(&mut self);
}

/// A piece of work and how to begin with it.
pub struct Piece {
    /// What it is, as `group/name`.
    pub name: &'static str,
    /// How many records one [`run`](Work::run) is about.
    pub records: u64,
    /// Makes everything that it needs.
    pub begin: fn() -> Box<dyn Work>,
}

impl Piece {
    const fn new(name: &'static str, records: usize, begin: fn() -> Box<dyn Work>) -> Self {
        Piece { name, records: records as u64, begin }
    }
}

/// All pieces, in the order in which a record meets them.
pub const PIECES: &[Piece] = &[
    Piece::new("decode/string", RECORDS, || Box::new(serdes::Strings::new())),
    Piece::new("decode/json", RECORDS, || Box::new(serdes::Documents::new())),
    Piece::new("edge/map_values", edges::EDGES, || Box::new(edges::Edges::new())),
    Piece::new("cache/hit", RECORDS, || Box::new(stores::Updates::of_cached_keys())),
    Piece::new("cache/miss", RECORDS, || Box::new(stores::Lookups::of_committed_keys())),
    Piece::new("overlay/put", RECORDS, || Box::new(stores::Updates::without_cache_and_changelog())),
    Piece::new("overlay/scan", RECORDS, || Box::new(stores::Scan::over_uncommitted_rows())),
    Piece::new("window/put", RECORDS, || Box::new(stores::WindowUpdates::new())),
    Piece::new("changelog/write", RECORDS, || Box::new(stores::Updates::with_changelog())),
    Piece::new("outbox/append", RECORDS, || Box::new(outbox::Appends::new())),
    Piece::new("commit/1000", 1_000, || Box::new(stores::Commit::of(1_000))),
    Piece::new("commit/100000", 100_000, || Box::new(stores::Commit::of(100_000))),
    Piece::new("log/append", RECORDS, || Box::new(log::Append::new())),
    Piece::new("log/poll", RECORDS, || Box::new(log::Poll::new())),
];

/// Records in one run, where it is not about something else.
const RECORDS: usize = 1_000;

/// The key of a number, as in the side-by-side benchmark.
fn key(number: usize) -> String {
    format!("station-{number:06}")
}

/// A value of a hundred bytes.
fn value(number: usize) -> String {
    let document = format!(r#"{{"seq":{number:010},"line":"red","entries":117,"note":""#);
    let note = "n".repeat(98 - document.len());
    format!("{document}{note}\"}}")
}
