//! Stores that processors read and write.

use super::{Text, java};
use kstreams::dsl::{Nothing, StreamsBuilder};
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::operator::ProcessorContext;
use kstreams::record::{Record, Windowed};
use kstreams::serde::Format;
use kstreams::store::{
    KeyValueStore, Stores, TimestampedKeyValueStore, ValueAndTimestamp, WindowStore, WindowSupplier,
};
use kstreams::topology::Topology;

type Context = ProcessorContext<Text, String>;
type TextRecord = Record<Text, Text>;
type TextStore = KeyValueStore<String, String>;

/// The key of a record that has one.
fn key(record: &TextRecord) -> String {
    record.key.clone().expect("the file has no null keys")
}

/// Rows as `key=value `.
fn pairs(rows: impl Iterator<Item = Result<(String, String)>>) -> Result<String> {
    rows.map(|row| row.map(|(key, value)| format!("{key}={value} "))).collect()
}

/// `in` through a processor that uses one key-value store to `out`.
fn with_processor(
    b: &StreamsBuilder,
    store: &'static str,
    processor: fn(&Context, TextRecord) -> Result<()>,
) -> Result<Topology> {
    b.stream::<Text, Text>("in").process(move || processor, &[store]).to("out");
    b.build()
}

pub fn papi_cached_store() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let supplier = Stores::persistent_key_value_store("c");
    let store = Stores::key_value_store_builder(supplier, Format::string(), Format::string());
    b.add_state_store(store.with_caching_enabled());
    with_processor(&b, "c", |context, record| {
        let store = context.state_store::<TextStore>("c")?;
        let (key, value) = (key(&record), java(&record.value));
        store.put(&"z".to_owned(), format!("first {value}"))?;
        store.put(&key, record.value.clone())?;
        store.put(&"z".to_owned(), format!("second {value}"))?;
        store.put(&"temp".to_owned(), "t".to_owned())?;
        store.delete(&"temp".to_owned())?;
        let listed = pairs(store.all()?)?;
        context.forward(record.with_value(listed))
    })
}

pub fn papi_deduplicate() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let supplier = Stores::persistent_window_store("seen", 200, 100, false);
    b.add_state_store(Stores::window_store_builder(supplier, Format::string(), Format::i64()));
    b.stream::<Text, Text>("in")
        .process(
            || {
                |context: &ProcessorContext<Text, Text>, record: TextRecord| {
                    let store = context.state_store::<WindowStore<String, i64>>("seen")?;
                    let (time, value) = (record.timestamp, java(&record.value));
                    let mut known = store.fetch_range(&value, (time - 100).max(0), time + 100)?;
                    if known.next().transpose()?.is_none() {
                        context.forward(record)?;
                    }
                    store.put(&value, time, time)
                }
            },
            &["seen"],
        )
        .to("out");
    b.build()
}

pub fn papi_global_store() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let supplier = Stores::persistent_key_value_store("gs");
    let store = Stores::key_value_store_builder(supplier, Format::string(), Format::string());
    b.add_global_store::<Text, Text, _, _>(store, "global", || {
        |context: &ProcessorContext<Nothing, Nothing>, record: TextRecord| {
            let store = context.state_store::<TextStore>("gs")?;
            let Some(key) = &record.key else { return Ok(()) };
            store.put(key, record.value.map(|value| format!("{value}@{}", record.timestamp)))
        }
    });
    b.stream::<Text, Text>("in")
        .process(
            || {
                |context: &Context, record: TextRecord| {
                    let store = context.global_store::<TextStore>("gs")?;
                    let Some(key) = &record.key else { return Ok(()) };
                    let found = format!("{}/{}", java(&record.value), java(&store.get(key)?));
                    context.forward(record.with_value(found))
                }
            },
            &[],
        )
        .to("out");
    b.build()
}

pub fn papi_global_store_write() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.global_table::<String, String>("global", "gs");
    b.stream::<Text, Text>("in")
        .process(
            || {
                |context: &Context, record: TextRecord| {
                    let store = context.global_store::<TimestampedKeyValueStore<String, String>>("gs")?;
                    if record.value.as_deref() == Some("put") {
                        // What processors get of a global store has no `put`: the program that writes would not compile.
                        return Err(Error::new(ErrorKind::Topology, "a global store is only read"));
                    }
                    let row = store.get(&key(&record))?.expect("the file reads known keys");
                    context.forward(record.with_value(format!("{}@{}", row.value, row.timestamp)))
                }
            },
            &[],
        )
        .to("out");
    b.build()
}

pub fn papi_key_value_store() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let supplier = Stores::persistent_key_value_store("kv");
    b.add_state_store(Stores::key_value_store_builder(supplier, Format::string(), Format::string()));
    let obey = |context: &Context, record: TextRecord| {
        let store = context.state_store::<TextStore>("kv")?;
        let answer = obey(&store, &key(&record), &java(&record.value))?;
        context.forward(record.with_value(answer))
    };
    b.stream::<Text, Text>("in").process(move || obey, &["kv"]).named("kv-proc").to("out");
    b.build()
}

fn obey(store: &TextStore, key: &String, command: &str) -> Result<String> {
    if let Some(value) = command.strip_prefix("put:") {
        store.put(key, value.to_owned())?;
        return Ok("ok".to_owned());
    }
    if let Some(value) = command.strip_prefix("absent:") {
        return Ok(java(&store.put_if_absent(key, value.to_owned())?));
    }
    match command {
        "delete" => Ok(java(&store.delete(key)?)),
        "get" => Ok(java(&store.get(key)?)),
        "range" => pairs(store.range(Some(key), Some(&"bz".to_owned()))?),
        "reverse" => pairs(store.reverse_range(Some(&"a".to_owned()), Some(key))?),
        "prefix" => pairs(store.prefix_scan(key.as_bytes())?),
        _ => Ok(pairs(store.all()?)? + &pairs(store.reverse_all()?)?),
    }
}

pub fn papi_lru_store() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.add_state_store(Stores::key_value_store_builder(Stores::lru_map("lru", 3), Format::string(), Format::string()));
    with_processor(&b, "lru", |context, record| {
        let store = context.state_store::<TextStore>("lru")?;
        let answer = match record.value.as_deref() {
            Some("get") => java(&store.get(&key(&record))?),
            _ => {
                store.put(&key(&record), record.value.clone())?;
                store.all()?.map(|row| row.map(|(key, _)| key + " ")).collect::<Result<String>>()?
            }
        };
        context.forward(record.with_value(answer))
    })
}

fn swap(context: &Context, record: TextRecord) -> Result<()> {
    let store = context.state_store::<TextStore>("shared")?;
    let old = store.get(&key(&record))?;
    store.put(&key(&record), record.value.clone())?;
    let swapped = format!("{}>{}", java(&old), java(&record.value));
    context.forward(record.with_value(swapped))
}

pub fn papi_shared_store() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let supplier = Stores::persistent_key_value_store("shared");
    b.add_state_store(Stores::key_value_store_builder(supplier, Format::string(), Format::string()));
    b.stream::<Text, Text>("three").map_values(|v| format!("3{}", java(&v))).to("out3");
    b.stream::<Text, Text>("one").process(|| swap, &["shared"]).to("out1");
    b.stream::<Text, Text>("two").process(|| swap, &["shared"]).to("out2");
    b.build()
}

pub fn papi_timestamped_store() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let supplier = Stores::persistent_key_value_store("ts");
    b.add_state_store(Stores::timestamped_key_value_store_builder(supplier, Format::string(), Format::string()));
    with_processor(&b, "ts", |context, record| {
        let store = context.state_store::<TimestampedKeyValueStore<String, String>>("ts")?;
        let (key, time) = (key(&record), record.timestamp);
        let old = store.get(&key)?;
        match record.value.clone() {
            None => drop(store.delete(&key)?),
            Some(value) if old.is_none_or(|old| old.timestamp > time) => {
                store.put(&key, ValueAndTimestamp::new(value, time))?;
            }
            Some(_) => {}
        }
        let now = store.get(&key)?.map(|row| format!("{}@{}", row.value, row.timestamp));
        context.forward(record.with_value(now.unwrap_or("-".to_owned())))
    })
}

type TextWindows = WindowStore<String, String>;

/// A topology with one window store of strings.
fn with_windows(supplier: WindowSupplier, processor: fn(&Context, TextRecord) -> Result<()>) -> Result<Topology> {
    let b = StreamsBuilder::new();
    let name = supplier.name.to_string();
    b.add_state_store(Stores::window_store_builder(supplier, Format::string(), Format::string()));
    b.stream::<Text, Text>("in").process(move || processor, &[&name]).to("out");
    b.build()
}

fn listed(rows: impl Iterator<Item = Result<(i64, String)>>) -> Result<String> {
    rows.map(|row| row.map(|(start_ms, value)| format!("{start_ms}={value} "))).collect()
}

pub fn papi_window_store() -> Result<Topology> {
    with_windows(Stores::persistent_window_store("win", 200, 50, false), |context, record| {
        let store = context.state_store::<TextWindows>("win")?;
        let (key, time) = (key(&record), record.timestamp);
        store.put(&key, record.value.clone(), time)?;
        let from = (time - 150).max(0);
        let forwards = listed(store.fetch_range(&key, from, time)?)?;
        let backwards = store.backward_fetch_range(&key, from, time)?;
        let backwards =
            backwards.map(|row| row.map(|(start_ms, _)| format!("{start_ms} "))).collect::<Result<String>>()?;
        let window =
            |(w, _): (Windowed<String>, String)| format!("{}{}-{} ", w.key, w.window.start_ms, w.window.end_ms);
        let all = store.fetch_all(from, time + 100)?.map(|row| row.map(window)).collect::<Result<String>>()?;
        let one = java(&store.fetch(&key, time)?);
        context.forward(record.with_value(format!("{forwards}| {backwards}| {all}| {one}")))
    })
}

pub fn papi_window_store_duplicates() -> Result<Topology> {
    with_windows(Stores::persistent_window_store("dup", 300, 50, true), |context, record| {
        let store = context.state_store::<TextWindows>("dup")?;
        let (key, time) = (key(&record), record.timestamp);
        store.put(&key, record.value.clone(), time / 50 * 50)?;
        let rows = listed(store.fetch_range(&key, (time - 100).max(0), time)?)?;
        context.forward(record.with_value(rows))
    })
}

/// Writes a window and lists those of the keys from `a` to `b`.
fn list_range(context: &Context, record: TextRecord) -> Result<()> {
    let store = context.state_store::<TextWindows>("win")?;
    let time = record.timestamp;
    store.put(&key(&record), record.value.clone(), time / 20 * 20)?;
    let (from, to) = ("a".to_owned(), "b".to_owned());
    let rows = store.fetch_keys(Some(&from), Some(&to), (time - 150).max(0), time)?;
    let row = |(w, value): (Windowed<String>, String)| format!("{}{}={value} ", w.key, w.window.start_ms);
    let rows = rows.map(|pair| pair.map(row)).collect::<Result<String>>()?;
    context.forward(record.with_value(rows))
}

pub fn papi_window_store_in_memory() -> Result<Topology> {
    with_windows(Stores::in_memory_window_store("win", 200, 50, false), list_range)
}

pub fn papi_window_store_range() -> Result<Topology> {
    with_windows(Stores::persistent_window_store("win", 200, 50, false), list_range)
}
