//! A log with a registry, and what readers of committed messages find on it.

use kstreams::log::client::{ReceivedMessage, read_all};
use kstreams::log::{Log, connect};
use kstreams::record::{SystemClock, Topic};
use kstreams::serde::avro::{AvroSchema, split_frame};
use kstreams::serde::registry::EmbeddedRegistry;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use transit_part::Stop;
use transit_producers::{PaceSettings, Production, SimulationSettings, TopicSettings};

/// A production on a log of that name: seed 7, a Friday, `steps` steps without pauses, `partitions` partitions.
pub fn production(name: &str, steps: u64, partitions: i32) -> Production {
    let log: Arc<dyn Log> = connect(&format!("embedded-memory:producers-{name}"), Arc::new(SystemClock)).unwrap();
    Production {
        log,
        registry: Arc::new(EmbeddedRegistry::default()),
        simulation: SimulationSettings {
            seed: Some(7),
            start: Some("2026-11-20".parse().unwrap()),
            ..SimulationSettings::default()
        },
        pace: PaceSettings { speed: 1e9, steps: Some(steps), ..PaceSettings::default() },
        topics: TopicSettings { partitions, replication: None },
        stop: Stop::default(),
    }
}

/// Everything committed in a topic, partition after partition.
pub fn messages(production: &Production, topic: &str) -> Vec<ReceivedMessage> {
    read_all(&*production.log, &Topic::from(topic), Duration::from_secs(30)).unwrap()
}

/// The values of a topic, as a consumer reads them who knows only the registry.
pub fn values(production: &Production, topic: &str) -> Vec<Value> {
    messages(production, topic).iter().map(|message| decode(production, message.value.as_ref().unwrap())).collect()
}

/// Avro bytes, as such a consumer reads them.
pub fn decode(production: &Production, bytes: &[u8]) -> Value {
    let (id, body) = split_frame(bytes).unwrap();
    AvroSchema::parse(&production.registry.schema(id).unwrap()).unwrap().decode_json(body).unwrap()
}
