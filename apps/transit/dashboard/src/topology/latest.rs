//! The latest event of each key of a stream, kept in a store and told to the hub.
//!
//! A table would do the same by order of arrival alone. Here an event may come by any of several topics, between which
//! there is no order; its [`Stamp`] says which one is later.

use crate::Hub;
use crate::view::{Event, Stamp};
use kstreams::dsl::{Consumed, StreamsBuilder};
use kstreams::error::Result;
use kstreams::operator::{Processor, ProcessorContext};
use kstreams::record::Record;
use kstreams::serde::{Datum, Format, Wire};
use kstreams::store::{KeyValueStore, Stores};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What is to be kept of a stream of `T`.
pub(super) struct Latest<T> {
    /// The store's name.
    pub(super) store: &'static str,
    /// What an event is about.
    pub(super) key: fn(&T) -> &str,
    /// When it happened, if it says so: simulated milliseconds since the epoch.
    pub(super) time_ms: fn(&T) -> Option<i64>,
    /// What it means to the view.
    pub(super) event: fn(&T, Stamp) -> Event,
}

impl<T> Clone for Latest<T> {
    fn clone(&self) -> Self {
        Latest { ..*self }
    }
}

/// An event, and what tells whether it is the latest.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stamped<T> {
    event: T,
    stamp: Stamp,
}

impl<T: Datum> Datum for Stamped<T> {}

/// Keeps and shows the latest event of each key.
struct Keep<T: Datum> {
    latest: Latest<T>,
    hub: Hub,
    store: Option<KeyValueStore<String, Stamped<T>>>,
}

/// Keeps the latest events of a stream, and shows them.
pub(super) fn add_latest<T: Wire + Serialize + DeserializeOwned>(
    builder: &StreamsBuilder,
    hub: &Hub,
    stream: Consumed<Option<Vec<u8>>, T>,
    latest: Latest<T>,
) {
    let store = latest.store;
    let rows = Stores::persistent_key_value_store(store);
    builder.add_state_store(Stores::key_value_store_builder(rows, String::format(), Format::<Stamped<T>>::json()));
    let hub = hub.clone();
    let keep = move || Keep { latest: latest.clone(), hub: hub.clone(), store: None };
    let stream = builder.stream(stream).named(&format!("{store}-events"));
    stream.process::<(), (), _>(keep, &[store]).named(&format!("show-{store}"));
}

impl<T: Datum> Keep<T> {
    fn show(&self, Stamped { event, stamp }: Stamped<T>) {
        self.hub.apply((self.latest.event)(&event, stamp));
    }

    fn stamp(&self, context: &ProcessorContext<(), ()>, event: &T, timestamp: i64) -> Stamp {
        let source = context.record_metadata().expect("a processor below a source is given records of topics only");
        Stamp {
            topic: source.topic.as_str().to_owned(),
            partition: source.partition,
            offset: source.offset,
            time_ms: (self.latest.time_ms)(event).unwrap_or(timestamp),
        }
    }
}

impl<T: Datum> Processor<Option<Vec<u8>>, T, (), ()> for Keep<T> {
    fn init(&mut self, context: &ProcessorContext<(), ()>) -> Result<()> {
        let store = context.state_store::<KeyValueStore<String, Stamped<T>>>(self.latest.store)?;
        for row in store.all()? {
            let (_, latest) = row?;
            self.show(latest);
        }
        self.store = Some(store);
        Ok(())
    }

    fn process(&mut self, context: &ProcessorContext<(), ()>, record: Record<Option<Vec<u8>>, T>) -> Result<()> {
        let store = self.store.as_ref().expect("init comes before the first record");
        let stamp = self.stamp(context, &record.value, record.timestamp);
        let key = (self.latest.key)(&record.value).to_owned();
        if store.get(&key)?.is_none_or(|known| stamp.follows(&known.stamp)) {
            let latest = Stamped { event: record.value, stamp };
            store.put(&key, latest.clone())?;
            self.show(latest);
        }
        Ok(())
    }
}
