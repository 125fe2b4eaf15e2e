//! A key-value store against a plain map: puts, scans, flushes, commits, rollbacks, crashes with and without the disk.

use super::fixture::{Instance, Logged, Task, restore, rows};
#[cfg(feature = "fjall")]
use crate::engine::{EngineKind, EngineOptions, open};
use crate::serde::Format;
use crate::store::{KeyValueStore, StoreBuilder, Stores};
use proptest::prelude::*;
use std::collections::BTreeMap;

type Store = KeyValueStore<String, i64>;
type Map = BTreeMap<String, i64>;

#[derive(Debug, Clone)]
enum Step {
    Put(String, i64),
    Delete(String),
    Get(String),
    Scan {
        from: Option<String>,
        to: Option<String>,
        backward: bool,
    },
    Prefix(String),
    ScanWhileDeleting,
    Flush,
    Commit,
    Rollback,
    /// The process is killed: what was not committed is gone, and restored from the changelog if it was logged.
    Crash,
}

fn key() -> impl Strategy<Value = String> {
    "[ab]{1,3}"
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (key(), 0_i64..100).prop_map(|(key, value)| Step::Put(key, value)),
        3 => key().prop_map(Step::Delete),
        3 => key().prop_map(Step::Get),
        3 => (prop::option::of(key()), prop::option::of(key()), any::<bool>())
            .prop_map(|(from, to, backward)| Step::Scan { from, to, backward }),
        1 => "[ab]{0,2}".prop_map(Step::Prefix),
        1 => Just(Step::ScanWhileDeleting),
        2 => Just(Step::Flush),
        2 => Just(Step::Commit),
        1 => Just(Step::Rollback),
        1 => Just(Step::Crash),
    ]
}

/// How the store is built and how much its caches hold.
#[derive(Debug, Clone)]
struct Setup {
    is_persistent: bool,
    is_cached: bool,
    cache_bytes: usize,
    read_bytes: usize,
}

fn setup() -> impl Strategy<Value = Setup> {
    let bytes = || prop_oneof![Just(0_usize), Just(150), Just(1 << 20)];
    (any::<bool>(), any::<bool>(), bytes(), bytes()).prop_map(|(is_persistent, is_cached, cache_bytes, read_bytes)| {
        Setup { is_persistent, is_cached, cache_bytes, read_bytes }
    })
}

struct Run {
    instance: Instance,
    blueprint: StoreBuilder<Store>,
    task: Task,
    store: Store,
    model: Map,
    committed: Map,
    /// The changelog's transactions that were committed, and the one that is open.
    log: Vec<Logged>,
    open: Vec<Logged>,
}

impl Run {
    fn new(setup: &Setup, instance: Instance) -> Self {
        let supplier = match setup.is_persistent {
            true => Stores::persistent_key_value_store("kv"),
            false => Stores::in_memory_key_value_store("kv"),
        };
        let mut blueprint = Stores::key_value_store_builder(supplier, Format::string(), Format::i64());
        if setup.is_cached {
            blueprint = blueprint.with_caching_enabled();
        }
        let instance = Instance { cache_bytes: setup.cache_bytes, read_bytes: setup.read_bytes, ..instance };
        let task = instance.task();
        let store = task.open(&blueprint);
        let (model, committed) = (Map::new(), Map::new());
        Run { instance, blueprint, task, store, model, committed, log: Vec::new(), open: Vec::new() }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Put(key, value) => {
                self.store.put(key, *value).unwrap();
                self.model.insert(key.clone(), *value);
            }
            Step::Delete(key) => assert_eq!(self.store.delete(key).unwrap(), self.model.remove(key)),
            Step::Get(key) => assert_eq!(self.store.get(key).unwrap(), self.model.get(key).copied()),
            Step::Scan { from, to, backward } => self.scan(from.as_ref(), to.as_ref(), *backward),
            Step::Prefix(prefix) => {
                let found = rows(self.store.prefix_scan(prefix.as_bytes()).unwrap());
                let expected = self.model.iter().filter(|(key, _)| key.starts_with(prefix));
                assert_eq!(found, expected.map(|(key, value)| (key.clone(), *value)).collect::<Vec<_>>());
            }
            Step::ScanWhileDeleting => {
                let mut seen = Vec::new();
                for row in self.store.all().unwrap() {
                    let (key, value) = row.unwrap();
                    self.store.delete(&key).unwrap();
                    seen.push((key, value));
                }
                assert_eq!(seen, std::mem::take(&mut self.model).into_iter().collect::<Vec<_>>());
            }
            Step::Flush => self.task.stores.flush().unwrap(),
            Step::Commit => self.commit(),
            Step::Rollback => {
                self.task.stores.rollback();
                self.task.logged();
                self.open.clear();
                self.model = self.committed.clone();
            }
            Step::Crash => self.crash(),
        }
        self.open.extend(self.task.logged());
    }

    fn scan(&self, from: Option<&String>, to: Option<&String>, backward: bool) {
        let is_inside = |key: &String| from.is_none_or(|from| key >= from) && to.is_none_or(|to| key <= to);
        let expected = self.model.iter().filter(|(key, _)| is_inside(key)).map(|(key, value)| (key.clone(), *value));
        match backward {
            false => assert_eq!(rows(self.store.range(from, to).unwrap()), expected.collect::<Vec<_>>()),
            true => assert_eq!(rows(self.store.reverse_range(from, to).unwrap()), expected.rev().collect::<Vec<_>>()),
        }
    }

    fn commit(&mut self) {
        self.task.stores.flush().unwrap();
        self.open.extend(self.task.logged());
        self.log.append(&mut self.open);
        self.task.commit(Some(self.log.len() as i64));
        self.committed = self.model.clone();
        assert_eq!(self.task.stores.uncommitted_bytes(), 0);
        assert_eq!(replay(&self.log), self.committed, "the changelog alone gives the same rows");
    }

    fn crash(&mut self) {
        let memory = std::sync::Arc::new(crate::engine::memory::MemoryEngine::default());
        self.instance.memory = memory;
        self.task = self.instance.task();
        self.store = self.task.open(&self.blueprint);
        restore(&self.task, &self.log);
        self.open.clear();
        self.model = self.committed.clone();
    }
}

fn replay(log: &[Logged]) -> Map {
    let mut map = Map::new();
    for Logged { key, value, .. } in log {
        let key = String::from_utf8(key.clone()).unwrap();
        match value {
            Some(value) => drop(map.insert(key, i64::from_be_bytes(value.as_slice().try_into().unwrap()))),
            None => drop(map.remove(&key)),
        }
    }
    map
}

fn check(setup: &Setup, steps: &[Step], instance: Instance) {
    let mut run = Run::new(setup, instance);
    steps.iter().for_each(|step| run.step(step));
    run.scan(None, None, false);
    run.commit();
    run.crash();
    run.scan(None, None, true);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn store_is_a_map(setup in setup(), steps in prop::collection::vec(step(), 0..60)) {
        check(&setup, &steps, Instance::new());
    }
}

#[cfg(feature = "fjall")]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn store_on_disk_is_a_map(setup in setup(), steps in prop::collection::vec(step(), 0..60)) {
        let directory = tempfile::tempdir().unwrap();
        let engine = open(EngineKind::Fjall, directory.path(), &EngineOptions::default()).unwrap();
        check(&Setup { is_persistent: true, ..setup }, &steps, Instance::on(engine));
    }
}
