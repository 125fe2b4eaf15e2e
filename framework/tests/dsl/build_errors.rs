//! `build` lists every problem, each with the line of the program that made it.

use kstreams::dsl::{
    Consumed, Grouped, KStream, Materialized, Nothing, Repartitioned, StreamsBuilder, TopologyBuilder,
};
use kstreams::error::{ErrorKind, Result};
use kstreams::operator::ProcessorContext;
use kstreams::record::Record;
use kstreams::serde::Format;
use kstreams::store::{KeyValueStore, StoreBuilder, Stores};
use kstreams::topology::Topology;
use kstreams::window::TimeWindows;
use std::time::Duration;

/// The lines of the error, without those that say where.
fn refused(built: Result<Topology>) -> Vec<String> {
    let error = built.expect_err("the topology has problems");
    assert_eq!(error.kind(), ErrorKind::Topology);
    let detail = error.detail().expect("problems are listed").to_owned();
    detail.lines().skip(1).map(|line| line.trim().to_owned()).collect()
}

/// A problem at a line of this file.
fn at(line: u32, sentence: &str) -> String {
    format!("{}:{line}: {sentence}", file!())
}

fn numbers(b: &StreamsBuilder, topic: &str) -> KStream<i32, i32> {
    b.stream::<i32, i32>(topic)
}

fn pass(context: &ProcessorContext<i32, i32>, record: Record<i32, i32>) -> Result<()> {
    context.forward(record)
}

#[test]
fn every_problem_is_listed_with_its_own_line() {
    let b = StreamsBuilder::new();
    let first = line!() + 1;
    let stream = numbers(&b, "in").filter(|_, _| true).named("not a name");
    let second = line!() + 1;
    stream.process(|| pass, &["nowhere"]).to("out");
    let lines = refused(b.build());
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(
        lines[0],
        at(first, "the name `not a name` contains ' '; letters, digits, `.`, `_` and `-` are allowed")
    );
    assert_eq!(lines[1], at(second, "`KSTREAM-PROCESSOR-0000000002` uses store `nowhere`, which was not added"));
}

#[test]
fn two_nodes_of_one_name_are_a_problem_of_the_second() {
    let b = StreamsBuilder::new();
    let stream = numbers(&b, "in").map_values(|v| v).named("same");
    let line = line!() + 1;
    stream.map_values(|v| v).named("same").to("out");
    assert_eq!(refused(b.build()), [at(line, "there is already a node named `same`")]);
}

#[test]
fn two_stores_of_one_name_are_a_problem_of_the_second() {
    let b = StreamsBuilder::new();
    let store = || {
        let supplier = Stores::persistent_key_value_store("s");
        Stores::key_value_store_builder(supplier, Format::i32(), Format::i32())
    };
    b.add_state_store(store());
    let line = line!() + 1;
    b.add_state_store(store());
    assert_eq!(refused(b.build()), [at(line, "there is already a store named `s`")]);
}

#[test]
fn topics_of_sources_do_not_overlap() {
    let b = StreamsBuilder::new();
    b.stream::<i32, i32>(Consumed::topics(["a", "b"]));
    let topics = line!() + 1;
    b.stream::<i32, i32>(Consumed::topics(["b", "c"]));
    let pattern = line!() + 1;
    b.stream::<i32, i32>(Consumed::pattern("[ax].*"));
    let expected = "topic `b` is read by two sources that are not the same";
    assert_eq!(refused(b.build()), [at(topics, expected), at(pattern, &expected.replace("`b`", "`a`"))]);
}

#[test]
fn one_topic_has_one_pair_of_types() {
    let b = StreamsBuilder::new();
    b.stream::<i32, i32>("in");
    let line = line!() + 1;
    b.stream::<i32, i64>("in");
    assert_eq!(refused(b.build()), [at(line, "topic `in` is read twice, with different types")]);
}

#[test]
fn global_topic_is_not_read_again() {
    let b = StreamsBuilder::new();
    b.global_table::<i32, i32>("in", "g");
    let line = line!() + 1;
    b.table::<i32, i32>("in");
    assert_eq!(refused(b.build()), [at(line, "topic `in` is read twice, once as a global table")]);
}

#[test]
fn pattern_that_is_none_is_refused() {
    let b = StreamsBuilder::new();
    let line = line!() + 1;
    b.stream::<i32, i32>(Consumed::pattern("in-("));
    let lines = refused(b.build());
    assert!(lines[0].starts_with(&at(line, "`in-(` is not a pattern")), "{lines:?}");
}

#[test]
fn streams_of_different_builders_do_not_meet() {
    let (b, other) = (StreamsBuilder::new(), StreamsBuilder::new());
    let (stream, table) = (numbers(&b, "in"), other.table::<i32, i32>("table"));
    let merge = line!() + 1;
    stream.clone().merge(numbers(&other, "in"));
    let join = line!() + 1;
    stream.join(&table, |v, row| v + row);
    let expected = [
        at(merge, "the merged streams come from different builders"),
        at(join, "the joined stream and table come from different builders"),
    ];
    assert_eq!(refused(b.build()), expected);
}

#[test]
fn window_is_kept_at_least_for_size_and_grace() {
    let b = StreamsBuilder::new();
    let grouped = numbers(&b, "in").group_by_key();
    let windows = TimeWindows::of(Duration::from_millis(100)).grace(Duration::from_millis(50));
    let line = line!() + 1;
    grouped.windowed_by(windows).count(Materialized::named("w").with_retention(Duration::from_millis(149)));
    let expected = "a retention of 149 ms is shorter than the 150 ms of window size and grace period";
    assert_eq!(refused(b.build()), [at(line, expected)]);
}

#[test]
fn repartition_topic_of_one_name_is_there_once() {
    let b = StreamsBuilder::new();
    let stream = numbers(&b, "in");
    stream.clone().repartition_with(Repartitioned::named("again")).to("a");
    let line = line!() + 1;
    stream.select_key(|_, v| *v).group_by_key_with(Grouped::named("again")).count(());
    let lines = refused(b.build());
    let expected = "there is already a repartition topic `again-repartition`; give this one another name";
    assert!(lines.contains(&at(line, expected)), "{lines:?}");
}

#[test]
fn node_stands_below_nodes_of_its_own_topology() {
    let (t, other) = (TopologyBuilder::new(), TopologyBuilder::new());
    let foreign = other.add_source::<i32, i32>("source", "in");
    let line = line!() + 1;
    t.add_sink("sink", &[&foreign], "out");
    let orphan = line!() + 1;
    t.add_sink::<i32, i32>("orphan", &[], "out");
    let expected = [at(line, "`sink` is below a node of another topology"), at(orphan, "`orphan` is below no node")];
    assert_eq!(refused(t.build()), expected);
}

#[test]
fn topic_is_read_by_one_node_of_a_topology_made_by_hand() {
    let t = TopologyBuilder::new();
    t.add_source::<i32, i32>("first", "in");
    let line = line!() + 1;
    t.add_source::<i32, i32>("second", "in");
    assert_eq!(refused(t.build()), [at(line, "source `first` reads the same topics as `second`")]);
}

fn rows() -> StoreBuilder<KeyValueStore<i32, i32>> {
    Stores::key_value_store_builder(Stores::persistent_key_value_store("rows"), Format::i32(), Format::i32())
}

fn drain(_: &ProcessorContext<Nothing, Nothing>, _: Record<i32, i32>) -> Result<()> {
    Ok(())
}

const NO_CONNECTION: &str = "global store `rows` needs no connection: every processor may read it";

#[test]
fn stream_is_not_connected_with_a_global_store() {
    let b = StreamsBuilder::new();
    let before = line!() + 1;
    numbers(&b, "in").process(|| pass, &["rows"]).to("out");
    b.add_global_store(rows(), "rows", || drain);
    let behind = line!() + 1;
    numbers(&b, "more").process(|| pass, &["rows"]).to("out");
    assert_eq!(refused(b.build()), [at(before, NO_CONNECTION), at(behind, NO_CONNECTION)]);

    let b = StreamsBuilder::new();
    b.global_table::<i32, i32>("rows", Materialized::named("rows"));
    let table = line!() + 1;
    numbers(&b, "in").process(|| pass, &["rows"]).to("out");
    assert_eq!(refused(b.build()), [at(table, NO_CONNECTION)]);
}

#[test]
fn processor_made_by_hand_is_not_connected_with_a_global_store() {
    let t = TopologyBuilder::new();
    t.add_global_store(rows(), "row-source", "rows", "keep", || drain);
    let source = t.add_source::<i32, i32>("source", "in");
    let added = line!() + 1;
    let first = t.add_processor("first", &[&source], &["rows"], || pass);
    let second = t.add_processor("second", &[&first], &[], || pass);
    let connected = line!() + 1;
    t.connect_processor_and_state_stores(&second, &["rows"]);
    assert_eq!(refused(t.build()), [at(added, NO_CONNECTION), at(connected, NO_CONNECTION)]);
}

#[test]
fn missing_store_is_a_problem_of_the_line_that_connects_it() {
    let t = TopologyBuilder::new();
    let source = t.add_source::<i32, i32>("source", "in");
    let processor = t.add_processor::<i32, i32, i32, i32, _>("processor", &[&source], &[], || pass);
    let line = line!() + 1;
    t.connect_processor_and_state_stores(&processor, &["nowhere"]);
    assert_eq!(refused(t.build()), [at(line, "`processor` uses store `nowhere`, which was not added")]);
}

#[test]
fn source_is_not_connected_with_a_store() {
    let t = TopologyBuilder::new();
    t.add_state_store(rows());
    let source = t.add_source::<i32, i32>("source", "in");
    let line = line!() + 1;
    t.connect_processor_and_state_stores(&source, &["rows"]);
    assert_eq!(refused(t.build()), [at(line, "`source` is no processor, so that it cannot use store `rows`")]);
}
