//! Groupings of tables, and the old values that they ask for.

use super::initial;
use kstreams::dsl::{Grouped, StreamsBuilder};
use kstreams::error::Result;
use kstreams::topology::Topology;

/// The row shows what was added and what was taken away.
fn plus(row: String, value: String) -> String {
    row + "+" + &value
}

fn minus(row: String, value: String) -> String {
    row + "-" + &value
}

/// Taking away, until the row has grown long.
fn minus_while_short(row: String, value: String) -> Option<String> {
    if row.len() > 60 { None } else { Some(minus(row, value)) }
}

/// By the value's first letter: the key and the value.
fn by_initial(key: &str, value: String) -> (String, String) {
    (initial(&value), key.to_owned() + &value)
}

pub fn table_filter_old_values() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.table::<String, String>("in")
        .filter(|_, v| v.starts_with('x'))
        .group_by(|k, v| (v, k.clone()))
        .reduce(plus, minus, ())
        .to_stream()
        .to("out");
    b.build()
}

pub fn table_groupby_aggregate() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.table::<String, String>("in")
        .group_by(|k, v| by_initial(k, v))
        .aggregate(|| "0".to_owned(), |_, v, row| plus(row, v), |_, v, row| minus_while_short(row, v), "agg")
        .to_stream()
        .to("out");
    b.build()
}

pub fn table_groupby_count() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.table::<String, String>("in").group_by(|k, v| (v, k.clone())).count("counts").to_stream().to("out");
    b.build()
}

pub fn table_groupby_null_selector() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let selector = |_: &String, v: String| match v.as_str() {
        "-k" => (None, Some(v)),
        "-v" => (Some("x".to_owned()), None),
        _ => (Some(initial(&v)), Some(v)),
    };
    b.table::<String, String>("in").group_by(selector).reduce(plus, minus, ()).to_stream().to("out");
    b.build()
}

pub fn table_groupby_reduce() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let parity = |v: i64| if v % 2 == 0 { "even" } else { "odd" }.to_owned();
    b.table_with::<String, i64>("in", "source")
        .group_by_with(move |_, v| (parity(v), v), Grouped::named("by-parity"))
        .reduce(|sum, v| sum + v, |sum, v| if sum == v { None } else { Some(sum - v) }, ())
        .to_stream()
        .to("out");
    b.build()
}

pub fn table_map_values_old_values() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.table::<String, String>("in")
        .map_values(|v| v.to_uppercase())
        .group_by(|k, v| by_initial(k, v))
        .aggregate(String::new, |_, v, row| plus(row, v), |_, v, row| minus_while_short(row, v), ())
        .to_stream()
        .to("out");
    b.build()
}
