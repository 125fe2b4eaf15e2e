//! [`GlobalKTable`].

use super::builder::add_source;
use super::global_store::single_topic;
use super::materialize;
use super::options::{Consumed, Materialized};
use super::steps::Steps;
use super::stream::add_below;
use crate::operator::{Forwarder, TableSource};
use crate::record::{Change, Topic};
use crate::serde::Datum;
use crate::store::TimestampedKeyValueStore;
use crate::topology::{GlobalStore, StepId, TopicName, WireOperator, Wiring, boxed};
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

/// A table that every instance keeps in full. Kafka Streams: `org.apache.kafka.streams.kstream.GlobalKTable`.
///
/// It is read to its end before the instance starts processing. Its topic is its changelog. Streams
/// [join](super::KStream::join_global) it by any key that they can name; an update of it alone makes no result. Every
/// processor may read it by the name of its store.
///
/// ```
/// # use kstreams::{dsl::*, testing::*};
/// # let builder = StreamsBuilder::new();
/// # use kstreams::{operator::ProcessorContext, record::Record, store::TimestampedKeyValueStore};
/// builder.global_table::<i32, String>("stations", "stations");
/// builder.stream::<i32, i32>("rides").process(|| |context: &ProcessorContext<String, i32>, ride: Record<i32, i32>| {
///     let stations = context.global_store::<TimestampedKeyValueStore<i32, String>>("stations")?;
///     match stations.get(&ride.key)? {
///         Some(station) => context.forward(ride.with_key(station.value)),
///         None => Ok(()),
///     }
/// }, &[]).to("out");
/// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
/// driver.input("stations").pipe(1, "Loop".to_owned())?;
/// driver.input("rides").pipe_key_values([(1, 5), (2, 50)])?;
/// assert_eq!(driver.output("out").read_key_values::<String, i32>()?, [("Loop".to_owned(), 5)]);
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub struct GlobalKTable<K, V> {
    pub(super) steps: Steps,
    pub(super) step: StepId,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Clone for GlobalKTable<K, V> {
    fn clone(&self) -> Self {
        GlobalKTable { steps: self.steps.clone(), step: self.step, types: PhantomData }
    }
}

/// A global table read from a topic.
pub(super) fn source<K: Datum, V: Datum>(
    steps: &Steps,
    at: &'static Location<'static>,
    consumed: Consumed<Option<K>, Option<V>>,
    materialized: Materialized<K, V>,
) -> GlobalKTable<K, V> {
    let step = steps.take(at, move |plan, taken| {
        let topic = single_topic(plan, &consumed.topics);
        let given = taken.name.or(consumed.name.as_deref());
        let store = plan.name_or_generate(materialized.name.as_deref(), &format!("{topic}-STATE-STORE-"));
        let source_name = plan.name(given.map(|name| format!("{name}-source")).as_deref(), "KSTREAM-SOURCE-");
        let name = plan.name(given, "KTABLE-SOURCE-");
        let source = add_source(plan, source_name, &consumed, true);
        let blueprint = materialize::key_value(&store, &materialized)
            .with_caching_disabled()
            .with_source_changelog(Topic::from(&topic));
        plan.add_store(blueprint.build());
        let node = add_below(plan, name, vec![source], vec![store.clone()], wire::<K, V>(store.clone()));
        plan.set_output(taken.step, node);
        plan.remember_name(taken.step, Some(&store));
        let topic = TopicName::external(topic);
        plan.add_global(GlobalStore { topic, store, filled_by: node, processed: false });
    });
    GlobalKTable { steps: steps.clone(), step, types: PhantomData }
}

fn wire<K: Datum, V: Datum>(store: String) -> WireOperator {
    Arc::new(move |wiring: &Wiring<'_>, id| {
        let store: TimestampedKeyValueStore<K, V> = wiring.store(&store)?;
        let (node, down) = (wiring.node(id), wiring.below::<K, Change<V>>(id));
        let forwarder = Forwarder::new(node.clone(), down, false, Some(&store));
        Ok(boxed::<Option<K>, Option<V>>(Rc::new(TableSource { store: Some(store), forwarder, node })))
    })
}
