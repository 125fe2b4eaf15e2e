//! Event times: extractors, and which record is processed next.

use super::{Text, java};
use kstreams::dsl::{Consumed, Repartitioned, StreamsBuilder};
use kstreams::error::{Error, Result};
use kstreams::operator::{FixedKeyProcessorContext, FixedKeyRecord, TimestampExtractor};
use kstreams::record::Message;
use kstreams::topology::Topology;

/// The timestamp that a text is.
pub(super) fn parsed(value: &str) -> Result<i64> {
    value.parse().map_err(|_| Error::processing(format!("`{value}` is no timestamp")))
}

pub fn timestamp_extractor() -> Result<Topology> {
    let extractor = |_: &Text, value: &Text, message: &Message<'_>, partition_time: i64| match value.as_deref() {
        None => Ok(message.timestamp),
        Some("+") => Ok(partition_time + 1),
        Some(value) => parsed(value),
    };
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>(Consumed::from("in").with_timestamp_extractor(TimestampExtractor::custom(extractor)))
        .to("out");
    b.build()
}

/// Whatever the configured extractor does.
fn dotted() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in").map_values(|v| format!("{}.", java(&v))).to("out");
    b.build()
}

pub fn timestamp_extractor_fail() -> Result<Topology> {
    dotted()
}

pub fn timestamp_extractor_partition_time() -> Result<Topology> {
    dotted()
}

pub fn timestamp_extractor_skip() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in").group_by_key().reduce(|x, y| x + &y, ()).to_stream().to("out");
    b.build()
}

pub fn timestamp_order_two_topics() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let input = b.stream::<Text, Text>("in");
    let later = || {
        |context: &FixedKeyProcessorContext<Text, Text>, record: FixedKeyRecord<Text, Text>| {
            let timestamp = record.timestamp() + 50;
            context.forward(record.with_timestamp(timestamp))
        }
    };
    let one = input
        .clone()
        .process_values(later, &[])
        .repartition_with(Repartitioned::named("one"))
        .map_values(|v| format!("1{}", java(&v)));
    let two = input.repartition_with(Repartitioned::named("two")).map_values(|v| format!("2{}", java(&v)));
    one.merge(two).to("out");
    b.build()
}
