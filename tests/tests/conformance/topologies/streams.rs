//! Grouped streams and their aggregations.

use super::stateless::java_split;
use super::{Text, java};
use kstreams::dsl::{Grouped, Materialized, StreamsBuilder};
use kstreams::error::Result;
use kstreams::serde::Format;
use kstreams::topology::Topology;

pub fn groupby_aggregate() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Option<i64>>("in")
        .group_by_with(
            |_, v| match v {
                None => "none".to_owned(),
                Some(v) => if v % 2 == 0 { "even" } else { "odd" }.to_owned(),
            },
            Grouped::named("parity"),
        )
        .aggregate(|| 0, |_, v, sum: i64| sum + v, "sum")
        .to_stream()
        .to("out");
    b.build()
}

pub fn groupby_count_cached() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .filter(|_, v| v.is_some())
        .flat_map_values(|v: Text| java_split(&v.unwrap_or_default()))
        .group_by(|_, v| v.clone())
        .count("count-store")
        .to_stream()
        .to("out");
    b.build()
}

pub fn groupby_int_key() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Option<i32>>("in")
        .group_by_with(|_, v| v.map(|v| v % 4), Grouped::with(Format::i32(), Format::i32()))
        .count("c")
        .to_stream()
        .to("out");
    b.build()
}

pub fn stream_aggregate() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .group_by_key()
        .aggregate(|| "0".to_owned(), |_, v, row| if v == "del" { None } else { Some(row + &v) }, "agg-store")
        .to_stream()
        .to("out");
    b.build()
}

pub fn stream_count() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in").group_by_key().count("count-store").to_stream().to("out");
    b.build()
}

pub fn stream_count_cached() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .filter(|_, v| v.is_some())
        .flat_map_values(|v: Text| java_split(&v.unwrap_or_default()))
        .group_by_key()
        .count("count-store")
        .to_stream()
        .to("out");
    b.build()
}

pub fn stream_count_in_memory() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let store = Materialized::named("mem").in_memory();
    b.stream::<Text, Text>("in").group_by_key().count(store).to_stream().to("out");
    b.build()
}

pub fn stream_count_lru() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in").group_by_key().count(Materialized::named("lru").lru(2)).to_stream().to("out");
    b.build()
}

pub fn stream_count_materialized_unnamed() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let store = Materialized::with(Format::string(), Format::i64());
    b.stream::<Text, Text>("in").group_by_key().count(store).to_stream().to("out");
    b.build()
}

pub fn stream_count_named_processor() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .group_by_key()
        .count(())
        .named("my-count")
        .to_stream()
        .named("my-to-stream")
        .to("out")
        .named("my-sink");
    b.build()
}

pub fn stream_count_no_changelog() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let store = Materialized::named("c").with_logging_disabled();
    b.stream::<Text, Text>("in").group_by_key().count(store).to_stream().to("out");
    b.build()
}

pub fn stream_count_two_on_one_group() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let grouped = b.stream::<Text, Text>("in").group_by_with(|_, v| v.clone(), Grouped::named("grp"));
    grouped.clone().count(()).to_stream().to("out1");
    grouped.reduce(|_, latest| latest, ()).to_stream().to("out2");
    b.build()
}

pub fn stream_count_unnamed() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in").group_by_key().count(()).to_stream().to("out");
    b.build()
}

pub fn stream_reduce() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .group_by_key()
        .reduce(|row, v| if v == "stop" { None } else { Some(row + &v) }, "reduce-store")
        .to_stream()
        .to("out");
    b.build()
}

pub fn stream_reduce_unnamed() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .group_by(|k, v| v.as_ref().map(|v| java(k) + v))
        .reduce(|x, y| format!("{x},{y}"), ())
        .to_stream()
        .to("out");
    b.build()
}
