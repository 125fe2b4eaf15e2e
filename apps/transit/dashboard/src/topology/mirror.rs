//! A table of a topic, and everything that happens to it told to the hub.

use crate::Hub;
use crate::view::Event;
use kstreams::dsl::{Materialized, StreamsBuilder};
use kstreams::error::Result;
use kstreams::operator::{Processor, ProcessorContext};
use kstreams::record::Record;
use kstreams::serde::Wire;
use kstreams::store::TimestampedKeyValueStore;
use std::marker::PhantomData;

/// What a row, or its deletion, means to the view.
type ToEvent<K, V> = fn(&K, Option<&V>) -> Option<Event>;

/// Tells the hub a table's rows when its task starts, and then each change.
struct Mirror<K, V> {
    hub: Hub,
    store: &'static str,
    event: ToEvent<K, V>,
    types: PhantomData<(K, V)>,
}

/// Reads `topic` as a table into `store`, and shows it.
pub(super) fn add_mirror<K: Wire, V: Wire>(
    builder: &StreamsBuilder,
    hub: &Hub,
    topic: &str,
    store: &'static str,
    event: ToEvent<K, V>,
) {
    let hub = hub.clone();
    let mirror = move || Mirror { hub: hub.clone(), store, event, types: PhantomData };
    let table = builder.table_with::<K, V>(topic, Materialized::named(store)).named(&format!("{store}-table"));
    table.to_stream().process::<(), (), _>(mirror, &[store]).named(&format!("show-{store}"));
}

impl<K: Wire, V: Wire> Mirror<K, V> {
    fn show(&self, key: &K, value: Option<&V>) {
        if let Some(event) = (self.event)(key, value) {
            self.hub.apply(event);
        }
    }
}

impl<K: Wire, V: Wire> Processor<K, Option<V>, (), ()> for Mirror<K, V> {
    fn init(&mut self, context: &ProcessorContext<(), ()>) -> Result<()> {
        let rows = context.state_store::<TimestampedKeyValueStore<K, V>>(self.store)?;
        for row in rows.all()? {
            let (key, row) = row?;
            self.show(&key, Some(&row.value));
        }
        Ok(())
    }

    fn process(&mut self, _: &ProcessorContext<(), ()>, record: Record<K, Option<V>>) -> Result<()> {
        self.show(&record.key, record.value.as_ref());
        Ok(())
    }
}
