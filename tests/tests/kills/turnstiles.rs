//! Transit's riders: a repartition, a count by station and one by station and hour.

use crate::chain::number;
use crate::workload::{Counted, HOUR_MS, Input, NewInput, Records, Workload, begin_ms, scattered};
use kstreams::config::RegistryConfig;
use kstreams::error::Result;
use kstreams::record::Topic;
use kstreams::serde::registry::HttpRegistry;
use kstreams::serde::{Registry, Serde, SerdeContext, Wire};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use system_tests::desk::{Stored, bytes};
use transit_gateway::registry::{RegistryServer, RegistrySettings};
use transit_model::Line;
use transit_model::names::{TURNSTILE_SUMMARY, TURNSTILES, TURNSTILES_HOURLY};
use transit_model::records::{TurnstileKey, TurnstileValue};
use transit_part::Stop;
use transit_part::log::patiently;

/// Riders enter from the middle of an hour to shortly after its end, so that nobody is later than the time of grace,
/// whatever becomes of their order.
const FIRST_MS: i64 = HOUR_MS / 2;
const SPAN_MS: i64 = HOUR_MS / 2 + 500_000;
const STATIONS: u64 = 40;

/// The topology with a schema registry of its own.
pub struct Turnstiles {
    pub registry: String,
    stop: Stop,
    keys: Arc<dyn Serde<TurnstileKey>>,
    values: Arc<dyn Serde<TurnstileValue>>,
}

impl Turnstiles {
    /// Serves schemas from this directory.
    pub fn start(directory: &Path) -> Turnstiles {
        let settings = RegistrySettings {
            listen: "127.0.0.1:0".to_owned(),
            dir: directory.join("registry"),
            body_bytes_max: 1 << 20,
        };
        let server = RegistryServer::bind(&settings).expect("a port is free");
        let (registry, stop) = (format!("http://{}", server.address()), Stop::default());
        let stopping = stop.clone();
        std::thread::spawn(move || server.run(&stopping));
        let client = HttpRegistry::new(&RegistryConfig { url: registry.clone(), basic_auth: None });
        let client: Arc<dyn Registry> = Arc::new(client.expect("the address is one"));
        let context = |is_key| SerdeContext { topic: Topic::from(TURNSTILES), is_key, registry: client.clone() };
        let keys = TurnstileKey::format().serde(&context(true)).expect("keys are Avro");
        let values = TurnstileValue::format().serde(&context(false)).expect("values are Avro");
        Turnstiles { registry, stop, keys, values }
    }
}

impl Drop for Turnstiles {
    fn drop(&mut self) {
        self.stop.request();
    }
}

impl Workload for Turnstiles {
    fn topology(&self) -> &'static str {
        system_tests::topologies::TURNSTILES
    }

    fn inputs(&self) -> &'static [&'static str] {
        &[TURNSTILES]
    }

    fn outputs(&self) -> &'static [&'static str] {
        &[TURNSTILE_SUMMARY, TURNSTILES_HOURLY]
    }

    fn changelogs(&self) -> &'static [&'static str] {
        &["turnstile-hourly-changelog", "turnstile-summary-changelog"]
    }

    fn first(&self) -> Vec<NewInput> {
        Vec::new()
    }

    fn message(&self, number: u64, about: u64) -> NewInput {
        let station_id = scattered(number, STATIONS) as i32 + 1;
        let timestamp = begin_ms() + FIRST_MS + SPAN_MS * number.min(about) as i64 / about as i64;
        let key = TurnstileKey { timestamp, station_id };
        let value = TurnstileValue {
            station_id,
            station_name: format!("station {station_id}"),
            line: Line::Red,
            simulated_time: Some(timestamp),
        };
        NewInput {
            topic: TURNSTILES,
            key: encoded(&*self.keys, &key),
            value: encoded(&*self.values, &value),
            timestamp,
        }
    }

    fn counted_inputs(&self, records: &Records) -> Vec<Input> {
        let input = |record: &Stored| {
            let value = record.value.as_deref().map(bytes).expect("riders are not null");
            let rider = patiently(|| self.values.deserialize(&value)).expect("riders are Avro");
            let timestamp = rider.simulated_time.expect("they have one");
            Input { counts_for: rider.station_id.to_string(), timestamp }
        };
        records[TURNSTILES].iter().map(input).collect()
    }

    fn counted(&self) -> Vec<Counted> {
        let by_station = |input: &Input| input.counts_for.clone();
        let by_hour = |input: &Input| in_hour(&input.counts_for, input.timestamp);
        vec![
            Counted { topic: TURNSTILE_SUMMARY, is_changelog: false, read: summary, of_input: by_station },
            Counted { topic: TURNSTILES_HOURLY, is_changelog: false, read: hourly, of_input: by_hour },
            Counted {
                topic: "turnstile-summary-changelog",
                is_changelog: true,
                read: |row| (station(&key(row)), number(&row.value)),
                of_input: by_station,
            },
            Counted {
                topic: "turnstile-hourly-changelog",
                is_changelog: true,
                read: |row| (window(&key(row)), number(&row.value)),
                of_input: by_hour,
            },
        ]
    }
}

fn encoded<T>(serde: &dyn Serde<T>, value: &T) -> Vec<u8> {
    let encode = || -> Result<Vec<u8>> {
        let mut out = Vec::new();
        serde.serialize(value, &mut out)?;
        Ok(out)
    };
    patiently(encode).expect("the registry takes transit's schemas")
}

fn in_hour(station: &str, timestamp: i64) -> String {
    format!("{station} in hour {}", timestamp / HOUR_MS)
}

fn key(row: &Stored) -> Vec<u8> {
    row.key.as_deref().map(bytes).expect("keys are not null")
}

fn station(key: &[u8]) -> String {
    let id = key[..4].try_into().expect("a station has four bytes");
    i32::from_be_bytes(id).to_string()
}

/// Keys of windows as Java writes them: the key, the beginning, a number that is zero.
fn window(key: &[u8]) -> String {
    let begin_ms = key[4..12].try_into().expect("a window's beginning has eight bytes");
    in_hour(&station(key), i64::from_be_bytes(begin_ms))
}

fn json(row: &Stored) -> Value {
    let value = row.value.as_deref().map(bytes).expect("rows are not null");
    serde_json::from_slice(&value).expect("rows are JSON")
}

fn field(row: &Value, name: &str) -> i64 {
    row[name].as_i64().unwrap_or_else(|| panic!("no number {name} in {row}"))
}

fn summary(row: &Stored) -> (String, i64) {
    let row = json(row);
    (field(&row, "STATION_ID").to_string(), field(&row, "COUNT"))
}

fn hourly(row: &Stored) -> (String, i64) {
    let row = json(row);
    (in_hour(&field(&row, "station_id").to_string(), field(&row, "window_start")), field(&row, "count"))
}
