//! The rows of a store, as golden files list them.

use kstreams::error::Result as StreamsResult;
use kstreams::record::Windowed;
use kstreams::serde::Datum;
use kstreams::store::{
    KeyValueStore, StoreHandle, TimestampedKeyValueStore, TimestampedWindowStore, ValueAndTimestamp, WindowStore,
};
use kstreams::testing::TopologyTestDriver;
use serde_json::{Value, json};

/// A key or value of a store.
trait Cell: Datum {
    fn cell(&self) -> Value;
}

impl Cell for String {
    fn cell(&self) -> Value {
        json!(self)
    }
}

impl Cell for i64 {
    fn cell(&self) -> Value {
        json!(self)
    }
}

impl Cell for i32 {
    fn cell(&self) -> Value {
        json!(self)
    }
}

/// The rows of the store of that name and kind. The file does not say which types it has: exactly one pair fits.
pub fn list(driver: &TopologyTestDriver, name: &str, kind: &str) -> Result<Vec<Value>, String> {
    let lists: [List; 9] = [
        rows::<String, String>,
        rows::<String, i64>,
        rows::<String, i32>,
        rows::<i64, String>,
        rows::<i64, i64>,
        rows::<i64, i32>,
        rows::<i32, String>,
        rows::<i32, i64>,
        rows::<i32, i32>,
    ];
    let rows = lists.iter().find_map(|list| list(driver, name, kind).transpose());
    match rows {
        Some(rows) => rows.map_err(|error| error.to_string()),
        None => Err(format!("no store `{name}` of kind `{kind}`")),
    }
}

type List = fn(&TopologyTestDriver, &str, &str) -> StreamsResult<Option<Vec<Value>>>;

/// The rows, if the store has these types.
fn rows<K: Cell, V: Cell>(driver: &TopologyTestDriver, name: &str, kind: &str) -> StreamsResult<Option<Vec<Value>>> {
    match kind {
        "key-value" => of::<KeyValueStore<K, V>>(driver, name, |store| {
            store.all()?.map(|row| row.map(|(key, value)| json!([key.cell(), value.cell()]))).collect()
        }),
        "timestamped-key-value" => of::<TimestampedKeyValueStore<K, V>>(driver, name, |store| {
            let row = |(key, row): (K, ValueAndTimestamp<V>)| json!([key.cell(), row.value.cell(), row.timestamp]);
            store.all()?.map(|pair| pair.map(row)).collect()
        }),
        "window" => of::<WindowStore<K, V>>(driver, name, |store| {
            store.all()?.map(|row| row.map(|(key, value)| json!([windowed(&key), value.cell()]))).collect()
        }),
        "timestamped-window" => of::<TimestampedWindowStore<K, V>>(driver, name, |store| {
            let row = |(key, row): (Windowed<K>, ValueAndTimestamp<V>)| {
                json!([windowed(&key), row.value.cell(), row.timestamp])
            };
            store.all()?.map(|pair| pair.map(row)).collect()
        }),
        _ => Ok(None),
    }
}

fn of<S: StoreHandle>(
    driver: &TopologyTestDriver,
    name: &str,
    list: impl Fn(S) -> StreamsResult<Vec<Value>>,
) -> StreamsResult<Option<Vec<Value>>> {
    driver.store::<S>(name).ok().map(list).transpose()
}

fn windowed<K: Cell>(key: &Windowed<K>) -> Value {
    json!({"key": key.key.cell(), "start": key.window.start_ms, "end": key.window.end_ms})
}
