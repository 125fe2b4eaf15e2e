//! What a reader of committed messages finds in a directory that no process uses, and whether it fits together.

use kstreams::log::client::{ReceivedMessage, read_all};
use kstreams::log::{Log, connect};
use kstreams::record::{SystemClock, Topic};
use kstreams::serde::Registry;
use kstreams::serde::avro::{AvroSchema, split_frame};
use kstreams::serde::registry::EmbeddedRegistry;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use transit_model::calendar::HOUR_MS;
use transit_model::names::{STATIONS_TABLE, TURNSTILE_SUMMARY, TURNSTILES, TURNSTILES_HOURLY};
use transit_model::simulation::Turnstiles;
use transit_producers::Saved;

/// A directory's log and schemas.
pub struct Found {
    log: Arc<dyn Log>,
    registry: EmbeddedRegistry,
}

impl Found {
    /// Opens the directory.
    pub fn open(directory: &Path) -> Found {
        let log = connect(&format!("embedded:{}", directory.display()), Arc::new(SystemClock)).unwrap();
        Found { log, registry: EmbeddedRegistry::open(directory.join("schemas")).unwrap() }
    }

    /// Everything committed in a topic.
    pub fn messages(&self, topic: &str) -> Vec<ReceivedMessage> {
        read_all(&*self.log, &Topic::from(topic), Duration::from_secs(60)).unwrap()
    }

    /// The riders of each station and simulated hour, counted by hand.
    fn riders(&self) -> BTreeMap<(i64, i64), i64> {
        let mut riders = BTreeMap::new();
        let mut schemas: BTreeMap<u32, AvroSchema> = BTreeMap::new();
        for message in self.messages(TURNSTILES) {
            let (id, body) = split_frame(message.value.as_ref().unwrap()).unwrap();
            let schema =
                schemas.entry(id).or_insert_with(|| AvroSchema::parse(&self.registry.schema(id).unwrap()).unwrap());
            let rider = schema.decode_json(body).unwrap();
            let hour = rider["simulated_time"].as_i64().unwrap() / HOUR_MS * HOUR_MS;
            *riders.entry((rider["station_id"].as_i64().unwrap(), hour)).or_insert(0) += 1;
        }
        riders
    }

    /// The last value of each key of a table in JSON.
    pub fn table(&self, topic: &str) -> BTreeMap<Vec<u8>, Value> {
        let row = |message: ReceivedMessage| Some((message.key?, serde_json::from_slice(&message.value?).unwrap()));
        self.messages(topic).into_iter().filter_map(row).collect()
    }

    /// The state that the turnstile producer would resume from.
    pub fn saved(&self) -> Saved<Turnstiles> {
        Saved::load(&*self.log, "turnstiles").unwrap().expect("there was a first step")
    }

    /// Every rider that was produced is counted once, in total and in their hour.
    pub fn assert_counts_are_exact(&self) {
        let riders = self.riders();
        let produced: i64 = riders.values().sum();
        assert_eq!(produced as u64, self.saved().events, "events that the producer says it wrote");
        let (mut totals, mut latest) = (BTreeMap::new(), BTreeMap::new());
        for (&(station, hour), &count) in &riders {
            *totals.entry(station).or_insert(0) += count;
            latest.insert(station, (hour, count));
        }
        let summary =
            self.table(TURNSTILE_SUMMARY).into_values().map(|row| (number(&row, "STATION_ID"), number(&row, "COUNT")));
        assert_eq!(summary.collect::<BTreeMap<_, _>>(), totals, "riders of each station");
        let hourly = self.table(TURNSTILES_HOURLY).into_values();
        let hourly =
            hourly.map(|row| (number(&row, "station_id"), (number(&row, "window_start"), number(&row, "count"))));
        assert_eq!(hourly.collect::<BTreeMap<_, _>>(), latest, "riders of each station in its latest hour");
    }

    /// The stations table has its 94 rows.
    pub fn assert_stations_are_complete(&self) {
        assert_eq!(self.table(STATIONS_TABLE).len(), 94);
    }
}

fn number(row: &Value, field: &str) -> i64 {
    row[field].as_i64().unwrap_or_else(|| panic!("no number `{field}` in {row}"))
}
