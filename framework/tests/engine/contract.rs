//! What every engine promises. One function for each promise, run for each engine that was built in.

use crate::fixture::{Fixture, keys, owned, pairs, range};
use kstreams::engine::{Batch, Direction, Durability, KeyRange, Space};
use kstreams::error::ErrorKind;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

macro_rules! contract {
    ($($promise:ident),* $(,)?) => {
        mod memory {
            $(#[test] fn $promise() { super::$promise(crate::fixture::Fixture::new(kstreams::engine::EngineKind::Memory)); })*
        }
        #[cfg(feature = "fjall")]
        mod fjall {
            $(#[test] fn $promise() { super::$promise(crate::fixture::Fixture::new(kstreams::engine::EngineKind::Fjall)); })*
        }
        #[cfg(feature = "rocksdb")]
        mod rocksdb {
            $(#[test] fn $promise() { super::$promise(crate::fixture::Fixture::new(kstreams::engine::EngineKind::Rocksdb)); })*
        }
    };
}

contract!(
    keys_come_in_unsigned_byte_order,
    empty_keys_and_values_are_kept,
    later_operation_of_a_batch_wins,
    range_deletes_take_their_place_in_the_batch,
    range_delete_ends_before_its_end,
    range_delete_stays_in_its_space,
    range_delete_upside_down_deletes_nothing,
    batch_on_a_dropped_space_changes_nothing,
    scans_honour_their_bounds_both_ways,
    scan_of_an_empty_or_inverted_range_is_empty,
    prefix_range_holds_exactly_the_prefix,
    snapshot_sees_its_moment_in_all_spaces,
    cursor_outlives_reader_and_later_writes,
    half_read_cursor_keeps_its_view,
    spaces_do_not_see_each_other,
    space_names_come_in_order,
    dropped_space_is_gone_and_comes_back_empty,
    snapshot_keeps_a_dropped_space,
    length_follows_writes_and_deletes,
    length_of_many_keys_is_a_fair_guess,
    data_larger_than_the_buffers_reads_back,
    readers_never_see_half_a_batch,
    several_writers_lose_nothing,
    reopen_finds_pairs_names_and_numbers,
    reopen_keeps_dropped_spaces_dropped,
    flush_keeps_what_was_written_without_durability,
    every_durability_is_readable_at_once,
);

fn keys_come_in_unsigned_byte_order(fixture: Fixture) {
    let space = fixture.engine().space("s").unwrap();
    let mut unsorted: Vec<Vec<u8>> = (0..=u8::MAX).rev().map(|byte| vec![byte]).collect();
    unsorted.extend([vec![0, 0], vec![0, 255], vec![127, 1], vec![255, 255, 255, 255, 255]]);
    fixture.write(|batch| unsorted.iter().for_each(|key| batch.put(space, key.clone(), "")));
    let mut cursor = fixture.engine().scan(space, KeyRange::all(), Direction::Forward).unwrap();
    let mut seen = Vec::new();
    while cursor.advance().unwrap() {
        seen.push(cursor.key().to_vec());
    }
    unsorted.sort();
    assert_eq!(seen, unsorted);
}

fn empty_keys_and_values_are_kept(fixture: Fixture) {
    let space = fixture.engine().space("s").unwrap();
    fixture.write(|batch| {
        batch.put(space, "", "empty key");
        batch.put(space, "empty value", "");
    });
    assert_eq!(fixture.all(space), owned(&[("", "empty key"), ("empty value", "")]));
    assert_eq!(fixture.engine().get(space, b"").unwrap(), Some(b"empty key".to_vec()));
    assert_eq!(fixture.engine().get(space, b"empty value").unwrap(), Some(Vec::new()));
    assert_eq!(fixture.engine().get(space, b"absent").unwrap(), None);
}

fn later_operation_of_a_batch_wins(fixture: Fixture) {
    let space = fixture.engine().space("s").unwrap();
    fixture.write(|batch| {
        batch.put(space, "put put", "1");
        batch.put(space, "put delete", "1");
        batch.delete(space, "delete put");
        batch.put(space, "delete put", "2");
        batch.delete(space, "put delete");
        batch.put(space, "put put", "2");
    });
    assert_eq!(fixture.all(space), owned(&[("delete put", "2"), ("put put", "2")]));
}

fn range_deletes_take_their_place_in_the_batch(fixture: Fixture) {
    let space = fixture.engine().space("s").unwrap();
    fixture.write(|batch| ["a", "b", "c", "d"].into_iter().for_each(|key| batch.put(space, key, "old")));
    fixture.write(|batch| {
        batch.put(space, "b", "before");
        batch.put(space, "bb", "before");
        batch.delete_range(space, "b", Some(b"d".to_vec()));
        batch.put(space, "c", "after");
        batch.delete_range(space, "cc", Some(b"cd".to_vec()));
    });
    assert_eq!(fixture.all(space), owned(&[("a", "old"), ("c", "after"), ("d", "old")]));
    fixture.write(|batch| {
        batch.put(space, "z", "before");
        batch.delete_range(space, "", None);
    });
    assert_eq!(fixture.all(space), owned(&[]));
    fixture.write(|batch| batch.put(space, "b", "again"));
    assert_eq!(fixture.all(space), owned(&[("b", "again")]));
}

fn range_delete_ends_before_its_end(fixture: Fixture) {
    let space = fixture.engine().space("s").unwrap();
    fixture.write(|batch| ["a", "b", "b\0", "c"].into_iter().for_each(|key| batch.put(space, key, "")));
    fixture.write(|batch| batch.delete_range(space, "a", Some(b"b\0".to_vec())));
    assert_eq!(fixture.all(space), owned(&[("b\0", ""), ("c", "")]));
}

fn range_delete_stays_in_its_space(fixture: Fixture) {
    let [one, other, last] = ["one", "other", "last"].map(|name| fixture.engine().space(name).unwrap());
    fixture.write(|batch| [one, other, last].into_iter().for_each(|space| batch.put(space, "k", "")));
    fixture.write(|batch| batch.delete_range(other, "", None));
    assert_eq!((fixture.all(one).len(), fixture.all(other).len(), fixture.all(last).len()), (1, 0, 1));
}

fn range_delete_upside_down_deletes_nothing(fixture: Fixture) {
    let space = fixture.engine().space("s").unwrap();
    fixture.write(|batch| ["a", "b", "c"].into_iter().for_each(|key| batch.put(space, key, "")));
    fixture.write(|batch| {
        batch.delete_range(space, "c", Some(b"a".to_vec()));
        batch.delete_range(space, "b", Some(b"b".to_vec()));
        batch.put(space, "d", "");
    });
    assert_eq!(fixture.all(space).len(), 4);
}

fn batch_on_a_dropped_space_changes_nothing(fixture: Fixture) {
    let (kept, gone) = (fixture.engine().space("kept").unwrap(), fixture.engine().space("gone").unwrap());
    fixture.engine().drop_space("gone").unwrap();
    let mut batch = Batch::default();
    batch.put(kept, "k", "v");
    batch.put(gone, "k", "v");
    let error = fixture.engine().write(&batch, Durability::Process).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(fixture.all(kept), owned(&[]));
    assert_eq!(fixture.engine().get(gone, b"k").unwrap_err().kind(), ErrorKind::NotFound);
    let scan = fixture.engine().scan(gone, KeyRange::all(), Direction::Forward);
    assert_eq!(scan.err().unwrap().kind(), ErrorKind::NotFound);
    assert_eq!(fixture.engine().approximate_len(gone), 0);
}

fn scans_honour_their_bounds_both_ways(fixture: Fixture) {
    let space = fixture.engine().space("s").unwrap();
    let all = ["a", "b", "b\0", "c", "d"];
    fixture.write(|batch| all.into_iter().for_each(|key| batch.put(space, key, "")));
    let cases = [
        (Unbounded, Unbounded, &all[..]),
        (Included("b"), Unbounded, &["b", "b\0", "c", "d"]),
        (Excluded("b"), Unbounded, &["b\0", "c", "d"]),
        (Unbounded, Included("b"), &["a", "b"]),
        (Unbounded, Excluded("b"), &["a"]),
        (Included("b"), Included("c"), &["b", "b\0", "c"]),
        (Excluded("a"), Excluded("d"), &["b", "b\0", "c"]),
        (Included("b"), Included("b"), &["b"]),
        (Included("aa"), Excluded("az"), &[]),
        (Included("e"), Unbounded, &[]),
        (Unbounded, Excluded(""), &[]),
    ];
    for (from, to, expected) in cases {
        let forward = keys(fixture.engine(), space, range(from, to), Direction::Forward);
        assert_eq!(forward, expected, "{from:?} to {to:?}");
        let mut backward = keys(fixture.engine(), space, range(from, to), Direction::Backward);
        backward.reverse();
        assert_eq!(backward, expected, "{from:?} back from {to:?}");
    }
}

fn scan_of_an_empty_or_inverted_range_is_empty(fixture: Fixture) {
    let space = fixture.engine().space("s").unwrap();
    fixture.write(|batch| ["a", "b", "c"].into_iter().for_each(|key| batch.put(space, key, "")));
    for (from, to) in [
        (Included("c"), Excluded("a")),
        (Included("c"), Included("a")),
        (Excluded("b"), Excluded("b")),
        (Included("b"), Excluded("b")),
        (Excluded("b"), Included("b")),
    ] {
        for direction in [Direction::Forward, Direction::Backward] {
            assert!(keys(fixture.engine(), space, range(from, to), direction).is_empty(), "{from:?} to {to:?}");
        }
    }
}

fn prefix_range_holds_exactly_the_prefix(fixture: Fixture) {
    let space = fixture.engine().space("s").unwrap();
    let all: [&[u8]; 6] = [b"a", b"a\xff", b"a\xff\xff", b"b", b"\xff", b"\xff\xff"];
    fixture.write(|batch| all.into_iter().for_each(|key| batch.put(space, key, "")));
    let count = |prefix: &[u8]| {
        let mut cursor = fixture.engine().scan(space, KeyRange::prefix(prefix), Direction::Forward).unwrap();
        let mut count = 0;
        while cursor.advance().unwrap() {
            assert!(cursor.key().starts_with(prefix));
            count += 1;
        }
        count
    };
    assert_eq!([count(b"a"), count(b"a\xff"), count(b"\xff"), count(b"\xff\xff"), count(b"")], [3, 2, 2, 1, 6]);
}

fn snapshot_sees_its_moment_in_all_spaces(fixture: Fixture) {
    let (one, other) = (fixture.engine().space("one").unwrap(), fixture.engine().space("other").unwrap());
    fixture.write(|batch| {
        batch.put(one, "changed", "1");
        batch.put(one, "deleted", "1");
        batch.put(other, "in range", "1");
    });
    let snapshot = fixture.engine().snapshot();
    fixture.write(|batch| {
        batch.put(one, "changed", "2");
        batch.put(one, "new", "2");
        batch.delete(one, "deleted");
        batch.delete_range(other, "", None);
    });
    let before = owned(&[("changed", "1"), ("deleted", "1")]);
    assert_eq!(pairs(&*snapshot, one, KeyRange::all(), Direction::Forward), before);
    assert_eq!(pairs(&*snapshot, other, KeyRange::all(), Direction::Backward), owned(&[("in range", "1")]));
    assert_eq!(snapshot.get(one, b"changed").unwrap(), Some(b"1".to_vec()));
    assert_eq!(snapshot.get(one, b"new").unwrap(), None);
    assert_eq!(fixture.all(one), owned(&[("changed", "2"), ("new", "2")]));
}

fn cursor_outlives_reader_and_later_writes(fixture: Fixture) {
    let space = fixture.engine().space("s").unwrap();
    fixture.write(|batch| ["a", "b"].into_iter().for_each(|key| batch.put(space, key, "old")));
    let snapshot = fixture.engine().snapshot();
    let mut cursors = [
        fixture.engine().scan(space, KeyRange::all(), Direction::Forward).unwrap(),
        snapshot.scan(space, KeyRange::all(), Direction::Forward).unwrap(),
    ];
    drop(snapshot);
    fixture.write(|batch| {
        batch.delete_range(space, "", None);
        batch.put(space, "aa", "new");
    });
    drop(fixture);
    for cursor in &mut cursors {
        for key in [b"a", b"b"] {
            assert!(cursor.advance().unwrap());
            assert_eq!((cursor.key(), cursor.value()), (&key[..], &b"old"[..]));
        }
        assert!(!cursor.advance().unwrap());
    }
}

fn half_read_cursor_keeps_its_view(fixture: Fixture) {
    let space = fixture.engine().space("s").unwrap();
    let all: Vec<String> = (0..1_000).map(|n| format!("{n:04}")).collect();
    fixture.write(|batch| all.iter().for_each(|key| batch.put(space, key.as_str(), "old")));
    let mut cursor = fixture.engine().scan(space, KeyRange::all(), Direction::Backward).unwrap();
    for expected in all.iter().rev() {
        assert!(cursor.advance().unwrap());
        assert_eq!((cursor.key(), cursor.value()), (expected.as_bytes(), &b"old"[..]));
        // Iterating while writing what lies ahead is what a processor does.
        if expected.ends_with("50") {
            fixture.write(|batch| all.iter().for_each(|key| batch.put(space, key.as_str(), expected.as_str())));
            fixture.write(|batch| batch.delete_range(space, "", Some(expected.clone().into())));
        }
    }
    assert!(!cursor.advance().unwrap());
}

fn spaces_do_not_see_each_other(fixture: Fixture) {
    let spaces: Vec<Space> = (0..300).map(|n| fixture.engine().space(&format!("space-{n}")).unwrap()).collect();
    fixture.write(|batch| {
        spaces.iter().enumerate().for_each(|(n, space)| batch.put(*space, "key", format!("value-{n}")));
    });
    for (n, space) in spaces.iter().enumerate() {
        assert_eq!(fixture.all(*space), owned(&[("key", &format!("value-{n}"))]));
        assert_eq!(fixture.engine().space(&format!("space-{n}")).unwrap(), *space);
    }
}

fn space_names_come_in_order(fixture: Fixture) {
    for name in ["b", "a/with:odd chars ß", "c", "b", ""] {
        fixture.engine().space(name).unwrap();
    }
    assert_eq!(fixture.engine().space_names().unwrap(), ["", "a/with:odd chars ß", "b", "c"]);
}

fn dropped_space_is_gone_and_comes_back_empty(fixture: Fixture) {
    let (one, other) = (fixture.engine().space("one").unwrap(), fixture.engine().space("other").unwrap());
    fixture.write(|batch| {
        (0..25_000).for_each(|n: u32| batch.put(one, n.to_be_bytes(), "v"));
        batch.put(other, "k", "v");
    });
    assert!(fixture.engine().drop_space("one").unwrap());
    assert!(!fixture.engine().drop_space("one").unwrap());
    assert_eq!(fixture.engine().space_names().unwrap(), ["other"]);
    let again = fixture.engine().space("one").unwrap();
    assert_ne!(again, one);
    assert_eq!(fixture.all(again), owned(&[]));
    assert_eq!(fixture.all(other), owned(&[("k", "v")]));
}

fn snapshot_keeps_a_dropped_space(fixture: Fixture) {
    let space = fixture.engine().space("s").unwrap();
    fixture.write(|batch| batch.put(space, "k", "v"));
    let snapshot = fixture.engine().snapshot();
    let mut cursor = fixture.engine().scan(space, KeyRange::all(), Direction::Forward).unwrap();
    fixture.engine().drop_space("s").unwrap();
    assert_eq!(snapshot.get(space, b"k").unwrap(), Some(b"v".to_vec()));
    assert!(cursor.advance().unwrap());
    assert_eq!(cursor.key(), b"k");
}

fn length_follows_writes_and_deletes(fixture: Fixture) {
    let (space, other) = (fixture.engine().space("s").unwrap(), fixture.engine().space("t").unwrap());
    assert_eq!(fixture.engine().approximate_len(space), 0);
    fixture.write(|batch| {
        (0..100_u8).for_each(|n| batch.put(space, [n], "v"));
        (0..100_u8).for_each(|n| batch.put(other, [n], "v"));
    });
    assert_eq!(fixture.engine().approximate_len(space), 100);
    fixture.write(|batch| {
        batch.delete_range(space, [50], None);
        batch.delete(space, [0]);
        batch.put(space, [1], "again");
    });
    assert_eq!(fixture.engine().approximate_len(space), 49);
}

fn length_of_many_keys_is_a_fair_guess(fixture: Fixture) {
    let space = fixture.engine().space("s").unwrap();
    fixture.write(|batch| (0..30_000_u32).for_each(|n| batch.put(space, n.to_be_bytes(), "v")));
    let guess = fixture.engine().approximate_len(space);
    assert!((10_000..=60_000).contains(&guess), "{guess} for 30,000");
    assert!(fixture.is_durable() || guess == 30_000);
}

fn data_larger_than_the_buffers_reads_back(mut fixture: Fixture) {
    let space = fixture.engine().space("s").unwrap();
    let value = |n: u32, round: u32| format!("{n}-{round}-").repeat(20);
    for round in 0..3 {
        for chunk in 0..40 {
            fixture.write(|batch| {
                (chunk * 500..(chunk + 1) * 500).for_each(|n: u32| batch.put(space, n.to_be_bytes(), value(n, round)));
            });
        }
    }
    if fixture.is_durable() {
        fixture.reopen();
    }
    let mut cursor = fixture.engine().scan(space, KeyRange::all(), Direction::Forward).unwrap();
    for n in 0..20_000_u32 {
        assert!(cursor.advance().unwrap());
        assert_eq!((cursor.key(), cursor.value()), (&n.to_be_bytes()[..], value(n, 2).as_bytes()));
    }
    assert!(!cursor.advance().unwrap());
}

fn readers_never_see_half_a_batch(fixture: Fixture) {
    const KEYS: u32 = 50;
    const ROUNDS: u32 = 300;
    // Enough bytes that tables are written and compacted under the readers: engines have broken on that.
    let value = |round: u32| [&round.to_be_bytes()[..], &[0; 1_000]].concat();
    let round_of = |value: &[u8]| u32::from_be_bytes(value[..4].try_into().unwrap());
    let (one, other) = (fixture.engine().space("one").unwrap(), fixture.engine().space("other").unwrap());
    let write = |round: u32| {
        fixture.write(|batch| {
            batch.delete_range(other, "", None);
            for n in 0..KEYS {
                batch.put(one, n.to_be_bytes(), value(round));
                // Other keys each round: what a reader counts also tells whether the range went with the puts.
                batch.put(other, (round * KEYS + n).to_be_bytes(), value(round));
            }
        });
    };
    write(0);
    let done = AtomicBool::new(false);
    let look = || {
        let mut newest = 0;
        while !done.load(Ordering::Relaxed) {
            // What was read alone must be in a later snapshot too.
            let read = fixture.engine().get(one, &(KEYS / 2).to_be_bytes()).unwrap().unwrap();
            let snapshot = fixture.engine().snapshot();
            let mut seen = Vec::new();
            for space in [one, other] {
                let mut cursor = snapshot.scan(space, KeyRange::all(), Direction::Forward).unwrap();
                while cursor.advance().unwrap() {
                    seen.push(round_of(cursor.value()));
                }
            }
            assert_eq!(seen.len(), 2 * KEYS as usize);
            assert!(seen.iter().all(|round| *round == seen[0]), "{seen:?}");
            assert!(seen[0] >= round_of(&read) && seen[0] >= newest);
            newest = seen[0];
        }
    };
    thread::scope(|scope| {
        scope.spawn(look);
        scope.spawn(look);
        (1..ROUNDS).for_each(write);
        done.store(true, Ordering::Relaxed);
    });
}

fn several_writers_lose_nothing(fixture: Fixture) {
    let space = fixture.engine().space("s").unwrap();
    thread::scope(|scope| {
        for writer in 0..4_u32 {
            let fixture = &fixture;
            scope.spawn(move || {
                let own = fixture.engine().space(&format!("writer-{writer}")).unwrap();
                for n in 0..200_u32 {
                    fixture.write(|batch| {
                        batch.put(space, (writer * 1_000 + n).to_be_bytes(), "v");
                        batch.put(own, n.to_be_bytes(), "v");
                        batch.delete_range(own, 0_u32.to_be_bytes(), Some(n.to_be_bytes().to_vec()));
                    });
                }
                assert_eq!(fixture.engine().approximate_len(own), 1);
            });
        }
    });
    assert_eq!(fixture.engine().approximate_len(space), 800);
    assert_eq!(fixture.engine().space_names().unwrap().len(), 5);
}

fn reopen_finds_pairs_names_and_numbers(mut fixture: Fixture) {
    if !fixture.is_durable() {
        return;
    }
    for round in 0..3 {
        let numbers: Vec<Space> = (0..5).map(|n| fixture.engine().space(&format!("s{n}")).unwrap()).collect();
        for (n, space) in numbers.iter().enumerate() {
            assert_eq!(fixture.all(*space).len(), round, "space {n}");
        }
        fixture.write(|batch| numbers.iter().for_each(|space| batch.put(*space, format!("k{round}"), "v")));
        fixture.reopen();
        let again: Vec<Space> = (0..5).map(|n| fixture.engine().space(&format!("s{n}")).unwrap()).collect();
        assert_eq!(again, numbers);
    }
}

fn reopen_keeps_dropped_spaces_dropped(mut fixture: Fixture) {
    if !fixture.is_durable() {
        return;
    }
    let gone = fixture.engine().space("gone").unwrap();
    fixture.write(|batch| batch.put(gone, "k", "v"));
    fixture.engine().drop_space("gone").unwrap();
    fixture.reopen();
    assert_eq!(fixture.engine().space_names().unwrap(), [""; 0]);
    let again = fixture.engine().space("gone").unwrap();
    assert_ne!(again, gone, "a number is given out once, also across a reopen");
    assert_eq!(fixture.all(again), owned(&[]));
}

fn flush_keeps_what_was_written_without_durability(mut fixture: Fixture) {
    if !fixture.is_durable() {
        return;
    }
    let space = fixture.engine().space("s").unwrap();
    let mut batch = Batch::default();
    (0..1_000_u32).for_each(|n| batch.put(space, n.to_be_bytes(), "v"));
    fixture.engine().write(&batch, Durability::None).unwrap();
    fixture.engine().flush().unwrap();
    fixture.reopen();
    assert_eq!(fixture.engine().approximate_len(space), 1_000);
}

fn every_durability_is_readable_at_once(fixture: Fixture) {
    let space = fixture.engine().space("s").unwrap();
    for (value, durability) in [("1", Durability::None), ("2", Durability::Process), ("3", Durability::Power)] {
        let mut batch = Batch::default();
        batch.put(space, "k", value);
        fixture.engine().write(&batch, durability).unwrap();
        assert_eq!(fixture.engine().get(space, b"k").unwrap(), Some(value.into()));
    }
}
