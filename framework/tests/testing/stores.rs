//! Stores that are asked for as something else than they are.

use kstreams::dsl::StreamsBuilder;
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::operator::ProcessorContext;
use kstreams::record::Record;
use kstreams::serde::Format;
use kstreams::store::{
    KeyValueStore, StoreHandle, Stores, TimestampedKeyValueStore, TimestampedWindowStore, WindowStore,
};
use kstreams::testing::TopologyTestDriver;
use kstreams::window::TimeWindows;
use std::time::Duration;

type Pairs = KeyValueStore<(i32, String), Vec<i64>>;

fn driver() -> Result<TopologyTestDriver> {
    let builder = StreamsBuilder::new();
    let rides = builder.stream::<String, i32>("rides").group_by_key();
    rides.clone().count("counts");
    rides.windowed_by(TimeWindows::of(Duration::from_secs(60))).count("per-minute");
    let (key, value) = (Format::<(i32, String)>::json(), Format::<Vec<i64>>::json());
    builder.add_state_store(Stores::key_value_store_builder(Stores::persistent_key_value_store("pairs"), key, value));
    builder
        .stream::<i32, i32>("pairs")
        .process(|| |_: &ProcessorContext<i32, i32>, _: Record<i32, i32>| Ok(()), &["pairs"]);
    TopologyTestDriver::new(&builder.build()?)
}

fn refused<S: StoreHandle>(name: &str) -> Error {
    let error = driver().expect("the topology is sound").store::<S>(name).err().expect("the store has another type");
    assert_eq!(error.kind(), ErrorKind::Topology);
    error
}

#[test]
fn both_types_are_named_as_programs_write_them() {
    assert_eq!(
        refused::<TimestampedKeyValueStore<String, i32>>("counts").to_string(),
        "store `counts` is a `TimestampedKeyValueStore<String, i64>`, not a `TimestampedKeyValueStore<String, i32>` \
         (ask for a `TimestampedKeyValueStore<String, i64>`)"
    );
    assert_eq!(
        refused::<TimestampedKeyValueStore<String, i64>>("per-minute").message(),
        "store `per-minute` is a `TimestampedWindowStore<String, i64>`, not a `TimestampedKeyValueStore<String, i64>`"
    );
    assert_eq!(
        refused::<WindowStore<i32, i64>>("pairs").message(),
        "store `pairs` is a `KeyValueStore<(i32, String), Vec<i64>>`, not a `WindowStore<i32, i64>`"
    );
}

#[test]
fn forgotten_timestamps_are_hinted_at() {
    assert_eq!(
        refused::<WindowStore<String, i64>>("per-minute").hint(),
        Some(
            "tables and aggregations keep a timestamp beside each value: ask for a `TimestampedWindowStore<String, i64>`"
        )
    );
}

#[test]
fn store_is_handed_out_as_the_type_that_the_error_names() -> Result<()> {
    let driver = driver()?;
    driver.store::<TimestampedKeyValueStore<String, i64>>("counts")?;
    driver.store::<TimestampedWindowStore<String, i64>>("per-minute")?;
    driver.store::<Pairs>("pairs")?;
    Ok(())
}

#[test]
fn processor_that_asks_for_another_type_is_told_so_too() -> Result<()> {
    let builder = StreamsBuilder::new();
    builder.global_table::<i32, String>("names", "names");
    builder
        .stream::<i32, i32>("in")
        .process(
            || {
                |context: &ProcessorContext<i32, String>, _: Record<i32, i32>| {
                    context.global_store::<KeyValueStore<i32, String>>("names").map(|_| ())
                }
            },
            &[],
        )
        .to("out");
    let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    let error = driver.input("in").pipe(1, 1).unwrap_err();
    let sentence = "store `names` is a `TimestampedKeyValueStore<i32, String>`, not a `KeyValueStore<i32, String>`";
    assert_eq!(error.message(), sentence);
    Ok(())
}
