//! Views of committed rows for other threads.
use super::*;
use crate::error::Result;
use std::marker::PhantomData;

/// Where the committed rows of one task are; may be sent to other threads.
#[derive(Clone)]
pub struct QuerySource {}

impl QuerySource {
    /// The same, reading the newest committed rows at every call instead of one moment (global tables).
    pub fn live(&self) -> QuerySource {
        todo!()
    }
}

/// Committed rows of a key-value store.
pub struct ReadOnlyKeyValueStore<K, S>(PhantomData<fn() -> (K, S)>);

impl<K, S: Stored> ReadOnlyKeyValueStore<K, S> {
    /// The value of `key`.
    pub fn get(&self, _key: &K) -> Result<Option<S>> {
        todo!()
    }
    /// The changelog position that these rows stand for: the first offset not in them.
    pub fn position(&self) -> Option<i64> {
        todo!()
    }
    /// Rows from one key to another, both inclusive.
    pub fn range(&self, _from: Option<&K>, _to: Option<&K>) -> Result<impl Iterator<Item = Result<(K, S)>>> {
        Ok(std::iter::empty())
    }
    /// All rows.
    pub fn all(&self) -> Result<impl Iterator<Item = Result<(K, S)>>> {
        self.range(None, None)
    }
}

/// Committed rows of a window store.
pub struct ReadOnlyWindowStore<K, S>(PhantomData<fn() -> (K, S)>);
