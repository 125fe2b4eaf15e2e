//! Restoring: what a changelog makes of a store, and when the rows that are there are not believed.

use super::fixture::{Instance, Logged, Task, logged, restore, rows};
use crate::engine::{Batch, Direction, Durability, KeyRange};
use crate::error::ErrorKind;
use crate::record::{Headers, Message};
use crate::serde::Format;
use crate::store::{KeyValueStore, StoreBuilder, StoreHandle, Stores, ValueAndTimestamp};

type Store = KeyValueStore<String, String>;

fn persistent() -> StoreBuilder<Store> {
    let supplier = Stores::persistent_key_value_store("kv");
    Stores::key_value_store_builder(supplier, Format::string(), Format::string())
}

fn open<S: StoreHandle>(instance: &Instance, blueprint: &StoreBuilder<S>) -> (Task, S) {
    let task = instance.task();
    let store = task.open(blueprint);
    (task, store)
}

fn put(store: &Store, key: &str, value: &str) {
    store.put(&key.into(), value.to_owned()).unwrap();
}

fn all(store: &Store) -> Vec<(String, String)> {
    rows(store.all().unwrap())
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
}

#[test]
fn only_what_was_not_committed_is_restored() {
    let instance = Instance::new();
    let (task, store) = open(&instance, &persistent());
    put(&store, "a", "1");
    put(&store, "b", "1");
    task.commit(Some(2));
    put(&store, "b", "2");
    store.delete(&"a".into()).unwrap();
    let log = task.logged();
    drop((task, store));

    let (task, store) = open(&instance, &persistent());
    assert_eq!(all(&store), pairs(&[("a", "1"), ("b", "1")]));
    assert_eq!(restore(&task, &log), 2, "the tail alone");
    assert_eq!(all(&store), pairs(&[("b", "2")]));
    assert_eq!(task.stores.position(0), Some(4));
}

#[test]
fn store_in_memory_is_restored_in_full() {
    let supplier = Stores::in_memory_key_value_store("kv");
    let blueprint = Stores::timestamped_key_value_store_builder(supplier, Format::string(), Format::string());
    let (task, store) = open(&Instance::new(), &blueprint);
    store.put(&"a".into(), ValueAndTimestamp::new("1".into(), 7)).unwrap();
    task.commit(Some(1));
    let log = task.logged();
    let (task, store) = open(&Instance::new(), &blueprint);
    assert_eq!(task.stores.position(0), None);
    assert_eq!(restore(&task, &log), 1);
    let expected = ValueAndTimestamp::new("1".to_owned(), 7);
    assert_eq!(store.get(&"a".into()).unwrap(), Some(expected), "the message's time is the value's");
}

#[test]
fn lru_map_is_restored_to_its_size_and_logs_nothing() {
    let supplier = Stores::lru_map("kv", 2);
    let blueprint = Stores::key_value_store_builder(supplier, Format::string(), Format::string());
    let (task, store) = open(&Instance::new(), &blueprint);
    let log = ["a", "b", "c", "a"].map(|key| logged(key, Some("1"), 0));
    assert_eq!(restore(&task, &log), 4);
    assert_eq!(all(&store), pairs(&[("a", "1"), ("c", "1")]));
    assert_eq!(task.logged(), []);
    put(&store, "d", "1");
    assert_eq!(all(&store), pairs(&[("a", "1"), ("d", "1")]), "`c` was written before `a`");
}

#[test]
fn messages_without_a_key_are_passed_over() {
    let (task, store) = open(&Instance::new(), &persistent());
    let message = Message { key: None, value: Some(b"1"), timestamp: 0, headers: Headers::default(), offset: 4 };
    assert_eq!(task.stores.restore(0, &[message]).unwrap(), 0);
    assert_eq!(task.stores.position(0), Some(5));
    assert_eq!(all(&store), []);
}

#[test]
fn restored_windows_advance_stream_time_and_expire() {
    let supplier = Stores::persistent_window_store("w", 60_000, 50, false);
    let blueprint = Stores::window_store_builder(supplier, Format::string(), Format::string());
    let (task, store) = open(&Instance::new(), &blueprint);
    [0, 150_000, 300_000].iter().for_each(|start_ms| store.put(&"a".into(), "x".to_owned(), *start_ms).unwrap());
    let log = task.logged();
    for batch_size in [1, 3] {
        let (task, store) = open(&Instance::new(), &blueprint);
        for (offset, logged) in (0..).zip(&log).collect::<Vec<_>>().chunks(batch_size).flat_map(<[_]>::iter) {
            let message = Message {
                key: Some(&logged.key),
                value: logged.value.as_deref(),
                timestamp: 0,
                headers: Headers::default(),
                offset: *offset,
            };
            task.stores.restore(0, &[message]).unwrap();
        }
        assert_eq!(store.observed_stream_time_ms(), 300_000);
        assert_eq!(rows(store.all().unwrap()).len(), 1);
        assert_eq!(task.stores.approximate_entries(0), 1);
        assert_eq!(task.context.dropped(), 0);
    }
}

#[test]
fn key_of_another_kind_of_store_is_corrupt() {
    let supplier = Stores::persistent_window_store("w", 60_000, 50, false);
    let blueprint = Stores::window_store_builder(supplier, Format::string(), Format::string());
    let (task, _store) = open(&Instance::new(), &blueprint);
    let message = Message { key: Some(b"short"), value: None, timestamp: 0, headers: Headers::default(), offset: 0 };
    assert_eq!(task.stores.restore(0, &[message]).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn bulk_restore_writes_no_position_before_its_rows_are_flushed() {
    let instance = Instance::new();
    let (task, _store) = open(&instance, &persistent());
    let value = "x".repeat(1 << 20);
    let log: Vec<Logged> = (0..6).map(|n| logged(&n.to_string(), Some(&value), 0)).collect();
    let messages = (0..).zip(&log).map(|(offset, logged)| Message {
        key: Some(&logged.key),
        value: logged.value.as_deref(),
        timestamp: 0,
        headers: Headers::default(),
        offset,
    });
    for message in messages {
        task.stores.restore(0, &[message]).unwrap();
    }
    assert_eq!(task.stores.position(0), Some(6));
    drop(task);
    let (task, _store) = open(&instance, &persistent());
    assert_eq!(task.stores.position(0), Some(3), "three messages fit the first 4 MiB with their keys");
    assert_eq!(restore(&task, &log), 3);
    drop(task);
    assert_eq!(open(&instance, &persistent()).0.stores.position(0), Some(6));
}

#[test]
fn rows_without_a_position_are_wiped() {
    let instance = Instance::new();
    let space = instance.disk.space("0_0/kv").unwrap();
    let mut batch = Batch::default();
    batch.put(space, "left over", "1");
    instance.disk.write(&batch, Durability::Process).unwrap();
    let (task, store) = open(&instance, &persistent());
    assert_eq!(all(&store), []);
    assert_eq!(task.stores.position(0), None);
}

#[test]
fn rows_of_another_changelog_or_kind_or_age_are_wiped() {
    let left_behind = || {
        let instance = Instance::new();
        let (task, store) = open(&instance, &persistent());
        put(&store, "a", "1");
        task.commit(Some(1));
        drop((task, store));
        instance
    };
    let kept = |instance: &Instance, blueprint: &StoreBuilder<Store>| open(instance, blueprint).0.stores.position(0);
    assert_eq!(kept(&left_behind(), &persistent()), Some(1));
    assert_eq!(kept(&left_behind(), &persistent().with_source_changelog("in")), None);
    let old = Instance { now_ms: 2_000_001, tombstone_retention_ms: Some(1_000_000), ..left_behind() };
    assert_eq!(kept(&old, &persistent()), None);
    let young = Instance { now_ms: 2_000_000, tombstone_retention_ms: Some(1_000_000), ..left_behind() };
    assert_eq!(kept(&young, &persistent()), Some(1));
    let supplier = Stores::persistent_key_value_store("kv");
    let other = Stores::timestamped_key_value_store_builder(supplier, Format::string(), Format::string());
    let instance = left_behind();
    assert_eq!(open(&instance, &other).0.stores.position(0), None);
}

#[test]
fn wiped_store_starts_from_nothing() {
    let instance = Instance::new();
    let (task, store) = open(&instance, &persistent());
    put(&store, "a", "1");
    task.commit(Some(1));
    put(&store, "b", "1");
    task.stores.wipe(0).unwrap();
    assert_eq!((all(&store), task.stores.position(0), task.stores.uncommitted_bytes()), (Vec::new(), None, 0));
    assert_eq!(store.get(&"a".into()).unwrap(), None);
    put(&store, "c", "1");
    task.commit(Some(3));
    assert_eq!(all(&open(&instance, &persistent()).1), pairs(&[("c", "1")]));
}

#[test]
fn unknown_format_is_refused_at_open() {
    let instance = Instance::new();
    let space = instance.disk.space("store-metadata").unwrap();
    let mut batch = Batch::default();
    batch.put(space, "0_0/kv", r#"{"format":99}"#);
    instance.disk.write(&batch, Durability::Process).unwrap();
    let error = instance.task().stores.open(&persistent()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let untouched = instance.disk.scan(space, KeyRange::all(), Direction::Forward).unwrap().advance();
    assert!(untouched.unwrap(), "what cannot be read is not deleted");
}
