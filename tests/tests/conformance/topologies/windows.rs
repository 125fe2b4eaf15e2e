//! Windowed aggregations.

use super::{Text, initial, java};
use kstreams::dsl::{Grouped, Materialized, StreamsBuilder};
use kstreams::error::Result;
use kstreams::record::Windowed;
use kstreams::serde::Format;
use kstreams::topology::Topology;
use kstreams::window::{TimeWindows, UnlimitedWindows};
use std::time::Duration;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub fn window_hopping_aggregate() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .group_by_key()
        .windowed_by(TimeWindows::of(ms(100)).grace(ms(20)).advance_by(ms(30)))
        .aggregate(String::new, |_, v, row| row + &java(&v), "w")
        .to_stream()
        .to("out");
    b.build()
}

pub fn window_hopping_cached() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .group_by_key()
        .windowed_by(TimeWindows::of(ms(100)).grace(ms(50)).advance_by(ms(25)))
        .count("w")
        .to_stream()
        .to("out");
    b.build()
}

pub fn window_hopping_in_memory() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .group_by_key()
        .windowed_by(TimeWindows::of(ms(100)).grace(ms(50)).advance_by(ms(50)))
        .reduce(|x, y| Some(java(&y) + &initial(&java(&x))), Materialized::named("w").in_memory())
        .to_stream()
        .to("out");
    b.build()
}

pub fn window_rekey() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .group_by_key()
        .windowed_by(TimeWindows::of(ms(100)).grace(ms(50)))
        .count("w")
        .to_stream()
        .select_key(|w: &Windowed<String>, _| format!("{}@{}-{}", w.key, w.window.start_ms, w.window.end_ms))
        .group_by_key_with(Grouped::named("again"))
        .reduce(|x, y| x + y, ())
        .to_stream()
        .to("out");
    b.build()
}

pub fn window_tumbling_aggregate() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .group_by_key()
        .windowed_by(TimeWindows::of(ms(100)).grace(ms(50)))
        .aggregate(String::new, |_, v, row| format!("{row},{}", java(&v)), "w")
        .to_stream()
        .to("out");
    b.build()
}

pub fn window_tumbling_count() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in").group_by_key().windowed_by(TimeWindows::of(ms(100))).count("w").to_stream().to("out");
    b.build()
}

pub fn window_tumbling_materialized_unnamed() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .group_by_key()
        .windowed_by(TimeWindows::of(ms(100)))
        .count(Materialized::with(Format::string(), Format::i64()))
        .to_stream()
        .to("out");
    b.build()
}

pub fn window_tumbling_repartition() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .group_by(|_, v| v.as_deref().map(initial))
        .windowed_by(TimeWindows::of(ms(100)).grace(ms(30)))
        .reduce(|x, y| Some(java(&x) + &java(&y)), ())
        .to_stream()
        .to("out");
    b.build()
}

pub fn window_tumbling_retention() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .group_by_key()
        .windowed_by(TimeWindows::of(ms(100)).grace(ms(60_000)))
        .count(Materialized::named("w").with_retention(ms(90_000)))
        .to_stream()
        .to("out");
    b.build()
}

pub fn window_unlimited() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .group_by_key()
        .windowed_by(UnlimitedWindows::of().start_on_ms(50))
        .count("w")
        .to_stream()
        .to("out");
    b.build()
}
