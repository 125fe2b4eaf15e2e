//! Tables and their steps.

use super::{Text, initial, java};
use kstreams::dsl::{Consumed, Materialized, StreamsBuilder};
use kstreams::error::Result;
use kstreams::serde::Format;
use kstreams::topology::Topology;

#[expect(clippy::ptr_arg, reason = "it is handed to `filter`, which borrows the value as it is")]
fn is_x(_: &String, value: &String) -> bool {
    value.starts_with('x')
}

pub fn table_filter() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.table::<String, String>("in").filter(is_x).to_stream().to("out");
    b.build()
}

pub fn table_filter_materialized() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.table::<String, String>("in").filter_with(is_x, "filtered").to_stream().to("out");
    b.build()
}

pub fn table_filter_not() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.table::<String, String>("in")
        .filter_not_with(is_x, Materialized::with(Format::string(), Format::string()))
        .named("no-x")
        .to_stream()
        .to("out");
    b.build()
}

pub fn table_map_values() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let table = b.table::<String, String>("in");
    table.clone().map_values(|v| if v.is_empty() { None } else { Some(v + "!") }).to_stream().to("out1");
    table.map_values_with_key(|k, v| (k.len() + v.len()) as i32).to_stream().to("out2");
    b.build()
}

pub fn table_map_values_materialized() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.table::<String, String>("in")
        .map_values_with(|_, v| if v.is_empty() { None } else { Some(v.len() as i32) }, "lengths")
        .to_stream()
        .to("out");
    b.build()
}

pub fn table_materialized() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.table_with::<String, String>("in", "table").to_stream().to("out");
    b.build()
}

pub fn table_materialized_cached() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.table_with::<String, String>("in", "table").map_values(|v| v + "!").to_stream().to("out");
    b.build()
}

pub fn table_passthrough() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.table::<String, String>("in").to_stream().to("out");
    b.build()
}

pub fn table_queryable_names() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.table::<String, String>(Consumed::from("in").named("src"))
        .filter(|_, v| v.len() > 1)
        .named("flt")
        .map_values_with(|_, v| v + "?", "result")
        .named("mv")
        .to_stream()
        .named("ts")
        .to("out")
        .named("snk");
    b.build()
}

pub fn table_to_stream_mapper() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.table::<String, String>("in")
        .to_stream()
        .select_key(|_, v| v.clone().unwrap_or("none".to_owned()))
        .group_by_key()
        .count(())
        .to_stream()
        .to("out");
    b.build()
}

pub fn table_two_readers() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let table = b.table::<String, String>("in");
    table.clone().filter(is_x).to_stream().to("out1");
    table.map_values(|v| v.to_uppercase()).to_stream().to("out2");
    b.build()
}

pub fn to_table() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in").to_table_with("table-store").to_stream().to("out");
    b.build()
}

pub fn to_table_after_select_key() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .select_key(|k, v| match v.as_deref() {
            None => k.clone(),
            Some("-") => None,
            Some(v) => Some(initial(v)),
        })
        .map_values_with_key(|k, v: Text| v.map(|v| v + &java(k)))
        .to_table()
        .to_stream()
        .to("out");
    b.build()
}
