//! The record cache: what is held back, in which order it is pushed, and with which old values.

use super::fixture::{Instance, Task, logged, rows};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Change, Headers, Record, RecordContext, Windowed};
use crate::serde::{Format, Serde};
use crate::store::{KeyValueStore, StoreBuilder, Stores, TimestampedKeyValueStore, ValueAndTimestamp};
use std::cell::RefCell;
use std::rc::Rc;

type Store = KeyValueStore<String, String>;
type Forwarded = Rc<RefCell<Vec<String>>>;

fn blueprint(name: &'static str) -> StoreBuilder<Store> {
    let supplier = Stores::persistent_key_value_store(name);
    Stores::key_value_store_builder(supplier, Format::string(), Format::string()).with_caching_enabled()
}

/// `key new<old @timestamp`, with the source offset of the context in which it was forwarded.
fn write_down(context: &RecordContext, record: &Record<String, Change<String>>) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
    let offset = context.source().map_or(-1, |source| source.offset);
    let Change { new, old, .. } = &record.value;
    format!("{} {}<{} @{} from {offset}", record.key, value(new), value(old), record.timestamp)
}

fn listen(task: &Task, store: &Store, send_old_values: bool) -> Forwarded {
    let forwarded = Forwarded::default();
    let (list, context) = (forwarded.clone(), task.context.clone());
    let listener = move |record: Record<String, Change<String>>| {
        list.borrow_mut().push(write_down(&context, &record));
        Ok(())
    };
    assert!(store.set_flush_listener(Rc::new(listener), send_old_values));
    forwarded
}

fn put(store: &Store, key: &str, value: &str) {
    store.put(&key.into(), value.to_owned()).unwrap();
}

fn take(forwarded: &Forwarded) -> Vec<String> {
    forwarded.take()
}

#[test]
fn last_update_of_each_key_is_pushed_in_the_order_of_last_updates() {
    let task = Instance::new().task();
    let store = task.open(&blueprint("s"));
    let forwarded = listen(&task, &store, true);
    for (timestamp, key) in [(1, "a"), (2, "b"), (3, "a"), (4, "c")] {
        task.record(timestamp);
        put(&store, key, &timestamp.to_string());
    }
    assert_eq!(task.logged(), []);
    task.record(99);
    task.stores.flush().unwrap();
    assert_eq!(take(&forwarded), ["b 2<- @2 from 2", "a 3<- @3 from 3", "c 4<- @4 from 4"]);
    assert_eq!(task.logged(), [logged("b", Some("2"), 2), logged("a", Some("3"), 3), logged("c", Some("4"), 4)]);
    assert_eq!((task.context.timestamp(), task.context.source().unwrap().offset), (99, 99), "the context is back");
}

#[test]
fn old_value_is_the_one_that_was_flushed_last() {
    let task = Instance::new().task();
    let store = task.open(&blueprint("s"));
    let forwarded = listen(&task, &store, true);
    put(&store, "a", "1");
    task.commit(None);
    put(&store, "a", "2");
    put(&store, "a", "3");
    task.commit(None);
    store.delete(&"a".into()).unwrap();
    task.commit(None);
    let changes = take(&forwarded).into_iter().map(|line| line.split(' ').nth(1).unwrap().to_owned());
    assert_eq!(changes.collect::<Vec<_>>(), ["1<-", "3<1", "-<3"]);
}

#[test]
fn old_value_is_read_from_below_when_the_cache_never_saw_it() {
    let instance = Instance::new();
    let task = instance.task();
    put(&task.open(&blueprint("s")), "a", "1");
    task.commit(Some(1));
    let task = instance.task();
    let store = task.open(&blueprint("s"));
    let forwarded = listen(&task, &store, true);
    put(&store, "a", "2");
    task.stores.flush().unwrap();
    assert!(take(&forwarded)[0].starts_with("a 2<1 "));
}

#[test]
fn old_value_is_not_sent_unless_asked_for() {
    let task = Instance::new().task();
    let store = task.open(&blueprint("s"));
    let forwarded = listen(&task, &store, false);
    put(&store, "a", "1");
    task.stores.flush().unwrap();
    store.delete(&"a".into()).unwrap();
    task.stores.flush().unwrap();
    let lines = take(&forwarded);
    assert!(lines[1].starts_with("a -<- "), "{lines:?}");
}

#[test]
fn key_created_and_deleted_between_flushes_is_never_heard_of() {
    let task = Instance::new().task();
    let store = task.open(&blueprint("s"));
    let forwarded = listen(&task, &store, false);
    put(&store, "temp", "t");
    store.delete(&"temp".into()).unwrap();
    task.stores.flush().unwrap();
    assert_eq!(take(&forwarded), [""; 0]);
    assert_eq!(task.logged(), []);
}

#[test]
fn without_a_listener_even_that_deletion_is_logged() {
    let task = Instance::new().task();
    let store = task.open(&blueprint("s"));
    task.record(5);
    put(&store, "temp", "t");
    store.delete(&"temp".into()).unwrap();
    task.stores.flush().unwrap();
    assert_eq!(task.logged(), [logged("temp", None, 5)]);
}

#[test]
fn scan_sees_what_is_held_back_and_pushes_nothing() {
    let task = Instance::new().task();
    let store = task.open(&blueprint("s"));
    ["a", "b", "d"].iter().for_each(|key| put(&store, key, "below"));
    task.commit(None);
    task.logged();
    put(&store, "c", "held");
    put(&store, "b", "held");
    store.delete(&"d".into()).unwrap();
    let all = |rows: Vec<(String, String)>| rows.into_iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>();
    assert_eq!(all(rows(store.all().unwrap())), ["a=below", "b=held", "c=held"]);
    assert_eq!(all(rows(store.reverse_all().unwrap())), ["c=held", "b=held", "a=below"]);
    assert_eq!(task.logged(), []);
    assert_eq!(task.stores.uncommitted_bytes(), 0);
}

#[test]
fn evicted_update_takes_all_others_with_it_and_goes_first() {
    // An entry of one-byte key and value that came from topic `in` counts 49 bytes.
    let task = Instance { cache_bytes: 3 * 49, ..Instance::new() }.task();
    let store = task.open(&blueprint("s"));
    let forwarded = listen(&task, &store, false);
    task.record(1);
    put(&store, "a", "1");
    put(&store, "b", "1");
    put(&store, "c", "1");
    put(&store, "b", "2");
    assert_eq!(take(&forwarded).len(), 0);
    store.get(&"a".into()).unwrap();
    put(&store, "d", "1");
    let keys: Vec<_> = take(&forwarded).iter().map(|line| line[..1].to_owned()).collect();
    assert_eq!(keys, ["c", "a", "b", "d"], "`c` was used longest ago, the others follow in the order of updates");
    assert!(!task.stores.is_dirty());
    assert!(task.budget.record_cache_bytes_used() <= 3 * 49);
    put(&store, "e", "1");
    assert_eq!(take(&forwarded).len(), 0, "`b` is evicted, but clean");
}

#[test]
fn store_that_is_written_makes_room_not_its_neighbour() {
    let task = Instance { cache_bytes: 2 * 49, ..Instance::new() }.task();
    let (first, second) = (task.open(&blueprint("s1")), task.open(&blueprint("s2")));
    let (of_first, of_second) = (listen(&task, &first, false), listen(&task, &second, false));
    task.record(1);
    put(&first, "a", "1");
    put(&first, "b", "1");
    put(&second, "c", "1");
    assert_eq!((take(&of_first).len(), take(&of_second).len()), (0, 1));
}

#[test]
fn with_no_bytes_at_all_caching_is_off() {
    let task = Instance { cache_bytes: 0, ..Instance::new() }.task();
    let store = task.open(&blueprint("s"));
    let listener = |_: Record<String, Change<String>>| panic!("nothing is held back, so nothing is flushed");
    assert!(!store.set_flush_listener(Rc::new(listener), true), "whoever puts forwards");
    task.record(1);
    put(&store, "a", "1");
    put(&store, "a", "2");
    store.delete(&"nobody".into()).unwrap();
    assert_eq!(task.logged(), [logged("a", Some("1"), 1), logged("a", Some("2"), 1), logged("nobody", None, 1)]);
}

#[test]
fn listener_may_come_back_to_the_store() {
    let task = Instance::new().task();
    let store = task.open(&blueprint("s"));
    let seen = Rc::new(RefCell::new(Vec::new()));
    let (list, again) = (seen.clone(), store.clone());
    let listener = move |record: Record<String, Change<String>>| {
        let held = rows(again.all()?).len();
        list.borrow_mut().push(format!("{}={} of {held}", record.key, record.value.new.unwrap()));
        if record.key == "a" {
            again.put(&"b".into(), "from a".to_owned())?;
        }
        Ok(())
    };
    store.set_flush_listener(Rc::new(listener), true);
    put(&store, "a", "1");
    put(&store, "b", "1");
    task.stores.flush().unwrap();
    assert_eq!(*seen.borrow(), ["a=1 of 2", "b=1 of 2", "b=from a of 2"]);
    assert_eq!(store.get(&"b".into()).unwrap().as_deref(), Some("from a"));
    assert!(!task.stores.is_dirty());
}

#[test]
fn what_a_flush_puts_into_another_store_is_flushed_too() {
    let task = Instance::new().task();
    let (first, second) = (task.open(&blueprint("s1")), task.open(&blueprint("s2")));
    let forwarded = listen(&task, &first, false);
    let upstream = first.clone();
    let listener = move |record: Record<String, Change<String>>| upstream.put(&record.key, record.value.new);
    second.set_flush_listener(Rc::new(listener), false);
    put(&second, "a", "1");
    task.stores.flush().unwrap();
    assert_eq!(take(&forwarded).len(), 1);
}

#[test]
fn stores_that_feed_each_other_without_end_are_an_error() {
    let task = Instance::new().task();
    let store = task.open(&blueprint("s"));
    let again = store.clone();
    let listener = move |record: Record<String, Change<String>>| again.put(&record.key, record.value.new);
    store.set_flush_listener(Rc::new(listener), false);
    put(&store, "a", "1");
    let error = task.stores.flush().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Topology);
    assert!(error.message().contains("`s`"));
}

#[test]
fn commit_with_updates_still_held_back_is_refused() {
    let task = Instance::new().task();
    put(&task.open(&blueprint("s")), "a", "1");
    assert_eq!(task.stores.prepare_batch(&[], 0).unwrap_err().kind(), ErrorKind::Bug);
}

#[test]
fn failed_listener_leaves_the_context_as_it_was() {
    let task = Instance::new().task();
    let store = task.open(&blueprint("s"));
    store.set_flush_listener(Rc::new(|_| Err(Error::processing("no"))), false);
    task.record(1);
    put(&store, "a", "1");
    task.record(2);
    assert!(task.stores.flush().is_err());
    assert_eq!(task.context.timestamp(), 2);
}

#[test]
fn headers_of_the_last_update_travel_with_it() {
    let task = Instance::new().task();
    let store = task.open(&blueprint("s"));
    let seen = Rc::new(RefCell::new(Vec::new()));
    let (list, context) = (seen.clone(), task.context.clone());
    let listener = move |record: Record<String, Change<String>>| {
        list.borrow_mut().push((record.headers, context.headers()));
        Ok(())
    };
    store.set_flush_listener(Rc::new(listener), false);
    task.record_with(1, Headers::from_iter([("first", None)]));
    put(&store, "a", "1");
    let last = Headers::from_iter([("last", Some(&b"x"[..]))]);
    task.record_with(2, last.clone());
    put(&store, "a", "2");
    task.record(3);
    task.stores.flush().unwrap();
    assert_eq!(*seen.borrow(), [(last.clone(), last)]);
}

#[test]
fn timestamped_update_is_forwarded_at_its_stored_time() {
    let task = Instance::new().task();
    let supplier = Stores::persistent_key_value_store("ts");
    let blueprint = Stores::timestamped_key_value_store_builder(supplier, Format::string(), Format::i64());
    let store: TimestampedKeyValueStore<String, i64> = task.open(&blueprint.with_caching_enabled());
    let times = Rc::new(RefCell::new(Vec::new()));
    let list = times.clone();
    let listener = move |record: Record<String, Change<i64>>| {
        list.borrow_mut().push((record.value, record.timestamp));
        Ok(())
    };
    store.set_flush_listener(Rc::new(listener), true);
    task.record(500);
    store.put(&"a".into(), ValueAndTimestamp::new(7, 20)).unwrap();
    task.stores.flush().unwrap();
    store.delete(&"a".into()).unwrap();
    task.stores.flush().unwrap();
    assert_eq!(*times.borrow(), [(Change::new(Some(7), None), 20), (Change::new(None, Some(7)), 500)]);
}

#[test]
fn windows_are_forwarded_with_their_windows() {
    let task = Instance::new().task();
    let supplier = Stores::persistent_window_store("w", 1_000, 50, false);
    let blueprint = Stores::window_store_builder(supplier, Format::string(), Format::i64());
    let store = task.open(&blueprint.with_caching_enabled());
    let seen = Rc::new(RefCell::new(Vec::new()));
    let list = seen.clone();
    let listener = move |record: Record<Windowed<String>, Change<i64>>| {
        let window = record.key.window;
        list.borrow_mut().push((record.key.key, window.start_ms, window.end_ms, record.value.new));
        Ok(())
    };
    store.set_flush_listener(Rc::new(listener), false);
    store.put(&"a".into(), 1, 100).unwrap();
    store.put(&"a".into(), 2, 50).unwrap();
    store.put(&"a".into(), 3, 100).unwrap();
    task.stores.flush().unwrap();
    assert_eq!(*seen.borrow(), [("a".into(), 50, 100, Some(2)), ("a".into(), 100, 150, Some(3))]);
}

#[test]
fn window_that_expired_below_has_no_old_value() {
    let task = Instance::new().task();
    let supplier = Stores::persistent_window_store("w", 60_000, 50, false);
    let blueprint = Stores::window_store_builder(supplier, Format::string(), Format::i64());
    let store = task.open(&blueprint.with_caching_enabled());
    let changes = Rc::new(RefCell::new(Vec::new()));
    let list = changes.clone();
    let listener = move |record: Record<Windowed<String>, Change<i64>>| {
        list.borrow_mut().push(record.value);
        Ok(())
    };
    store.set_flush_listener(Rc::new(listener), true);
    store.put(&"a".into(), 1, 0).unwrap();
    task.stores.flush().unwrap();
    store.put(&"b".into(), 2, 500_000).unwrap();
    task.stores.flush().unwrap();
    store.put(&"a".into(), 3, 0).unwrap();
    task.stores.flush().unwrap();
    let expected = [1, 2, 3].map(|value| Change::new(Some(value), None));
    assert_eq!(*changes.borrow(), expected, "the cache remembers 1, but a reader below would not find it");
}

/// Refuses the value `bad`.
struct Picky;

impl Serde<String> for Picky {
    fn serialize(&self, value: &String, out: &mut Vec<u8>) -> Result<()> {
        if value == "bad" {
            return Err(Error::new(ErrorKind::Serialization, "bad value"));
        }
        out.extend_from_slice(value.as_bytes());
        Ok(())
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<String> {
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }
}

#[test]
fn value_that_cannot_be_encoded_fails_at_put_and_leaves_the_old_one() {
    let task = Instance::new().task();
    let supplier = Stores::persistent_key_value_store("picky");
    let blueprint = Stores::key_value_store_builder(supplier, Format::string(), Format::of(Picky));
    let store: Store = task.open(&blueprint.with_caching_enabled());
    put(&store, "a", "good");
    let error = store.put(&"a".into(), "bad".to_owned()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Serialization);
    assert_eq!(store.get(&"a".into()).unwrap().as_deref(), Some("good"));
    task.stores.flush().unwrap();
    assert_eq!(task.logged()[0].value.as_deref(), Some(&b"good"[..]));
}
