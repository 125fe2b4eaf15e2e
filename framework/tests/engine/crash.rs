//! `kill -9` of a writing process, again and again on one directory: what was acknowledged is there, nothing is half there.
//!
//! The child is this test binary itself. It writes batches that follow from their number alone, so that the parent
//! can say what the directory must hold once it knows the last number.

use crate::fixture::small;
use kstreams::engine::{Batch, Direction, Durability, Engine, EngineKind, KeyRange, Space, open};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

const ROUNDS: u64 = 15;
/// Acknowledgements after which a child is killed, at most.
const ACKNOWLEDGED_MAX: u64 = 1_000;
const SPACES: usize = 3;
const KEYS: u32 = 3_000;
/// Pairs that are written together without durability, or into the space that comes and goes.
const BULK_KEYS: u32 = 100;
/// The child writes a bulk, and drops a space, once in so many batches.
const BULK_EVERY: u64 = 200;

const KIND: &str = "KSTREAMS_CRASH_KIND";
const DIRECTORY: &str = "KSTREAMS_CRASH_DIRECTORY";

#[cfg(feature = "fjall")]
#[test]
fn fjall_survives_kill() {
    survives_kill(EngineKind::Fjall);
}

#[cfg(feature = "rocksdb")]
#[test]
fn rocksdb_survives_kill() {
    survives_kill(EngineKind::Rocksdb);
}

enum Operation {
    Put(usize, u32, Vec<u8>),
    Delete(usize, u32),
    DeleteRange(usize, u32, u32),
}

/// The operations of batch `number`.
fn operations(number: u64) -> Vec<Operation> {
    let mut random = ChaCha8Rng::seed_from_u64(number);
    let mut key = KEYS;
    let mut one = |_| {
        let space = random.random_range(0..SPACES);
        key = random.random_range(0..KEYS);
        match random.random_range(0..20) {
            0 => Operation::DeleteRange(space, key, key + random.random_range(0..30)),
            1..=3 => Operation::Delete(space, key),
            _ => Operation::Put(space, key, vec![random.random(); random.random_range(0..400)]),
        }
    };
    (0..30).map(&mut one).collect()
}

/// The numbers of an engine's spaces.
struct Spaces {
    data: [Space; SPACES],
    last: Space,
    bulk: Space,
}

impl Spaces {
    fn of(engine: &dyn Engine) -> Self {
        let space = |name: &str| engine.space(name).unwrap();
        let data = std::array::from_fn(|n| space(&format!("data-{n}")));
        Spaces { data, last: space("last"), bulk: space("bulk") }
    }

    fn batch(&self, number: u64) -> Batch {
        let mut batch = Batch::default();
        for operation in operations(number) {
            match operation {
                Operation::Put(space, key, value) => batch.put(self.data[space], key.to_be_bytes(), value),
                Operation::Delete(space, key) => batch.delete(self.data[space], key.to_be_bytes()),
                Operation::DeleteRange(space, from, to) => {
                    batch.delete_range(self.data[space], from.to_be_bytes(), Some(to.to_be_bytes().to_vec()));
                }
            }
        }
        batch.put(self.last, "last", number.to_be_bytes());
        batch
    }

    fn last(&self, engine: &dyn Engine) -> u64 {
        engine.get(self.last, b"last").unwrap().map_or(0, |bytes| u64::from_be_bytes(bytes.try_into().unwrap()))
    }
}

/// What the child runs; as a test of its own it has nothing to do.
#[test]
fn child() {
    let (Ok(kind), Ok(directory)) = (env::var(KIND), env::var(DIRECTORY)) else { return };
    say("opening");
    let engine = open(kind.parse().unwrap(), directory.as_ref(), &small()).unwrap();
    let spaces = Spaces::of(&*engine);
    for number in spaces.last(&*engine) + 1.. {
        engine.write(&spaces.batch(number), Durability::Process).unwrap();
        say(&format!("batch {number}"));
        if number % BULK_EVERY == 0 {
            write_bulk(&*engine, spaces.bulk, number, Durability::None);
            engine.flush().unwrap();
            say(&format!("bulk {number}"));
            engine.drop_space("passing").unwrap();
            write_bulk(&*engine, engine.space("passing").unwrap(), number, Durability::Process);
        }
    }
}

fn write_bulk(engine: &dyn Engine, space: Space, number: u64, durability: Durability) {
    let mut batch = Batch::default();
    (0..BULK_KEYS).for_each(|key| batch.put(space, key.to_be_bytes(), number.to_be_bytes()));
    engine.write(&batch, durability).unwrap();
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{line}").and_then(|()| out.flush()).unwrap();
}

/// What a child had acknowledged when it died.
#[derive(Default, Clone, Copy)]
struct Acknowledged {
    batch: u64,
    bulk: u64,
}

fn survives_kill(kind: EngineKind) {
    let directory = tempfile::tempdir().unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut expected = Expected::default();
    let mut acknowledged = Acknowledged::default();
    for round in 0..ROUNDS {
        // Every fifth child dies while it opens what the one before left behind.
        let patience = if round % 5 == 4 { 0 } else { random.random_range(1..ACKNOWLEDGED_MAX) };
        run_and_kill(kind, directory.path(), patience, &mut acknowledged);
        let engine = open(kind, directory.path(), &small()).unwrap();
        expected.check(&*engine, acknowledged);
    }
    assert!(acknowledged.batch > ROUNDS, "the children did work");
    assert!(acknowledged.bulk > 0, "the children did bulk work");
}

/// Runs a child until it has acknowledged that many batches, and kills it while it goes on.
fn run_and_kill(kind: EngineKind, directory: &Path, patience: u64, acknowledged: &mut Acknowledged) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--nocapture"])
        .env(KIND, kind.name())
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let (mut line, mut seen, mut opening) = (String::new(), 0, false);
    // To the end of the pipe: what was said before the kill counts, a torn last line does not.
    while lines.read_line(&mut line).unwrap() > 0 && line.ends_with('\n') {
        match line.trim_end().split_once(' ') {
            Some(("batch", number)) => (acknowledged.batch, seen) = (number.parse().unwrap(), seen + 1),
            Some(("bulk", number)) => acknowledged.bulk = number.parse().unwrap(),
            _ => opening |= line.trim_end() == "opening",
        }
        if opening && seen >= patience {
            child.kill().unwrap();
        }
        line.clear();
    }
    assert!(opening, "the child was run");
    assert!(!child.wait().unwrap().success(), "the child ends only by being killed");
}

/// What the batches up to a number come to.
#[derive(Default)]
struct Expected {
    number: u64,
    maps: [BTreeMap<u32, Vec<u8>>; SPACES],
}

impl Expected {
    fn check(&mut self, engine: &dyn Engine, acknowledged: Acknowledged) {
        let spaces = Spaces::of(engine);
        let last = spaces.last(engine);
        assert!(last >= acknowledged.batch, "batch {} was acknowledged, {last} is the last", acknowledged.batch);
        self.advance(last);
        for (space, map) in spaces.data.iter().zip(&self.maps) {
            let found: Vec<(u32, Vec<u8>)> = pairs(engine, *space);
            let expected: Vec<(u32, Vec<u8>)> = map.iter().map(|(key, value)| (*key, value.clone())).collect();
            assert!(found == expected, "after batch {last} {space:?} differs from what the batches come to");
        }
        assert!(whole_bulk(engine, spaces.bulk) >= acknowledged.bulk);
        whole_bulk(engine, engine.space("passing").unwrap());
        let mut names = ["data-0", "data-1", "data-2", "last", "bulk", "passing"];
        names.sort_unstable();
        assert_eq!(engine.space_names().unwrap(), names);
    }

    fn advance(&mut self, last: u64) {
        for operation in (self.number + 1..=last).flat_map(operations) {
            match operation {
                Operation::Put(space, key, value) => drop(self.maps[space].insert(key, value)),
                Operation::Delete(space, key) => drop(self.maps[space].remove(&key)),
                Operation::DeleteRange(space, from, to) => self.maps[space].retain(|key, _| *key < from || *key >= to),
            }
        }
        self.number = last;
    }
}

/// The number of the bulk a space holds: all of one, or nothing.
fn whole_bulk(engine: &dyn Engine, space: Space) -> u64 {
    let found = pairs(engine, space);
    let Some((_, first)) = found.first() else { return 0 };
    assert_eq!(found.len(), BULK_KEYS as usize);
    assert!(found.iter().all(|(_, value)| value == first), "a bulk is whole");
    u64::from_be_bytes(first.as_slice().try_into().unwrap())
}

fn pairs(engine: &dyn Engine, space: Space) -> Vec<(u32, Vec<u8>)> {
    let mut cursor = engine.scan(space, KeyRange::all(), Direction::Forward).unwrap();
    let mut pairs = Vec::new();
    while cursor.advance().unwrap() {
        pairs.push((u32::from_be_bytes(cursor.key().try_into().unwrap()), cursor.value().to_vec()));
    }
    pairs
}
