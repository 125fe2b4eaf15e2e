//! [`KTable`]: a table as a value to program with, and how it becomes a stream again.

mod derived;
mod filter;
mod group_by;
mod map;
mod source;

pub(super) use source::source;

use super::steps::Steps;
use super::stream::{KStream, add_below, wire_simple};
use crate::operator::{Edge, NodeContext, TableToStream};
use crate::record::Change;
use crate::serde::Datum;
use crate::topology::StepId;
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::Rc;

/// A table: the latest value of each key, as a stream of updates. Kafka Streams: `org.apache.kafka.streams.kstream.KTable`.
///
/// Keys and values are never null; an update to null deletes the key. A table is kept in a store only where something
/// needs it: a name for queries, a join, old values.
///
/// ```
/// # use kstreams::{dsl::*, testing::*};
/// # let builder = StreamsBuilder::new();
/// let stations = builder.table::<i32, String>("stations");
/// stations.to_stream().map_values(|name| name.unwrap_or("closed".to_owned())).to("out");
/// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
/// driver.input("stations").pipe_key_values([(1, Some("Loop".to_owned())), (1, None)])?;
/// assert_eq!(driver.output("out").read_values::<String>()?, ["Loop", "closed"]);
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub struct KTable<K, V> {
    pub(super) steps: Steps,
    pub(super) step: StepId,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Clone for KTable<K, V> {
    fn clone(&self) -> Self {
        KTable::new(self.steps.clone(), self.step)
    }
}

impl<K, V> KTable<K, V> {
    pub(super) fn new(steps: Steps, step: StepId) -> Self {
        KTable { steps, step, types: PhantomData }
    }

    /// Names the step that made this table (`Named.as`); its store is named by
    /// [`Materialized`](crate::dsl::Materialized).
    ///
    /// ```
    /// # use kstreams::dsl::*;
    /// # let builder = StreamsBuilder::new();
    /// builder.table::<i32, i32>("in").filter(|_, v| *v > 10).named("large-only").to_stream().to("out");
    /// let description = builder.build()?.describe().to_string();
    /// assert!(description.contains("Processor: large-only (stores: [])"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn named(self, name: &str) -> Self {
        self.steps.name(self.step, name);
        self
    }
}

impl<K: Datum, V: Datum> KTable<K, V> {
    /// The table's updates as a stream; a deleted key comes with `None`. Each update has the timestamp of the record that
    /// caused it, or of the row if that is later. The stream counts as partitioned by its key.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.table::<i32, i32>("in").to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, Some(5)), (1, None)])?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, Option<i32>>()?, [(1, Some(5)), (1, None)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn to_stream(self) -> KStream<K, Option<V>> {
        let (parent, wire) = (self.step, wire_simple(to_stream::<K, V>));
        let step = self.steps.take_node(Location::caller(), move |plan, taken| {
            let name = plan.name(taken.name, "KTABLE-TOSTREAM-");
            let parent = plan.output(parent);
            add_below(plan, name, vec![parent], Vec::new(), wire.clone())
        });
        KStream::new(self.steps, step, false)
    }
}

fn to_stream<K: Datum, V: Datum>(_: NodeContext, down: Edge<K, Option<V>>) -> Edge<K, Change<V>> {
    Rc::new(TableToStream { down })
}
