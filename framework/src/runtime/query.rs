//! Reading stores from other threads: committed rows only, of all tasks that this instance has.

use super::instance::Instance;
use crate::error::{Error, ErrorKind, Result};
use crate::record::{TaskId, Windowed};
use crate::serde::Datum;
use crate::store::{KeyValueStore, QuerySource, StoreHandle, Stored, WindowStore, other_type};
use std::collections::BTreeMap;

/// The committed rows of a store, as they were at one moment, over all partitions that this instance has.
/// Kafka Streams: what `KafkaStreams.store` returns.
///
/// Every partition shows what one commit left, and names the changelog offset that it stands for.
pub struct StoreView<S: StoreHandle> {
    partitions: Vec<(TaskId, S::ReadOnly)>,
}

/// Opens a view.
///
/// # Errors
/// `NotFound` if no store has that name; `Topology` if it has other types; `Pending` while it is being restored.
pub(crate) fn view<S: StoreHandle>(instance: &Instance, name: &str) -> Result<StoreView<S>> {
    let blueprint = instance.blueprint.store(name).ok_or_else(|| {
        let names: Vec<String> =
            instance.blueprint.stores.iter().map(|store| format!("`{}`", store.spec().name)).collect();
        Error::new(ErrorKind::NotFound, format!("the topology has no store `{name}`"))
            .with_hint(format!("it has {}", if names.is_empty() { "none".into() } else { names.join(", ") }))
    })?;
    let open = |(task, source): (TaskId, QuerySource)| {
        let rows = blueprint.read_only(&source)?.downcast::<S::ReadOnly>();
        Ok((task, *rows.map_err(|_| other_type::<S>(name, &blueprint.type_name()))?))
    };
    let partitions = sources(instance, name)?.into_iter().map(open).collect::<Result<_>>()?;
    Ok(StoreView { partitions })
}

fn sources(instance: &Instance, name: &str) -> Result<Vec<(TaskId, QuerySource)>> {
    let state = instance.board.state();
    if !state.is_running_or_rebalancing() {
        return Err(Error::new(ErrorKind::Pending, format!("stores cannot be read in state {state}")));
    }
    let owner = instance.blueprint.subtopologies.iter().find(|subtopology| {
        subtopology.is_global == instance.blueprint.is_global(name)
            && subtopology.stores.iter().any(|store| store == name)
    });
    let Some(owner) = owner else { return Ok(Vec::new()) };
    if owner.is_global {
        let being_restored = || Error::new(ErrorKind::Pending, "global tables are still being restored");
        let task = TaskId { subtopology: owner.id, partition: 0 };
        return Ok(vec![(task, instance.globals().ok_or_else(being_restored)?.source)]);
    }
    instance.tasks.sources(owner.id)
}

/// Rows as the engine has them, by store and task.
pub(crate) type StoreRows = BTreeMap<(String, TaskId), BTreeMap<Vec<u8>, Vec<u8>>>;

/// The committed rows of every store of every task that this instance has.
///
/// # Errors
/// `Pending` while one of them is being restored; what the engine refuses.
pub(crate) fn store_rows(instance: &Instance) -> Result<StoreRows> {
    let mut rows = StoreRows::new();
    for subtopology in &instance.blueprint.subtopologies {
        for name in &subtopology.stores {
            let Some(blueprint) = instance.blueprint.store(name) else { continue };
            for (task, source) in sources(instance, name)? {
                let committed = source.rows(blueprint.spec())?;
                rows.insert((name.clone(), task), committed);
            }
        }
    }
    Ok(rows)
}

impl<S: StoreHandle> StoreView<S> {
    /// The rows of each task, in order.
    pub fn partitions(&self) -> impl Iterator<Item = (TaskId, &S::ReadOnly)> {
        self.partitions.iter().map(|(task, rows)| (*task, rows))
    }
}

impl<K: Datum, S: Stored> StoreView<KeyValueStore<K, S>> {
    /// The value of `key`.
    ///
    /// # Errors
    /// What the serdes or the engine refuse; the same goes for every method here.
    pub fn get(&self, key: &K) -> Result<Option<S>> {
        for (_, rows) in &self.partitions {
            if let Some(found) = rows.get(key)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// All rows, task by task.
    ///
    /// # Errors
    /// As in [`get`](Self::get).
    pub fn all(&self) -> Result<impl Iterator<Item = Result<(K, S)>>> {
        self.range(None, None)
    }

    /// The rows from one key to another, both inclusive, task by task; `None` is an open end.
    ///
    /// # Errors
    /// As in [`get`](Self::get).
    pub fn range(&self, from: Option<&K>, to: Option<&K>) -> Result<impl Iterator<Item = Result<(K, S)>>> {
        let rows = self.partitions.iter().map(|(_, rows)| rows.range(from, to)).collect::<Result<Vec<_>>>()?;
        Ok(rows.into_iter().flatten())
    }

    /// The changelog offset that each task's rows stand for: the first one that is not in them.
    pub fn positions(&self) -> Vec<(TaskId, Option<i64>)> {
        self.partitions.iter().map(|(task, rows)| (*task, rows.position())).collect()
    }
}

impl<K: Datum, S: Stored> StoreView<WindowStore<K, S>> {
    /// The value of `key` in the window that begins at `start_ms`.
    ///
    /// # Errors
    /// What the serdes or the engine refuse; the same goes for every method here.
    pub fn fetch(&self, key: &K, start_ms: i64) -> Result<Option<S>> {
        for (_, rows) in &self.partitions {
            if let Some(found) = rows.fetch(key, start_ms)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The windows of the keys from one to another that begin between the two times, all inclusive, task by task; `None`
    /// is an open end.
    ///
    /// # Errors
    /// As in [`fetch`](Self::fetch).
    pub fn fetch_keys(
        &self,
        from: Option<&K>,
        to: Option<&K>,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<impl Iterator<Item = Result<(Windowed<K>, S)>>> {
        let rows = self.partitions.iter().map(|(_, rows)| rows.fetch_keys(from, to, from_ms, to_ms));
        Ok(rows.collect::<Result<Vec<_>>>()?.into_iter().flatten())
    }

    /// All windows that are not past retention, task by task.
    ///
    /// # Errors
    /// As in [`fetch`](Self::fetch).
    pub fn all(&self) -> Result<impl Iterator<Item = Result<(Windowed<K>, S)>>> {
        self.fetch_keys(None, None, 0, i64::MAX)
    }

    /// The changelog offset that each task's rows stand for: the first one that is not in them.
    pub fn positions(&self) -> Vec<(TaskId, Option<i64>)> {
        self.partitions.iter().map(|(task, rows)| (*task, rows.position())).collect()
    }
}
