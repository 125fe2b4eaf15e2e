//! Names: generated, given, and the numbers that are taken either way.

use super::{Text, java};
use kstreams::dsl::{Branches, Consumed, Grouped, Materialized, Printed, StreamsBuilder};
use kstreams::error::Result;
use kstreams::operator::{FixedKeyProcessorContext, FixedKeyRecord, ProcessorContext};
use kstreams::record::Record;
use kstreams::serde::Format;
use kstreams::topology::Topology;

pub fn naming_burned_indices() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let s = b.stream::<Text, Text>("in");
    s.clone().group_by_key().count(()).to_stream().to("o1");
    s.clone().group_by_key().count(Materialized::with(Format::string(), Format::i64())).to_stream().to("o2");
    s.clone().group_by_key().count("named-store").named("named-count").to_stream().named("named-ts").to("o3");
    s.clone()
        .group_by(|_, v| v.clone())
        .reduce(|_, y| y, Materialized::with(Format::string(), Format::string()))
        .to_stream()
        .to("o4");
    s.group_by_with(|_, v| v.clone(), Grouped::named("grp"))
        .aggregate(String::new, |k, _, row| row + k, Materialized::with(Format::string(), Format::string()))
        .to_stream()
        .to("o5");
    b.build()
}

/// Whether a value has an even number of letters.
fn is_even(value: &Text) -> bool {
    java(value).len().is_multiple_of(2)
}

pub fn naming_explicit_stateless() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let s = b.stream::<Text, Text>(Consumed::from("in").named("the-source"));
    let x = s
        .filter(|_, v| v.is_some())
        .named("f")
        .filter_not(|_, v| v.as_deref() == Some(""))
        .named("fn")
        .map(|k, v| (k, v))
        .named("m")
        .map_values(|v| v)
        .named("mv")
        .flat_map(|k, v| [(k, v)])
        .named("fm")
        .flat_map_values(|v| [v])
        .named("fmv")
        .peek(|_, _| {})
        .named("p")
        .select_key(|k, _| k.clone())
        .named("sk");
    x.clone().for_each(|_, _| {}).named("fe");
    let mut branches: Branches<Text, Text> =
        x.clone().split().named("sp-").branch_named("even", |_, v| is_even(v)).default_branch_named("odd");
    let (even, odd) = (branches.take("even").expect("a branch"), branches.take("odd").expect("a branch"));
    even.merge(odd).named("mg").to("out").named("the-sink");
    x.map_values(|v| v).to("one");
    b.build()
}

pub fn naming_generated_stateless() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let s = b.stream::<Text, Text>("in");
    let x = s
        .filter(|_, v| v.is_some())
        .filter_not(|_, v| v.as_deref() == Some(""))
        .map(|k, v| (k, v))
        .map_values(|v| v)
        .flat_map(|k, v| [(k, v)])
        .flat_map_values(|v| [v])
        .peek(|_, _| {})
        .select_key(|k, _| k.clone());
    x.clone().for_each(|_, _| {});
    x.clone().print(Printed::to_writer(std::io::sink()));
    let mut branches = x.clone().split().branch(|_, v| is_even(v)).branch(|_, _| true).no_default_branch();
    let (first, second) = (branches.take("1").expect("a branch"), branches.take("2").expect("a branch"));
    first.merge(second).to("out");
    x.clone()
        .process(|| |context: &ProcessorContext<Text, Text>, record: Record<Text, Text>| context.forward(record), &[])
        .to("one");
    x.process_values(
        || |context: &FixedKeyProcessorContext<Text, Text>, record: FixedKeyRecord<Text, Text>| context.forward(record),
        &[],
    )
    .to("two");
    b.build()
}

pub fn naming_repartition_reuse() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let s = b.stream::<Text, Text>("in").select_key(|_, v| v.clone());
    s.clone().group_by_key().count(()).to_stream().to("o1");
    s.clone().group_by_key().reduce(|_, y| y, ()).to_stream().to("o2");
    let shared = s.group_by_key_with(Grouped::named("shared-group"));
    shared.clone().count("c3").to_stream().to("o3");
    shared.reduce(|_, y| y, "r4").to_stream().to("o4");
    b.build()
}
