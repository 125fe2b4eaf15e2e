//! Several sources of one topic, and names that are taken without being used.

use kstreams::dsl::{Consumed, StreamsBuilder};
use kstreams::testing::TopologyTestDriver;

#[test]
fn equal_sets_of_topics_are_one_source_in_whatever_order() {
    let b = StreamsBuilder::new();
    b.stream::<i32, i32>(Consumed::topics(["a", "b"])).map_values(|v| v + 1).to("out");
    b.stream::<i32, i32>(Consumed::topics(["b", "a"])).map_values(|v| v + 2).to("out");
    let topology = b.build().unwrap();
    assert_eq!(topology.describe().to_string().matches("Source: ").count(), 1);
    let mut driver = TopologyTestDriver::new(&topology).unwrap();
    driver.input("b").pipe(1, 10).unwrap();
    assert_eq!(driver.output("out").read_values::<i32>().unwrap(), [11, 12], "the first stream comes first");
}

#[test]
fn equal_patterns_are_one_source() {
    let b = StreamsBuilder::new();
    b.stream::<i32, i32>(Consumed::pattern("in-.*")).to("a");
    b.stream::<i32, i32>(Consumed::pattern("in-.*")).to("b");
    let mut driver = TopologyTestDriver::new(&b.build().unwrap()).unwrap();
    driver.input("in-7").pipe(1, 10).unwrap();
    assert_eq!(driver.output("a").read_values::<i32>().unwrap(), [10]);
    assert_eq!(driver.output("b").read_values::<i32>().unwrap(), [10]);
}

#[test]
fn merged_source_takes_its_number_nevertheless() {
    let b = StreamsBuilder::new();
    b.stream::<i32, i32>("in").to("a");
    b.stream::<i32, i32>("in").to("b");
    let described = b.build().unwrap().describe().to_string();
    assert!(described.contains("Sink: KSTREAM-SINK-0000000003"), "{described}");
    assert!(!described.contains("KSTREAM-SOURCE-0000000002"), "{described}");
}

#[test]
fn table_and_stream_of_one_topic_share_the_source() {
    let b = StreamsBuilder::new();
    let table = b.table::<i32, i32>("in");
    b.stream::<Option<i32>, Option<i32>>("in").left_join(&table, |v, row| v + row.unwrap_or(0)).to("out");
    let mut driver = TopologyTestDriver::new(&b.build().unwrap()).unwrap();
    driver.input("in").pipe_key_values([(1, 5), (1, 7)]).unwrap();
    assert_eq!(driver.output("out").read_values::<i32>().unwrap(), [10, 14], "the table is updated first");
}
