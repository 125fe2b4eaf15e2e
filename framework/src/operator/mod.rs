//! The running parts of a topology.
//!
//! An operator takes typed records through [`Forward`] and pushes what comes of them to the operators below,
//! depth first, a record at a time. Operators belong to one task and one thread: they do no I/O, take no
//! locks, spawn nothing and read no clock. What they send leaves, encoded, through the task's outbox.
//!
//! `record` takes `&self`: a flush of a cache may forward into a chain that is already running, so an
//! operator's own state lives in cells that are never borrowed across a call.

mod aggregate;
mod branch;
mod context;
mod errors;
mod extractor;
mod filter;
mod fixed_key;
mod for_each;
mod heap;
mod lookup;
mod map;
mod print;
mod processor;
mod punctuation;
mod repartition;
mod sink;
mod source;
mod stream_table_join;
mod table;
mod table_group;
mod table_source;
mod window_aggregate;

pub(crate) use aggregate::{Aggregate, Forwarder};
pub(crate) use branch::{Branch, Predicate};
pub use context::TaskContext;
pub(crate) use context::{NodeContext, SinkTopic, SinkTopics};
pub use errors::ErrorPolicies;
pub use extractor::TimestampExtractor;
pub(crate) use filter::Filter;
pub(crate) use fixed_key::FixedKeyProcess;
pub use fixed_key::{FixedKeyProcessor, FixedKeyProcessorContext, FixedKeyRecord};
pub(crate) use for_each::{ForEach, Peek};
pub(crate) use heap::JavaHeap;
pub(crate) use lookup::{FilteredLookup, Lookup, MappedLookup, TableStore};
pub(crate) use map::{FlatMap, FlatMapValues, Map, MapValues, SelectKey};
pub(crate) use print::Print;
pub(crate) use processor::{ConnectedStores, Process};
pub use processor::{Processor, ProcessorContext};
pub use punctuation::{Cancellable, PunctuationType};
pub(crate) use repartition::NotNullKey;
pub(crate) use sink::{KeyPart, Partitioning, Serdes, Sink, Target};
pub use sink::{Partitions, StreamPartitioner};
pub(crate) use source::{Input, Source};
pub(crate) use stream_table_join::{GlobalJoin, StreamTableJoin};
pub(crate) use table::{StoredTable, TableFilter, TableMapValues, TableToStream};
pub(crate) use table_group::TableGroup;
pub(crate) use table_source::TableSource;
pub(crate) use window_aggregate::WindowAggregate;

use crate::error::Result;
use crate::record::Record;
use std::rc::Rc;

/// The one verb between operators: take a record.
pub trait Forward<K, V> {
    /// Processes the record and everything that follows from it below.
    ///
    /// # Errors
    /// Only errors that the record-error policy did not absorb; the thread rolls back.
    fn record(&self, record: Record<K, V>) -> Result<()>;
}

/// The way to what lies below an operator.
pub type Edge<K, V> = Rc<dyn Forward<K, V>>;

/// ```text
/// record ─┬─> child 0
///         ├─> child 1      in the order they were attached
///         └─> child n
/// ```
struct Tee<K, V> {
    first: Vec<Edge<K, V>>,
    last: Edge<K, V>,
}

impl<K: Clone, V: Clone> Forward<K, V> for Tee<K, V> {
    fn record(&self, record: Record<K, V>) -> Result<()> {
        for child in &self.first {
            child.record(record.clone())?;
        }
        self.last.record(record)
    }
}

/// The end of a chain: takes everything and does nothing.
struct Nowhere;

impl<K, V> Forward<K, V> for Nowhere {
    fn record(&self, _: Record<K, V>) -> Result<()> {
        Ok(())
    }
}

/// One edge to all children, in the order they were attached.
pub(crate) fn tee<K: Clone + 'static, V: Clone + 'static>(mut children: Vec<Edge<K, V>>) -> Edge<K, V> {
    match children.pop() {
        None => Rc::new(Nowhere),
        Some(only) if children.is_empty() => only,
        Some(last) => Rc::new(Tee { first: children, last }),
    }
}
