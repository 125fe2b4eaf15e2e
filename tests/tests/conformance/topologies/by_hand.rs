//! Topologies put together node by node.

use super::{Text, java};
use kstreams::dsl::{Nothing, TopologyBuilder};
use kstreams::error::Result;
use kstreams::operator::ProcessorContext;
use kstreams::record::Record;
use kstreams::serde::Format;
use kstreams::store::{KeyValueStore, Stores};
use kstreams::topology::Topology;

type TextRecord = Record<Text, Text>;

pub fn papi_topology() -> Result<Topology> {
    let t = TopologyBuilder::new();
    let counts = Stores::persistent_key_value_store("counts");
    let source = t.add_source::<Text, Text>("source", "in");
    let count = t.add_processor("count", &[&source], &["counts"], || {
        |context: &ProcessorContext<Text, i64>, record: TextRecord| {
            let Some(key) = &record.key else { return Ok(()) };
            let counts = context.state_store::<KeyValueStore<String, i64>>("counts")?;
            let count = counts.get(key)?.unwrap_or(0) + 1;
            counts.put(key, count)?;
            context.forward(record.with_value(count))
        }
    });
    t.add_state_store(Stores::key_value_store_builder(counts, Format::string(), Format::i64()));
    t.add_sink("sink", &[&count], "out");
    t.build()
}

type TextStore = KeyValueStore<String, String>;

pub fn papi_read_only_store() -> Result<Topology> {
    let t = TopologyBuilder::new();
    let fed = Stores::persistent_key_value_store("ro");
    let fed = Stores::key_value_store_builder(fed, Format::string(), Format::string());
    t.add_read_only_state_store(fed, "feed-source", "feed", "feed-proc", || {
        |context: &ProcessorContext<Nothing, Nothing>, record: TextRecord| {
            let key = record.key.expect("the file has no null keys");
            context.state_store::<TextStore>("ro")?.put(&key, record.value)
        }
    });
    let source = t.add_source::<Text, Text>("source", "in");
    let read = t.add_processor("read", &[&source], &[], || {
        |context: &ProcessorContext<Text, String>, record: TextRecord| {
            let key = record.key.clone().expect("the file has no null keys");
            let found = context.state_store::<TextStore>("ro")?.get(&key)?;
            let read = format!("{}/{}", java(&record.value), java(&found));
            context.forward(record.with_value(read))
        }
    });
    t.connect_processor_and_state_stores(&read, &["ro"]);
    t.add_sink("sink", &[&read], "out");
    t.build()
}
