//! Steps that make other records of a record; timestamp and headers stay.
//!
//! ```text
//! Map            (k, v) ─> (k', v')
//! SelectKey      (k, v) ─> (k', v)
//! MapValues      (k, v) ─> (k, v')
//! FlatMap        (k, v) ─> (k1, v1) … (kn, vn)
//! FlatMapValues  (k, v) ─> (k, v1) … (k, vn)
//! ```

use super::{Edge, Forward, NodeContext};
use crate::error::Result;
use crate::record::Record;
use std::marker::PhantomData;
use std::sync::Arc;

/// One record into another.
pub(crate) struct Map<F, K, V> {
    pub(crate) mapper: Arc<F>,
    pub(crate) node: NodeContext,
    pub(crate) down: Edge<K, V>,
}

impl<F, K, V, K2, V2> Forward<K, V> for Map<F, K2, V2>
where
    F: Fn(K, V) -> Result<(K2, V2)>,
{
    fn record(&self, record: Record<K, V>) -> Result<()> {
        let Record { key, value, timestamp, headers } = record;
        match (self.mapper)(key, value) {
            Ok((key, value)) => self.down.record(Record { key, value, timestamp, headers }),
            Err(error) => self.node.failed(error),
        }
    }
}

/// A new key for the same value.
pub(crate) struct SelectKey<F, K, V> {
    pub(crate) selector: Arc<F>,
    pub(crate) node: NodeContext,
    pub(crate) down: Edge<K, V>,
}

impl<F, K, V, K2> Forward<K, V> for SelectKey<F, K2, V>
where
    F: Fn(&K, &V) -> Result<K2>,
{
    fn record(&self, record: Record<K, V>) -> Result<()> {
        match (self.selector)(&record.key, &record.value) {
            Ok(key) => self.down.record(record.with_key(key)),
            Err(error) => self.node.failed(error),
        }
    }
}

/// A new value for the same key.
pub(crate) struct MapValues<F, K, V> {
    pub(crate) mapper: Arc<F>,
    pub(crate) node: NodeContext,
    pub(crate) down: Edge<K, V>,
}

impl<F, K, V, V2> Forward<K, V> for MapValues<F, K, V2>
where
    F: Fn(&K, V) -> Result<V2>,
{
    fn record(&self, record: Record<K, V>) -> Result<()> {
        let Record { key, value, timestamp, headers } = record;
        match (self.mapper)(&key, value) {
            Ok(value) => self.down.record(Record { key, value, timestamp, headers }),
            Err(error) => self.node.failed(error),
        }
    }
}

/// Any number of records for one.
pub(crate) struct FlatMap<F, I, K, V> {
    pub(crate) mapper: Arc<F>,
    pub(crate) node: NodeContext,
    pub(crate) down: Edge<K, V>,
    pub(crate) several: PhantomData<fn() -> I>,
}

impl<F, I, K, V, K2, V2> Forward<K, V> for FlatMap<F, I, K2, V2>
where
    F: Fn(K, V) -> Result<I>,
    I: IntoIterator<Item = (K2, V2)>,
{
    fn record(&self, record: Record<K, V>) -> Result<()> {
        let Record { key, value, timestamp, headers } = record;
        let several = match (self.mapper)(key, value) {
            Ok(several) => several,
            Err(error) => return self.node.failed(error),
        };
        for (key, value) in several {
            self.down.record(Record { key, value, timestamp, headers: headers.clone() })?;
        }
        Ok(())
    }
}

/// Any number of values for one, under the same key.
pub(crate) struct FlatMapValues<F, I, K, V> {
    pub(crate) mapper: Arc<F>,
    pub(crate) node: NodeContext,
    pub(crate) down: Edge<K, V>,
    pub(crate) several: PhantomData<fn() -> I>,
}

impl<F, I, K, V, V2> Forward<K, V> for FlatMapValues<F, I, K, V2>
where
    F: Fn(&K, V) -> Result<I>,
    I: IntoIterator<Item = V2>,
    K: Clone,
{
    fn record(&self, record: Record<K, V>) -> Result<()> {
        let Record { key, value, timestamp, headers } = record;
        let several = match (self.mapper)(&key, value) {
            Ok(several) => several,
            Err(error) => return self.node.failed(error),
        };
        for value in several {
            self.down.record(Record { key: key.clone(), value, timestamp, headers: headers.clone() })?;
        }
        Ok(())
    }
}
