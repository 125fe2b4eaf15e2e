//! Window stores: order, expiry, duplicates and the changelog.

use super::fixture::{Instance, Logged, Task, rows};
use crate::record::Windowed;
use crate::serde::Format;
use crate::store::{StoreBuilder, Stores, WindowStore, WindowSupplier};

type Store = WindowStore<String, String>;

fn persistent(retention_ms: i64, retain_duplicates: bool) -> StoreBuilder<Store> {
    build(Stores::persistent_window_store("w", retention_ms, 50, retain_duplicates))
}

fn in_memory(retention_ms: i64) -> StoreBuilder<Store> {
    build(Stores::in_memory_window_store("w", retention_ms, 50, false))
}

fn build(supplier: WindowSupplier) -> StoreBuilder<Store> {
    Stores::window_store_builder(supplier, Format::string(), Format::string())
}

fn open(blueprint: &StoreBuilder<Store>) -> (Task, Store) {
    let task = Instance::new().task();
    let store = task.open(blueprint);
    task.record(5);
    (task, store)
}

fn put(store: &Store, key: &str, start_ms: i64) {
    store.put(&key.into(), format!("{key}{start_ms}"), start_ms).unwrap();
}

fn starts(rows: Vec<(i64, String)>) -> Vec<i64> {
    rows.into_iter().map(|(start_ms, _)| start_ms).collect()
}

fn short(rows: Vec<(Windowed<String>, String)>) -> String {
    let short = |(key, _): (Windowed<String>, String)| format!("{}{}", key.key, key.window.start_ms);
    rows.into_iter().map(short).collect::<Vec<_>>().join(" ")
}

#[test]
fn changelog_key_is_key_start_and_sequence() {
    let (task, store) = open(&persistent(200, false));
    put(&store, "c", 39);
    let expected =
        Logged { key: vec![b'c', 0, 0, 0, 0, 0, 0, 0, 39, 0, 0, 0, 0], value: Some(b"c39".to_vec()), timestamp: 5 };
    assert_eq!(task.logged(), [expected]);
}

#[test]
fn windows_of_a_key_are_found_by_time_in_both_directions() {
    for blueprint in [persistent(400_000, false), in_memory(400_000)] {
        let (_task, store) = open(&blueprint);
        for start_ms in [0, 50, 60_000, 250_000, 350_000] {
            put(&store, "b", start_ms);
            put(&store, "a", start_ms);
            put(&store, "bb", start_ms);
        }
        let b = "b".to_owned();
        assert_eq!(starts(rows(store.fetch_range(&b, 50, 250_000).unwrap())), [50, 60_000, 250_000]);
        assert_eq!(
            starts(rows(store.backward_fetch_range(&b, 0, i64::MAX).unwrap())),
            [350_000, 250_000, 60_000, 50, 0]
        );
        assert_eq!(starts(rows(store.fetch_range(&b, 51, 50).unwrap())), [0; 0]);
        assert_eq!(store.fetch(&b, 50).unwrap().as_deref(), Some("b50"));
        assert_eq!(store.fetch(&b, 51).unwrap(), None);
    }
}

#[test]
fn persistent_rows_are_listed_by_segment_then_key_then_start() {
    let (_task, store) = open(&persistent(400_000, false));
    for (key, start_ms) in [("b", 0), ("a", 50), ("b", 50), ("a", 200_000), ("aa", 0)] {
        put(&store, key, start_ms);
    }
    assert_eq!(short(rows(store.all().unwrap())), "a50 aa0 b0 b50 a200000");
    assert_eq!(short(rows(store.backward_all().unwrap())), "a200000 b50 b0 aa0 a50");
    let (from, to) = (Some("aa".to_owned()), Some("b".to_owned()));
    assert_eq!(short(rows(store.fetch_keys(from.as_ref(), to.as_ref(), 0, 49).unwrap())), "aa0 b0");
    assert_eq!(short(rows(store.fetch_keys(None, from.as_ref(), 0, 300_000).unwrap())), "a50 aa0 a200000");
    assert_eq!(short(rows(store.fetch_keys(to.as_ref(), from.as_ref(), 0, 300_000).unwrap())), "", "inverted");
    assert_eq!(short(rows(store.fetch_all(50, 200_000).unwrap())), "a50 b50 a200000");
}

#[test]
fn rows_in_memory_are_listed_by_start_then_key() {
    let (_task, store) = open(&in_memory(400_000));
    for (key, start_ms) in [("b", 0), ("a", 50), ("b", 50), ("aa", 0)] {
        put(&store, key, start_ms);
    }
    assert_eq!(short(rows(store.all().unwrap())), "aa0 b0 a50 b50");
    assert_eq!(short(rows(store.backward_fetch_all(0, 50).unwrap())), "b50 a50 b0 aa0");
}

#[test]
fn row_past_retention_is_hidden_while_its_segment_lives() {
    let (_task, store) = open(&persistent(90_000, false));
    put(&store, "a", 0);
    put(&store, "a", 59_999);
    put(&store, "a", 100_000);
    let a = "a".to_owned();
    assert_eq!(store.fetch(&a, 0).unwrap(), None);
    assert_eq!(short(rows(store.all().unwrap())), "a59999 a100000");
    put(&store, "a", 1);
    assert_eq!(store.fetch(&a, 1).unwrap(), None, "taken, because segment 0 is alive, but not seen");
}

#[test]
fn put_to_an_expired_segment_is_dropped_and_counted_but_logged() {
    let (task, store) = open(&persistent(90_000, false));
    put(&store, "a", 149_999);
    put(&store, "a", 59_999);
    assert_eq!(task.context.dropped(), 0);
    put(&store, "a", 150_000);
    put(&store, "a", 59_999);
    assert_eq!(task.context.dropped(), 1);
    assert_eq!(task.logged().len(), 4, "all four are logged");
}

#[test]
fn store_in_memory_drops_exactly_at_retention() {
    let (task, store) = open(&in_memory(200));
    put(&store, "a", 1_000);
    put(&store, "b", 801);
    assert_eq!(task.context.dropped(), 0);
    put(&store, "b", 800);
    assert_eq!(task.context.dropped(), 1);
    assert_eq!(short(rows(store.all().unwrap())), "b801 a1000");
    assert_eq!(task.logged().len(), 3);
}

#[test]
fn expired_segments_are_erased_with_the_next_commit() {
    for blueprint in [persistent(60_000, false), in_memory(60_000)] {
        let (task, store) = open(&blueprint);
        (0..10).for_each(|n| put(&store, &n.to_string(), n));
        task.commit(None);
        assert_eq!(task.stores.approximate_entries(0), 10);
        put(&store, "late", 1_000_000);
        task.commit(None);
        assert_eq!(task.stores.approximate_entries(0), 1);
    }
}

#[test]
fn duplicates_are_all_kept_and_numbered_and_deletions_ignored() {
    let (task, store) = open(&persistent(200, true));
    let a = "a".to_owned();
    store.put(&a, "first".to_owned(), 10).unwrap();
    store.put(&a, None::<String>, 10).unwrap();
    store.put(&a, "second".to_owned(), 10).unwrap();
    let values: Vec<String> = rows(store.fetch_range(&a, 0, 10).unwrap()).into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, ["first", "second"]);
    let logged = task.logged();
    let numbers: Vec<u8> = logged.iter().map(|message| *message.key.last().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3], "the ignored deletion is logged, too");
    assert_eq!(logged[1].value, None);
}

#[test]
fn numbers_and_stream_time_go_on_after_a_crash() {
    let instance = Instance::new();
    let blueprint = persistent(60_000, true);
    let task = instance.task();
    let store = task.open(&blueprint);
    put(&store, "a", 500_000);
    task.commit(Some(1));
    put(&store, "a", 900_000);
    drop(task);
    let task = instance.task();
    let store = task.open(&blueprint);
    assert_eq!(store.observed_stream_time_ms(), 500_000);
    put(&store, "a", 500_000);
    assert_eq!(task.logged()[0].key.last(), Some(&2));
    put(&store, "a", 0);
    assert_eq!(task.context.dropped(), 1);
}

#[test]
fn cached_row_is_seen_even_past_retention() {
    let (task, store) = open(&persistent(60_000, false).with_caching_enabled());
    put(&store, "a", 500_000);
    put(&store, "b", 0);
    let b = "b".to_owned();
    assert_eq!(store.fetch(&b, 0).unwrap().as_deref(), Some("b0"));
    task.stores.flush().unwrap();
    assert_eq!(task.context.dropped(), 1, "only now does it meet the retention");
    assert_eq!(store.fetch(&b, 0).unwrap().as_deref(), Some("b0"), "the cache has it still");
    assert_eq!(starts(rows(store.fetch_range(&b, 0, 600_000).unwrap())), [0]);
    assert_eq!(short(rows(store.all().unwrap())), "b0 a500000");
    task.stores.rollback();
    assert_eq!(store.fetch(&b, 0).unwrap(), None);
}

#[test]
fn cached_windows_are_merged_with_those_below() {
    for blueprint in [persistent(400_000, false), in_memory(400_000)] {
        let (task, store) = open(&blueprint.with_caching_enabled());
        [0, 100, 200_000].iter().for_each(|start_ms| put(&store, "a", *start_ms));
        task.commit(None);
        let a = "a".to_owned();
        store.put(&a, None::<String>, 100).unwrap();
        put(&store, "a", 50);
        put(&store, "a", 399_000);
        assert_eq!(starts(rows(store.fetch_range(&a, 0, 400_000).unwrap())), [0, 50, 200_000, 399_000]);
        assert_eq!(starts(rows(store.backward_fetch_range(&a, 1, 399_000).unwrap())), [399_000, 200_000, 50]);
        assert_eq!(short(rows(store.all().unwrap())), "a0 a50 a200000 a399000");
    }
}

#[test]
fn unlimited_retention_keeps_everything() {
    let (task, store) = open(&persistent(i64::MAX, false));
    put(&store, "a", 50);
    put(&store, "a", i64::MAX - 1);
    assert_eq!(short(rows(store.all().unwrap())), format!("a50 a{}", i64::MAX - 1));
    assert_eq!(task.context.dropped(), 0);
}
