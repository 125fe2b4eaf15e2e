//! Riders as the topics have them: the events of a reader of committed messages, and the summary made of them.

use crate::demo::PATIENCE;
use kstreams::config::RegistryConfig;
use kstreams::log::client::read_all;
use kstreams::log::{Log, connect};
use kstreams::record::{SystemClock, Topic};
use kstreams::serde::Registry;
use kstreams::serde::avro::{AvroSchema, split_frame};
use kstreams::serde::registry::HttpRegistry;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use transit_model::names::{DEAD_LETTERS, TURNSTILE_SUMMARY, TURNSTILES};
use transit_part::log::patiently;

/// Riders by station.
pub type Riders = BTreeMap<i64, i64>;

/// The topics of a running demo.
pub struct Topics {
    log: Arc<dyn Log>,
    registry: HttpRegistry,
}

impl Topics {
    pub fn of(log: &str, registry: &str) -> Topics {
        let config = RegistryConfig { url: format!("http://{registry}"), basic_auth: None };
        let registry = HttpRegistry::new(&config).expect("the address is one");
        Topics { log: connect(log, Arc::new(SystemClock)).expect("the client is built in"), registry }
    }

    /// The events of each station, counted one by one.
    pub fn events(&self) -> Riders {
        let (mut riders, mut schemas) = (Riders::new(), BTreeMap::new());
        for value in self.values(TURNSTILES) {
            let (id, body) = split_frame(&value).expect("turnstiles are framed");
            let schema = schemas.entry(id).or_insert_with(|| {
                let text = patiently(|| self.registry.schema(id)).expect("the registry knows it");
                AvroSchema::parse(&text).expect("it is Avro")
            });
            let event = schema.decode_json(body).expect("turnstiles are Avro");
            *riders.entry(number(&event, "station_id")).or_default() += 1;
        }
        riders
    }

    /// The last summary of each station.
    pub fn summary(&self) -> Riders {
        let summaries = self.values(TURNSTILE_SUMMARY);
        let summaries = summaries.iter().map(|value| serde_json::from_slice::<Value>(value).expect("it is JSON"));
        summaries.map(|summary| (number(&summary, "STATION_ID"), number(&summary, "COUNT"))).collect()
    }

    /// How many records nobody could use.
    pub fn dead_letters(&self) -> usize {
        self.values(DEAD_LETTERS).len()
    }

    /// The committed values of a topic. Those of a partition are in their order, and a station has one partition.
    fn values(&self, topic: &str) -> Vec<Vec<u8>> {
        let messages = read_all(&*self.log, &Topic::from(topic), PATIENCE).expect("the topic can be read");
        messages.into_iter().filter_map(|message| message.value).collect()
    }
}

fn number(value: &Value, field: &str) -> i64 {
    value[field].as_i64().unwrap_or_else(|| panic!("no number {field} in {value}"))
}
