//! One task with its stores, on engines in memory, and what it logged.

use crate::engine::SharedEngine;
use crate::engine::memory::MemoryEngine;
use crate::record::{Headers, Message, RecordContext, RecordMetadata, Topic};
use crate::serde::testing::NoRegistry;
use crate::store::{CacheBudget, StoreBuilder, StoreHandle, TaskStores, TaskStoresConfig};
use std::rc::Rc;
use std::sync::Arc;

/// A message that a store logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Logged {
    pub(super) key: Vec<u8>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) timestamp: i64,
}

/// An instance that may crash and come back.
pub(super) struct Instance {
    pub(super) disk: SharedEngine,
    pub(super) memory: SharedEngine,
    pub(super) cache_bytes: usize,
    pub(super) read_bytes: usize,
    pub(super) now_ms: i64,
    pub(super) tombstone_retention_ms: Option<i64>,
}

impl Instance {
    pub(super) fn new() -> Self {
        Instance::on(Arc::new(MemoryEngine::default()))
    }

    pub(super) fn on(disk: SharedEngine) -> Self {
        Instance {
            disk,
            memory: Arc::new(MemoryEngine::default()),
            cache_bytes: 1 << 20,
            read_bytes: 1 << 20,
            now_ms: 1_000_000,
            tombstone_retention_ms: None,
        }
    }

    /// Without any cache.
    pub(super) fn uncached(self) -> Self {
        Instance { cache_bytes: 0, read_bytes: 0, ..self }
    }

    /// A task without stores.
    pub(super) fn task(&self) -> Task {
        let context = RecordContext::new();
        let budget = CacheBudget::new(self.cache_bytes, self.read_bytes);
        let retention = self.tombstone_retention_ms.map(|retention_ms| (Topic::from("app-kv-changelog"), retention_ms));
        let stores = TaskStores::new(TaskStoresConfig {
            application_id: "app".into(),
            owner: "0_0".into(),
            partition: 3,
            engine: self.disk.clone(),
            memory: self.memory.clone(),
            registry: Arc::new(NoRegistry),
            context: context.clone(),
            budget: budget.clone(),
            now_ms: self.now_ms,
            tombstone_retention_ms: Rc::new(retention.into_iter().collect()),
        });
        Task { stores, context, budget }
    }
}

pub(super) struct Task {
    pub(super) stores: TaskStores,
    pub(super) context: Rc<RecordContext>,
    pub(super) budget: Rc<CacheBudget>,
}

impl Task {
    pub(super) fn open<S: StoreHandle>(&self, blueprint: &StoreBuilder<S>) -> S {
        self.stores.open(blueprint).unwrap();
        self.stores.store(blueprint.name()).unwrap()
    }

    /// Begins to process the record of that timestamp.
    pub(super) fn record(&self, timestamp: i64) {
        self.record_with(timestamp, Headers::default());
    }

    pub(super) fn record_with(&self, timestamp: i64, headers: Headers) {
        self.context.set_timestamp(timestamp);
        self.context.set_headers(headers);
        self.context.set_source(Some(RecordMetadata { topic: "in".into(), partition: 3, offset: timestamp }));
    }

    /// Takes everything out of the outbox.
    pub(super) fn logged(&self) -> Vec<Logged> {
        let mut outbox = self.context.outbox().borrow_mut();
        let mut logged = Vec::new();
        while let Some(message) = outbox.front() {
            assert_eq!(message.partition, Some(3));
            assert!(message.changelog.is_some());
            logged.push(Logged {
                key: message.key.unwrap().to_vec(),
                value: message.value.map(<[u8]>::to_vec),
                timestamp: message.timestamp.unwrap(),
            });
            outbox.pop();
        }
        logged
    }

    /// Flushes and commits everything, with the position of store 0 if it is given.
    pub(super) fn commit(&self, position: Option<i64>) {
        self.stores.flush().unwrap();
        let positions = position.map(|position| (0, position));
        self.stores.commit(positions.as_slice(), 1_000_000).unwrap();
    }
}

/// A logged message in short.
pub(super) fn logged(key: &str, value: Option<&str>, timestamp: i64) -> Logged {
    Logged { key: key.into(), value: value.map(Into::into), timestamp }
}

/// Restores store 0 from what it logged, and concludes at the end.
pub(super) fn restore(task: &Task, log: &[Logged]) -> u64 {
    let from = task.stores.position(0).unwrap_or(0);
    let messages: Vec<Message<'_>> = (0..)
        .zip(log)
        .skip(from as usize)
        .map(|(offset, logged)| Message {
            key: Some(&logged.key),
            value: logged.value.as_deref(),
            timestamp: logged.timestamp,
            headers: Headers::default(),
            offset,
        })
        .collect();
    let restored = task.stores.restore(0, &messages).unwrap();
    task.stores.restored(0, log.len() as i64, 1_000_000).unwrap();
    restored
}

/// Collects rows; fails on the first that cannot be read.
pub(super) fn rows<T>(rows: impl Iterator<Item = crate::error::Result<T>>) -> Vec<T> {
    rows.collect::<Result<_, _>>().unwrap()
}
