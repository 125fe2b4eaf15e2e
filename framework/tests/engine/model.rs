//! Random batches, reads, snapshots and reopens against a plain ordered map.

use crate::fixture::Fixture;
use kstreams::engine::{Batch, Direction, Durability, EngineKind, KeyRange, Read, Space};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ops::Bound;

const SPACES: usize = 3;

type Key = Vec<u8>;
type Map = BTreeMap<Key, Vec<u8>>;

#[derive(Debug, Clone)]
enum Operation {
    Put(usize, Key, Vec<u8>),
    Delete(usize, Key),
    DeleteRange(usize, Key, Option<Key>),
}

#[derive(Debug, Clone)]
enum Step {
    Write(Vec<Operation>),
    Scan(usize, KeyRange, Direction),
    /// Keeps a moment, which later steps compare again and again.
    Snapshot,
    DropSpace(usize),
    Flush,
    Reopen,
}

/// Few short keys, so that operations meet.
fn key() -> impl Strategy<Value = Key> {
    vec(prop_oneof![Just(0), Just(1), Just(b'm'), Just(254), Just(255)], 0..3)
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => (0..SPACES, key(), vec(any::<u8>(), 0..9)).prop_map(|(space, key, value)| Operation::Put(space, key, value)),
        2 => (0..SPACES, key()).prop_map(|(space, key)| Operation::Delete(space, key)),
        1 => (0..SPACES, key(), prop::option::of(key())).prop_map(|(space, from, to)| Operation::DeleteRange(space, from, to)),
    ]
}

fn bound() -> impl Strategy<Value = Bound<Key>> {
    prop_oneof![Just(Bound::Unbounded), key().prop_map(Bound::Included), key().prop_map(Bound::Excluded)]
}

fn direction() -> impl Strategy<Value = Direction> {
    prop_oneof![Just(Direction::Forward), Just(Direction::Backward)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => vec(operation(), 0..12).prop_map(Step::Write),
        8 => (0..SPACES, bound(), bound(), direction())
            .prop_map(|(space, from, to, direction)| Step::Scan(space, KeyRange { from, to }, direction)),
        2 => Just(Step::Snapshot),
        1 => (0..SPACES).prop_map(Step::DropSpace),
        1 => Just(Step::Flush),
        1 => Just(Step::Reopen),
    ]
}

/// What an engine with these spaces should hold.
#[derive(Clone)]
struct Model {
    numbers: [Space; SPACES],
    maps: [Map; SPACES],
}

impl Model {
    fn apply(&mut self, operation: &Operation) {
        match operation.clone() {
            Operation::Put(space, key, value) => drop(self.maps[space].insert(key, value)),
            Operation::Delete(space, key) => drop(self.maps[space].remove(&key)),
            Operation::DeleteRange(space, from, to) => {
                self.maps[space].retain(|key, _| *key < from || to.as_ref().is_some_and(|to| key >= to));
            }
        }
    }

    fn batch(&self, operations: &[Operation]) -> Batch {
        let mut batch = Batch::default();
        for operation in operations.iter().cloned() {
            match operation {
                Operation::Put(space, key, value) => batch.put(self.numbers[space], key, value),
                Operation::Delete(space, key) => batch.delete(self.numbers[space], key),
                Operation::DeleteRange(space, from, to) => batch.delete_range(self.numbers[space], from, to),
            }
        }
        batch
    }

    fn scan(&self, space: usize, range: &KeyRange, direction: Direction) -> Vec<(Key, Vec<u8>)> {
        let inside = |key: &Key| {
            let from = match &range.from {
                Bound::Included(from) => key >= from,
                Bound::Excluded(from) => key > from,
                Bound::Unbounded => true,
            };
            let to = match &range.to {
                Bound::Included(to) => key <= to,
                Bound::Excluded(to) => key < to,
                Bound::Unbounded => true,
            };
            from && to
        };
        let pairs = self.maps[space].iter().filter(|(key, _)| inside(key));
        let mut pairs: Vec<_> = pairs.map(|(key, value)| (key.clone(), value.clone())).collect();
        if direction == Direction::Backward {
            pairs.reverse();
        }
        pairs
    }

    fn check<R: Read + ?Sized>(&self, reader: &R) {
        for space in 0..SPACES {
            let expected = self.scan(space, &KeyRange::all(), Direction::Forward);
            assert_eq!(scan(reader, self.numbers[space], KeyRange::all(), Direction::Forward), expected);
            for key in [&b""[..], b"m", b"\0", b"\xff\xff", b"m\x01"] {
                assert_eq!(reader.get(self.numbers[space], key).unwrap().as_ref(), self.maps[space].get(key));
            }
        }
    }
}

fn scan<R: Read + ?Sized>(reader: &R, space: Space, range: KeyRange, direction: Direction) -> Vec<(Key, Vec<u8>)> {
    let mut cursor = reader.scan(space, range, direction).unwrap();
    let mut pairs = Vec::new();
    while cursor.advance().unwrap() {
        pairs.push((cursor.key().to_vec(), cursor.value().to_vec()));
    }
    pairs
}

fn name(space: usize) -> String {
    format!("space-{space}")
}

fn run(kind: EngineKind, steps: &[Step]) {
    let mut fixture = Fixture::new(kind);
    let numbers = std::array::from_fn(|space| fixture.engine().space(&name(space)).unwrap());
    let mut model = Model { numbers, maps: Default::default() };
    let mut snapshots: Vec<(Box<dyn Read>, Model)> = Vec::new();
    for step in steps {
        match step {
            Step::Write(operations) => {
                fixture.engine().write(&model.batch(operations), Durability::Process).unwrap();
                operations.iter().for_each(|operation| model.apply(operation));
            }
            Step::Scan(space, range, direction) => {
                let seen = scan(fixture.engine(), model.numbers[*space], range.clone(), *direction);
                assert_eq!(seen, model.scan(*space, range, *direction));
            }
            Step::Snapshot => snapshots.push((fixture.engine().snapshot(), model.clone())),
            Step::DropSpace(space) => {
                assert!(fixture.engine().drop_space(&name(*space)).unwrap());
                model.numbers[*space] = fixture.engine().space(&name(*space)).unwrap();
                model.maps[*space].clear();
            }
            Step::Flush => fixture.engine().flush().unwrap(),
            Step::Reopen if fixture.is_durable() => {
                snapshots.clear();
                fixture.reopen();
            }
            Step::Reopen => {}
        }
        model.check(fixture.engine());
        snapshots.iter().for_each(|(snapshot, then)| then.check(&**snapshot));
    }
}

macro_rules! against_model {
    ($name:ident, $kind:ident, $cases:literal) => {
        proptest! {
            #![proptest_config(ProptestConfig { cases: $cases, failure_persistence: None, ..ProptestConfig::default() })]
            #[test]
            fn $name(steps in vec(step(), 1..40)) {
                run(EngineKind::$kind, &steps);
            }
        }
    };
}

against_model!(memory_is_an_ordered_map, Memory, 256);
#[cfg(feature = "fjall")]
against_model!(fjall_is_an_ordered_map, Fjall, 48);
#[cfg(feature = "rocksdb")]
against_model!(rocksdb_is_an_ordered_map, Rocksdb, 48);
