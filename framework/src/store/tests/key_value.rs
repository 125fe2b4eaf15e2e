//! Key-value stores without caching.

use super::fixture::{Instance, Task, logged, rows};
use crate::error::ErrorKind;
use crate::record::Headers;
use crate::serde::Format;
use crate::store::{KeyValueStore, StoreBuilder, Stores, TimestampedKeyValueStore, ValueAndTimestamp, WindowStore};
use std::rc::Rc;

fn blueprint() -> StoreBuilder<KeyValueStore<String, String>> {
    let supplier = Stores::persistent_key_value_store("kv");
    Stores::key_value_store_builder(supplier, Format::string(), Format::string())
}

fn store() -> (Task, KeyValueStore<String, String>) {
    let task = Instance::new().task();
    let store = task.open(&blueprint());
    task.record(10);
    (task, store)
}

fn put(store: &KeyValueStore<String, String>, key: &str, value: &str) {
    store.put(&key.into(), value.to_owned()).unwrap();
}

fn keys(rows: Vec<(String, String)>) -> String {
    rows.into_iter().map(|(key, _)| key).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_update_is_logged_at_once_with_the_time_of_its_record() {
    let (task, store) = store();
    put(&store, "a", "1");
    task.record(7);
    assert_eq!(store.delete(&"a".into()).unwrap().as_deref(), Some("1"));
    assert_eq!(store.delete(&"nobody".into()).unwrap(), None);
    let expected = [logged("a", Some("1"), 10), logged("a", None, 7), logged("nobody", None, 7)];
    assert_eq!(task.logged(), expected);
}

#[test]
fn value_that_is_there_is_not_put_again() {
    let (task, store) = store();
    assert_eq!(store.put_if_absent(&"a".into(), "1".into()).unwrap(), None);
    assert_eq!(store.put_if_absent(&"a".into(), "2".into()).unwrap().as_deref(), Some("1"));
    assert_eq!(task.logged(), [logged("a", Some("1"), 10)]);
}

#[test]
fn rows_are_in_the_order_of_their_keys_bytes() {
    let (_task, store) = store();
    for key in ["c", "ba", "a", "b"] {
        put(&store, key, "x");
    }
    let key = |key: &str| Some(key.to_owned());
    assert_eq!(keys(rows(store.all().unwrap())), "a b ba c");
    assert_eq!(keys(rows(store.reverse_all().unwrap())), "c ba b a");
    assert_eq!(keys(rows(store.range(key("b").as_ref(), key("bz").as_ref()).unwrap())), "b ba");
    assert_eq!(keys(rows(store.reverse_range(None, key("b").as_ref()).unwrap())), "b a");
    assert_eq!(keys(rows(store.prefix_scan(b"b").unwrap())), "b ba");
    assert_eq!(keys(rows(store.range(key("c").as_ref(), key("a").as_ref()).unwrap())), "", "inverted");
}

#[test]
fn scan_sees_the_store_as_it_was_when_it_began() {
    let (task, store) = store();
    (0..300).for_each(|n| put(&store, &format!("{n:03}"), "old"));
    task.commit(None);
    put(&store, "000", "older than the scan");
    let mut seen = Vec::new();
    for row in store.all().unwrap() {
        let (key, value) = row.unwrap();
        store.delete(&key).unwrap();
        put(&store, &format!("{key}x"), "new");
        seen.push(value);
    }
    assert_eq!(seen.len(), 300);
    assert_eq!(seen[0], "older than the scan");
    assert!(seen[1..].iter().all(|value| value == "old"));
    assert!(rows(store.all().unwrap()).iter().all(|(key, value)| key.ends_with('x') && value == "new"));
}

#[test]
fn scan_outlives_commit_and_rollback() {
    let (task, store) = store();
    put(&store, "a", "1");
    let mut before_commit = store.all().unwrap();
    task.commit(None);
    put(&store, "b", "2");
    let before_rollback = store.all().unwrap();
    task.stores.rollback();
    assert_eq!(before_commit.next().unwrap().unwrap().0, "a");
    assert_eq!(keys(rows(before_rollback)), "a b");
    assert_eq!(keys(rows(store.all().unwrap())), "a");
}

#[test]
fn timestamped_store_logs_the_value_alone_at_its_own_time() {
    let task = Instance::new().task();
    let supplier = Stores::in_memory_key_value_store("ts");
    let blueprint = Stores::timestamped_key_value_store_builder(supplier, Format::string(), Format::i64());
    let store: TimestampedKeyValueStore<String, i64> = task.open(&blueprint);
    task.record(500);
    store.put(&"a".into(), ValueAndTimestamp::new(7, 20)).unwrap();
    assert_eq!(store.delete(&"a".into()).unwrap(), Some(ValueAndTimestamp::new(7, 20)));
    let messages = task.logged();
    assert_eq!((messages[0].value.as_deref(), messages[0].timestamp), (Some(&[0, 0, 0, 0, 0, 0, 0, 7][..]), 20));
    assert_eq!((messages[1].value.as_deref(), messages[1].timestamp), (None, 500), "a deletion has no time of its own");
}

#[test]
fn store_without_changelog_logs_nothing() {
    let task = Instance::new().task();
    let silent = task.open(&blueprint().with_logging_disabled());
    put(&silent, "a", "1");
    assert_eq!(task.logged(), []);
    assert_eq!(task.stores.changelog(0), None);

    let task = Instance::new().task();
    let source = task.open(&blueprint().with_source_changelog("in"));
    put(&source, "a", "1");
    assert_eq!(task.logged(), []);
    assert_eq!(task.stores.changelog(0).unwrap().topic.as_str(), "in");
}

#[test]
fn headers_are_logged_only_where_asked_for() {
    for (blueprint, expected) in [(blueprint(), 0), (blueprint().with_logged_headers(), 1)] {
        let task = Instance::new().task();
        let store = task.open(&blueprint);
        task.record_with(10, Headers::from_iter([("h", None)]));
        put(&store, "a", "1");
        assert_eq!(task.context.outbox().borrow().front().unwrap().headers.len(), expected);
    }
}

#[test]
fn full_lru_map_deletes_the_least_recently_used_entry() {
    let task = Instance::new().task();
    let supplier = Stores::lru_map("lru", 2);
    let store = task.open(&Stores::key_value_store_builder(supplier, Format::string(), Format::string()));
    task.record(10);
    put(&store, "a", "1");
    put(&store, "b", "1");
    store.get(&"a".into()).unwrap();
    task.record(11);
    put(&store, "c", "1");
    assert_eq!(keys(rows(store.all().unwrap())), "a c");
    let expected =
        [logged("a", Some("1"), 10), logged("b", Some("1"), 10), logged("b", None, 11), logged("c", Some("1"), 11)];
    assert_eq!(task.logged(), expected, "the eviction before the update that caused it");
}

#[test]
fn rolled_back_lru_map_is_what_was_committed() {
    let task = Instance::new().task();
    let supplier = Stores::lru_map("lru", 2);
    let store = task.open(&Stores::key_value_store_builder(supplier, Format::string(), Format::string()));
    ["a", "b"].iter().for_each(|key| put(&store, key, "1"));
    task.commit(None);
    ["c", "d"].iter().for_each(|key| put(&store, key, "1"));
    task.stores.rollback();
    assert_eq!(keys(rows(store.all().unwrap())), "a b");
    put(&store, "e", "1");
    assert_eq!(keys(rows(store.all().unwrap())), "b e");
}

#[test]
fn hot_key_is_read_without_the_engine() {
    let (task, store) = store();
    put(&store, "a", "1");
    task.commit(None);
    for _ in 0..10 {
        let value = store.get(&"a".into()).unwrap().unwrap();
        store.put(&"a".into(), value + "1").unwrap();
    }
    assert_eq!(task.stores.cache_hits_and_misses(0), (10, 0));
}

#[test]
fn handle_of_other_types_is_refused() {
    let (task, _store) = store();
    let missing = task.stores.store::<KeyValueStore<String, String>>("kw").err().unwrap();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert!(missing.hint().unwrap().contains("`kv`"));
    assert_eq!(task.stores.store::<KeyValueStore<String, i64>>("kv").err().unwrap().kind(), ErrorKind::Topology);
    assert_eq!(task.stores.store::<WindowStore<String, String>>("kv").err().unwrap().kind(), ErrorKind::Topology);
    assert_eq!(task.stores.open(&blueprint()).unwrap_err().kind(), ErrorKind::Topology, "opened twice");
}

#[test]
fn dropped_task_forgets_its_listeners() {
    let task = Instance::new().task();
    let store = task.open(&blueprint().with_caching_enabled());
    let operator = Rc::new(());
    let held = operator.clone();
    store.set_flush_listener(
        Rc::new(move |_| {
            let _operator = &held;
            Ok(())
        }),
        false,
    );
    assert_eq!(Rc::strong_count(&operator), 2);
    drop(task);
    assert_eq!(Rc::strong_count(&operator), 1, "an operator that holds its store would never be dropped");
}
