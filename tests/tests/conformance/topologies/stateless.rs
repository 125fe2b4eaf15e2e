//! Steps without state, repartitioning and sinks.

use super::{Text, initial, java};
use kstreams::dsl::{Consumed, Produced, Repartitioned, StreamsBuilder};
use kstreams::error::{Error, Result};
use kstreams::operator::Partitions;
use kstreams::serde::Format;
use kstreams::topology::Topology;

fn at_most(value: &Text, bound: &str) -> bool {
    value.as_deref().is_some_and(|value| value <= bound)
}

fn below(value: &Text, bound: &str) -> bool {
    value.as_deref().is_some_and(|value| value < bound)
}

pub fn stateless_branch_default_index() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let mut branches = b.stream::<Text, Text>("in").split().named("s-").branch(|_, v| at_most(v, "5")).default_branch();
    branches.take("1").expect("the first branch").to("one");
    branches.take("0").expect("the default branch").map_values(|v| format!("d{}", java(&v))).to("def");
    b.build()
}

pub fn stateless_branch_functions() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let split = b.stream::<Text, Text>("in").split().named("s-");
    let split = split.branch_named("fn", |_, v| v.as_deref() == Some("1"));
    let doubled = split.latest().expect("a branch").map_values(|v| java(&v).repeat(2));
    let split = split.branch_named("con", |_, v| v.as_deref() == Some("5"));
    split.latest().expect("a branch").map_values(|v| format!("{}c", java(&v))).to("con");
    let rest = split.default_branch().take("0").expect("the default branch").filter(|_, v| v.is_some());
    doubled.to("fn");
    rest.to("def");
    b.build()
}

pub fn stateless_branch_names() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let mut branches = b
        .stream::<Text, Text>("in")
        .split()
        .named("split-")
        .branch_named("low", |_, v| below(v, "5"))
        .branch_named("high", |_, v| below(v, "a"))
        .default_branch_named("other");
    for name in ["low", "high", "other"] {
        branches.take(name).expect("a branch").to(name);
    }
    b.build()
}

pub fn stateless_branch_unnamed() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let mut branches = b
        .stream::<Text, Text>("in")
        .split()
        .branch(|_, v| at_most(v, "5"))
        .branch(|k, v| v.as_deref().is_some_and(|v| v > "5") && below(k, "c"))
        .no_default_branch();
    branches.take("1").expect("the first branch").to("one");
    branches.take("2").expect("the second branch").to("two");
    b.build()
}

pub fn stateless_filter() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let input = b.stream::<Text, Text>("in");
    let is_x = |v: &Text| v.as_deref().is_none_or(|v| v.starts_with('x'));
    input.clone().filter(move |_, v| is_x(v)).to("kept");
    input.filter_not(move |k, v| k.is_none() || is_x(v)).to("rest");
    b.build()
}

pub fn stateless_flat_map() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .flat_map(|k: Text, v: Text| {
            let length = move |word: &str| if k.is_none() { -1 } else { word.len() as i32 };
            let words = v.unwrap_or_default();
            let words = words.split(' ').filter(|word| !word.is_empty());
            words.map(|word| (word.to_owned(), length(word))).collect::<Vec<_>>()
        })
        .to("out");
    b.build()
}

pub fn stateless_flat_map_values() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let input = b.stream::<Text, Text>("in");
    input.clone().flat_map_values(|v: Text| v.map_or(Vec::new(), |v| java_split(&v))).to("out1");
    input
        .flat_map_values_with_key(|k: &Text, v: Text| match k {
            None => Vec::new(),
            Some(k) => vec![format!("{k}{}", java(&v)), format!("{}{k}", java(&v))],
        })
        .to("out2");
    b.build()
}

/// `String.split(" ")`: empty words at the end are left out, but one empty text stays.
pub(super) fn java_split(text: &str) -> Vec<String> {
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    while words.len() > 1 && words.last().is_some_and(String::is_empty) {
        words.pop();
    }
    if words == [""] && !text.is_empty() {
        words.clear();
    }
    words
}

pub fn stateless_flat_map_values_null() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        // A list that is not there cannot be returned: the mapper says that it failed.
        .try_flat_map_values(|v: Text| match v {
            None => Err(Error::processing("there is no list")),
            Some(v) => Ok([v.clone(), v]),
        })
        .to("out");
    b.build()
}

pub fn stateless_map() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in").map(|k, v| (v, k)).to("out");
    b.build()
}

pub fn stateless_map_types() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .map(|k: Text, v: Text| {
            let key = k.map(|k| k.chars().next().map_or(0, |first| i64::from(u32::from(first))) - 200);
            (key, v.map(|v| v.len() as i32 - 3))
        })
        .to(Produced::with("out", Format::i64(), Format::i32()));
    b.build()
}

pub fn stateless_map_values() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let input = b.stream::<Text, Text>("in");
    input.clone().map_values(|v: Text| v.map(|v| v + "!")).to("out1");
    input.map_values_with_key(|k, v| format!("{}={}", java(k), java(&v))).to("out2");
    b.build()
}

pub fn stateless_merge() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let left = b.stream::<Text, Text>("left");
    let right = b.stream::<Text, Text>("right");
    left.merge(right).to("out");
    b.build()
}

pub fn stateless_merge_diamond() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let prefixed = |prefix: &'static str| move |v: Text| Some(format!("{prefix}{}", java(&v)));
    let input = b.stream::<Text, Text>("in");
    let x = input.clone().map_values(prefixed("x"));
    let y = input.clone().map_values(prefixed("y")).filter(|k, _| k.as_deref() != Some("b"));
    let z = x.clone().map_values(prefixed("z"));
    y.merge(x).merge(z).merge(input).to("out");
    b.build()
}

pub fn stateless_peek_foreach() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let peeked = b.stream::<Text, Text>("in").peek(|_, _| {});
    peeked.clone().for_each(|_, _| {});
    peeked.to("out");
    b.build()
}

pub fn stateless_select_key() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .select_key(|_, v| v.as_ref().map(|v| v.chars().last().map(String::from).unwrap_or_default()))
        .to("out");
    b.build()
}

pub fn stateless_stream_collection() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>(Consumed::topics(["ta", "tb"])).map_values(|v| format!("{}.", java(&v))).to("out");
    b.build()
}

pub fn stateless_stream_pattern() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>(Consumed::pattern("in-.*")).map_values(|v| format!("{}.", java(&v))).to("out");
    b.build()
}

pub fn stateless_two_sources_one_topic() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in").map_values(|v| format!("1{}", java(&v))).to("out");
    b.stream::<Text, Text>("in").map_values(|v| format!("2{}", java(&v))).to("out");
    b.build()
}

pub fn repartition_named() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .repartition_with(Repartitioned::named("by-key").number_of_partitions(3))
        .map_values(|v| format!("r:{}", java(&v)))
        .to("out");
    b.build()
}

/// A key from the value: null for no value and for long ones.
fn short_initial(value: &Text) -> Text {
    value.as_deref().filter(|v| v.len() <= 2).map(initial)
}

fn or_null(value: Text) -> String {
    value.unwrap_or("null!".to_owned())
}

pub fn repartition_null_key_inner_join() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let table = b.table::<String, String>("table");
    b.stream::<Text, Text>("in")
        .select_key(|_, v| short_initial(v))
        .map_values(or_null)
        .join(&table, |left, right| format!("{left}/{right}"))
        .to("joined");
    b.build()
}

pub fn repartition_relaxed_null_key() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let table = b.table::<String, String>("table");
    let input = b.stream::<Text, Text>("in");
    input
        .clone()
        .select_key(|_, v| short_initial(v))
        .map_values(or_null)
        .left_join(&table, |left, right| format!("{left}/{}", java(&right)))
        .to("joined");
    input
        .select_key(|_, v| short_initial(v))
        .map_values(or_null)
        .repartition_with(Repartitioned::named("plain"))
        .to("plain");
    b.build()
}

pub fn repartition_unnamed() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in").select_key(|k, v| v.as_deref().map(|v| initial(v) + &java(k))).repartition().to("out");
    b.build()
}

pub fn to_stream_partitioner() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in").to(Produced::from("out").with_stream_partitioner(|_, k: &Text, _, _| {
        match k.as_deref() {
            Some("b") => Partitions::Several(Vec::new()),
            Some("c") => Partitions::One(0),
            _ => Partitions::ByKey,
        }
    }));
    b.build()
}

pub fn to_topic_extractor() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in").to(Produced::to_extracted(|_, _, context| {
        let offset = context.source().map_or(0, |source| source.offset);
        let topic = match context.headers().last("h1") {
            Some(_) => "with-headers",
            None if (offset + context.timestamp()) % 2 == 0 => "even",
            None => "odd",
        };
        topic.to_owned()
    }));
    b.build()
}
