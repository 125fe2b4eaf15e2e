//! Joins of streams with tables and global tables.

use super::{Text, initial, java};
use kstreams::dsl::{Joined, StreamsBuilder};
use kstreams::error::Result;
use kstreams::topology::Topology;

pub fn global_table() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let global = b.global_table::<String, i64>("global", "g");
    b.stream::<Text, Text>("stream")
        .left_join_global(&global, |k, _| k.clone(), |v, row| format!("{v}/{}", java(&row)))
        .to("out");
    b.build()
}

pub fn join_global_inner() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let global = b.global_table::<String, String>("global", "g");
    b.stream::<Text, Text>("stream").join_global(&global, |_, v| initial(v), |v, row| format!("{v}/{row}")).to("out");
    b.build()
}

pub fn join_global_left() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let global = b.global_table::<String, String>("global", ());
    b.stream::<Text, Text>("stream")
        .left_join_global_with_key(
            &global,
            |_, v| if v == "-" { None } else { Some(initial(v)) },
            |k, v, row| format!("{}:{v}/{}", java(k), java(&row)),
        )
        .to("out");
    b.build()
}

pub fn join_table_aggregate() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let input = b.stream::<Text, Text>("in");
    let count = input.clone().group_by_key().count("c");
    input.left_join(&count, |v, count| format!("{v}#{}", java(&count))).to("out");
    count.to_stream().map_values_with_key(|k, v| format!("{k}{}", java(&v))).to("out2");
    b.build()
}

pub fn join_table_inner() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let stream = b.stream::<Text, Text>("stream");
    let table = b.table_with::<String, String>("table", "t");
    stream.join(&table, |v, row| format!("{v}/{row}")).to("out");
    b.build()
}

pub fn join_table_left() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let stream = b.stream::<Text, Text>("stream");
    let table = b.table::<String, String>("table");
    stream
        .left_join_with(&table, |k, v, row| format!("{}:{v}/{}", java(k), java(&row)), Joined::named("lookup"))
        .to("out");
    b.build()
}

pub fn join_table_repartition() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let stream = b.stream::<Text, Text>("stream");
    let table = b.table::<String, i64>("table");
    stream
        .map(|k: Text, v: Text| {
            let key = if let Some(v) = &v { Some(initial(v)) } else { k.clone() };
            (key, java(&k) + &java(&v))
        })
        .join_with(&table, |_, v, row| format!("{v}/{row}"), Joined::named("enrich"))
        .to("out");
    b.build()
}
