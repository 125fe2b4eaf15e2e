//! Commit, rollback, and what other threads read.

use super::fixture::{Instance, Task, rows};
use crate::serde::Format;
use crate::store::{
    KeyValueStore, ReadOnlyKeyValueStore, ReadOnlyWindowStore, StoreBlueprint, StoreBuilder, Stores, WindowStore,
};

type Store = KeyValueStore<String, String>;

fn blueprints() -> [StoreBuilder<Store>; 2] {
    let builder = |supplier| Stores::key_value_store_builder(supplier, Format::string(), Format::string());
    [builder(Stores::persistent_key_value_store("kv")), builder(Stores::in_memory_key_value_store("kv"))]
}

fn put(store: &Store, key: &str, value: &str) {
    store.put(&key.into(), value.to_owned()).unwrap();
}

fn query(task: &Task, blueprint: &StoreBuilder<Store>) -> ReadOnlyKeyValueStore<String, String> {
    let source = task.stores.query_source();
    *StoreBlueprint::read_only(blueprint, &source).unwrap().downcast().unwrap()
}

#[test]
fn queries_see_committed_rows_and_where_they_stand() {
    for blueprint in blueprints() {
        let task = Instance::new().task();
        let store = task.open(&blueprint);
        put(&store, "a", "1");
        let before = query(&task, &blueprint);
        task.commit(Some(1));
        let after = query(&task, &blueprint);
        put(&store, "a", "2");
        let key = "a".to_owned();
        assert_eq!((before.get(&key).unwrap(), before.position()), (None, None));
        assert_eq!((after.get(&key).unwrap().as_deref(), after.position()), (Some("1"), Some(1)));
        assert_eq!(rows(after.all().unwrap()), [("a".to_owned(), "1".to_owned())]);
    }
}

#[test]
fn query_is_one_moment_unless_it_is_live() {
    let [blueprint, _] = blueprints();
    let task = Instance::new().task();
    let store = task.open(&blueprint);
    let live = StoreBlueprint::read_only(&blueprint, &task.stores.query_source().live()).unwrap();
    let live: ReadOnlyKeyValueStore<String, String> = *live.downcast().unwrap();
    let moment = query(&task, &blueprint);
    put(&store, "a", "1");
    task.commit(None);
    assert_eq!(moment.get(&"a".into()).unwrap(), None);
    assert_eq!(live.get(&"a".into()).unwrap().as_deref(), Some("1"));
}

#[test]
fn queries_run_in_other_threads() {
    let [blueprint, _] = blueprints();
    let task = Instance::new().task();
    put(&task.open(&blueprint), "a", "1");
    task.commit(Some(1));
    let source = task.stores.query_source();
    let value = std::thread::spawn(move || {
        let rows = StoreBlueprint::read_only(&blueprint, &source).unwrap();
        let rows = rows.downcast::<ReadOnlyKeyValueStore<String, String>>().unwrap();
        rows.get(&"a".into()).unwrap()
    });
    assert_eq!(value.join().unwrap().as_deref(), Some("1"));
}

#[test]
fn window_queries_hide_what_is_past_retention() {
    let supplier = Stores::persistent_window_store("w", 90_000, 50, false);
    let blueprint = Stores::window_store_builder(supplier, Format::string(), Format::string());
    let task = Instance::new().task();
    let store: WindowStore<String, String> = task.open(&blueprint);
    let a = "a".to_owned();
    [0, 20_000, 100_000].iter().for_each(|start_ms| store.put(&a, "x".to_owned(), *start_ms).unwrap());
    task.commit(Some(3));
    let rows_read = StoreBlueprint::read_only(&blueprint, &task.stores.query_source()).unwrap();
    let query: ReadOnlyWindowStore<String, String> = *rows_read.downcast().unwrap();
    let starts = |rows: Vec<(crate::record::Windowed<String>, String)>| -> Vec<i64> {
        rows.into_iter().map(|(key, _)| key.window.start_ms).collect()
    };
    assert_eq!(starts(rows(query.all().unwrap())), [20_000, 100_000]);
    assert_eq!(starts(rows(query.fetch_range(&a, 0, 50_000).unwrap())), [20_000]);
    assert_eq!(query.fetch(&a, 0).unwrap(), None);
    assert_eq!((query.fetch(&a, 20_000).unwrap().as_deref(), query.position()), (Some("x"), Some(3)));
}

#[test]
fn rollback_takes_back_rows_of_every_store() {
    for blueprint in blueprints() {
        for blueprint in [blueprint.clone(), blueprint.with_caching_enabled()] {
            let task = Instance::new().task();
            let store = task.open(&blueprint);
            put(&store, "a", "1");
            task.commit(Some(1));
            put(&store, "a", "2");
            task.stores.flush().unwrap();
            put(&store, "b", "1");
            task.stores.rollback();
            assert_eq!(rows(store.all().unwrap()), [("a".to_owned(), "1".to_owned())]);
            assert_eq!(store.get(&"b".into()).unwrap(), None);
            assert_eq!((task.stores.uncommitted_bytes(), task.stores.position(0)), (0, Some(1)));
        }
    }
}

#[test]
fn crash_between_preparing_and_writing_loses_the_commit_as_a_whole() {
    let instance = Instance::new();
    let [blueprint, _] = blueprints();
    let task = instance.task();
    let store = task.open(&blueprint);
    put(&store, "a", "1");
    task.stores.prepare_batch(&[(0, 1)], 0).unwrap();
    drop((task, store));
    let task = instance.task();
    let store = task.open(&blueprint);
    assert_eq!((store.get(&"a".into()).unwrap(), task.stores.position(0)), (None, None));
}

#[test]
fn uncommitted_bytes_are_those_of_the_rows() {
    let task = Instance::new().uncached().task();
    let [blueprint, _] = blueprints();
    let store = task.open(&blueprint);
    put(&store, "key", "value");
    put(&store, "key", "v");
    store.delete(&"other".into()).unwrap();
    assert_eq!(task.stores.uncommitted_bytes(), 3 + 1 + 5);
}
