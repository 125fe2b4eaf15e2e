//! A window store against a plain map that forgets by the documented rules.

use super::fixture::{Instance, Logged, Task, restore, rows};
use crate::record::{NO_TIMESTAMP, Windowed};
use crate::serde::Format;
use crate::store::{StoreBuilder, Stores, WindowStore};
use proptest::prelude::*;
use std::collections::BTreeMap;

const SEGMENT_MS: i64 = 60_000;

type Store = WindowStore<String, i64>;

#[derive(Debug, Clone)]
enum Step {
    Put(String, Option<i64>, i64),
    Fetch(String, i64),
    FetchRange { key: String, from_ms: i64, to_ms: i64, backward: bool },
    FetchKeys { from: Option<String>, to: Option<String>, from_ms: i64, to_ms: i64, backward: bool },
    All,
    Flush,
    Commit,
    Rollback,
    Crash,
}

fn key() -> impl Strategy<Value = String> {
    "[ab]{1,2}"
}

fn time() -> impl Strategy<Value = i64> {
    prop_oneof![0_i64..500_000, (0_i64..9).prop_map(|n| n * SEGMENT_MS), (0_i64..50).prop_map(|n| n * 10_000)]
}

fn step() -> impl Strategy<Value = Step> {
    let keys = || prop::option::of(key());
    prop_oneof![
        10 => (key(), prop::option::weighted(0.8, 0_i64..100), time())
            .prop_map(|(key, value, start_ms)| Step::Put(key, value, start_ms)),
        3 => (key(), time()).prop_map(|(key, start_ms)| Step::Fetch(key, start_ms)),
        3 => (key(), time(), time(), any::<bool>())
            .prop_map(|(key, from_ms, to_ms, backward)| Step::FetchRange { key, from_ms, to_ms, backward }),
        3 => (keys(), keys(), time(), time(), any::<bool>()).prop_map(|(from, to, from_ms, to_ms, backward)| {
            Step::FetchKeys { from, to, from_ms, to_ms, backward }
        }),
        1 => Just(Step::All),
        1 => Just(Step::Flush),
        2 => Just(Step::Commit),
        1 => Just(Step::Rollback),
        1 => Just(Step::Crash),
    ]
}

/// What the rules say: a plain map of everything that was admitted.
#[derive(Debug, Clone)]
struct Model {
    retention_ms: i64,
    is_persistent: bool,
    rows: BTreeMap<(String, i64), i64>,
    observed_ms: i64,
    dropped: u64,
}

impl Model {
    fn put(&mut self, key: &str, value: Option<i64>, start_ms: i64) {
        self.observed_ms = self.observed_ms.max(start_ms);
        let oldest_ms = self.observed_ms - self.retention_ms;
        let is_live = match self.is_persistent {
            true => start_ms / SEGMENT_MS >= oldest_ms / SEGMENT_MS,
            false => start_ms > oldest_ms,
        };
        match value {
            _ if !is_live => self.dropped += 1,
            Some(value) => drop(self.rows.insert((key.to_owned(), start_ms), value)),
            None => drop(self.rows.remove(&(key.to_owned(), start_ms))),
        }
    }

    fn visible(&self) -> impl Iterator<Item = (&String, i64, i64)> {
        let rows = self.rows.iter().map(|((key, start_ms), value)| (key, *start_ms, *value));
        rows.filter(|(_, start_ms, _)| *start_ms > self.observed_ms - self.retention_ms)
    }

    /// The rows that are wanted, in the order of the store.
    fn list(&self, wanted: impl Fn(&str, i64) -> bool) -> Vec<(String, i64, i64)> {
        let mut rows: Vec<_> = self.visible().filter(|(key, start_ms, _)| wanted(key, *start_ms)).collect();
        rows.sort_by_key(|(key, start_ms, _)| {
            let row = [key.as_bytes(), &start_ms.to_be_bytes()].concat();
            if self.is_persistent { (start_ms / SEGMENT_MS, row) } else { (*start_ms, key.as_bytes().to_vec()) }
        });
        rows.into_iter().map(|(key, start_ms, value)| (key.clone(), start_ms, value)).collect()
    }
}

struct Run {
    instance: Instance,
    blueprint: StoreBuilder<Store>,
    task: Task,
    store: Store,
    model: Model,
    committed: Model,
    log: Vec<Logged>,
    open: Vec<Logged>,
}

impl Run {
    fn new(is_persistent: bool, is_cached: bool, retention_ms: i64) -> Self {
        let mut supplier = match is_persistent {
            true => Stores::persistent_window_store("w", retention_ms, 50, false),
            false => Stores::in_memory_window_store("w", retention_ms, 50, false),
        };
        supplier.window.segment_interval_ms = SEGMENT_MS;
        let mut blueprint = Stores::window_store_builder(supplier, Format::string(), Format::i64());
        if is_cached {
            blueprint = blueprint.with_caching_enabled();
        }
        let instance = Instance { cache_bytes: 400, ..Instance::new() };
        let task = instance.task();
        let store = task.open(&blueprint);
        let rows = BTreeMap::new();
        let model = Model { retention_ms, is_persistent, rows, observed_ms: NO_TIMESTAMP, dropped: 0 };
        let (committed, log, open) = (model.clone(), Vec::new(), Vec::new());
        Run { instance, blueprint, task, store, model, committed, log, open }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Put(key, value, start_ms) => {
                self.store.put(key, *value, *start_ms).unwrap();
                self.model.put(key, *value, *start_ms);
            }
            Step::Fetch(key, start_ms) => {
                let row = (key, *start_ms);
                let expected = self.model.visible().find(|(key, start_ms, _)| (*key, *start_ms) == row);
                assert_eq!(self.store.fetch(key, *start_ms).unwrap(), expected.map(|(_, _, value)| value));
            }
            Step::FetchRange { key, from_ms, to_ms, backward } => {
                let mut expected = self.model.list(|k, start_ms| k == key && (*from_ms..=*to_ms).contains(&start_ms));
                let found = match backward {
                    false => rows(self.store.fetch_range(key, *from_ms, *to_ms).unwrap()),
                    true => rows(self.store.backward_fetch_range(key, *from_ms, *to_ms).unwrap()),
                };
                if *backward {
                    expected.reverse();
                }
                let expected: Vec<_> = expected.into_iter().map(|(_, start_ms, value)| (start_ms, value)).collect();
                assert_eq!(found, expected);
            }
            Step::FetchKeys { from, to, from_ms, to_ms, backward } => {
                self.fetch_keys(from.as_ref(), to.as_ref(), *from_ms, *to_ms, *backward);
            }
            Step::All => self.fetch_keys(None, None, 0, i64::MAX, false),
            Step::Flush => self.task.stores.flush().unwrap(),
            Step::Commit => self.commit(),
            Step::Rollback => {
                self.task.stores.rollback();
                self.task.logged();
                self.undo();
            }
            Step::Crash => self.crash(),
        }
        self.open.extend(self.task.logged());
    }

    fn fetch_keys(&self, from: Option<&String>, to: Option<&String>, from_ms: i64, to_ms: i64, backward: bool) {
        let mut expected = self.model.list(|key, start_ms| {
            from.is_none_or(|from| key >= from.as_str())
                && to.is_none_or(|to| key <= to.as_str())
                && (from_ms..=to_ms).contains(&start_ms)
        });
        let found = match backward {
            false => rows(self.store.fetch_keys(from, to, from_ms, to_ms).unwrap()),
            true => rows(self.store.backward_fetch_keys(from, to, from_ms, to_ms).unwrap()),
        };
        if backward {
            expected.reverse();
        }
        let plain = |(Windowed { key, window }, value): (Windowed<String>, i64)| (key, window.start_ms, value);
        assert_eq!(found.into_iter().map(plain).collect::<Vec<_>>(), expected);
    }

    fn commit(&mut self) {
        self.task.stores.flush().unwrap();
        self.open.extend(self.task.logged());
        self.log.append(&mut self.open);
        self.task.commit(Some(self.log.len() as i64));
        self.committed = self.model.clone();
        assert_eq!(self.task.context.dropped(), self.model.dropped);
    }

    fn undo(&mut self) {
        self.open.clear();
        self.model = Model { dropped: self.task.context.dropped(), ..self.committed.clone() };
    }

    fn crash(&mut self) {
        self.instance.memory = std::sync::Arc::new(crate::engine::memory::MemoryEngine::default());
        self.task = self.instance.task();
        self.store = self.task.open(&self.blueprint);
        restore(&self.task, &self.log);
        self.undo();
    }
}

fn check(mut run: Run, steps: &[Step]) {
    steps.iter().for_each(|step| run.step(step));
    run.fetch_keys(None, None, 0, i64::MAX, true);
    run.commit();
    run.crash();
    run.fetch_keys(None, None, 0, i64::MAX, false);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn uncached_store_forgets_by_the_rules(
        is_persistent in any::<bool>(),
        retention_ms in prop_oneof![Just(30_000_i64), Just(60_000), Just(100_000), Just(120_000)],
        steps in prop::collection::vec(step(), 0..60),
    ) {
        check(Run::new(is_persistent, false, retention_ms), &steps);
    }

    /// With a cache, rows past retention are seen as long as the cache has them; without expiry it cannot be noticed.
    #[test]
    fn cached_store_is_a_map(is_persistent in any::<bool>(), steps in prop::collection::vec(step(), 0..60)) {
        check(Run::new(is_persistent, true, 10_000_000), &steps);
    }
}
