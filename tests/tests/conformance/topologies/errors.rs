//! Records that cannot be decoded, processed or encoded.

use super::times::parsed;
use super::{Text, java};
use kstreams::dsl::{Consumed, Produced, Repartitioned, StreamsBuilder};
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::operator::{Processor, ProcessorContext, PunctuationType, TimestampExtractor};
use kstreams::record::Record;
use kstreams::serde::{Format, Serde};
use kstreams::topology::Topology;
use std::time::Duration;

pub fn errors_deserialization_continue() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Option<i64>, Option<i64>>("in")
        .process(
            || {
                |context: &ProcessorContext<Option<i64>, String>, record: Record<Option<i64>, Option<i64>>| {
                    let offset = context.record_metadata().map_or(-1, |source| source.offset);
                    let stream_time = context.current_stream_time_ms();
                    let value = format!("{} offset {offset} st {stream_time}", java(&record.value));
                    context.forward(record.with_value(value))
                }
            },
            &[],
        )
        .to("out");
    b.build()
}

fn next_numbers() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Option<i64>>("in").map_values(|v| v.map(|v| v + 1)).to("out");
    b.build()
}

pub fn errors_deserialization_dlq() -> Result<Topology> {
    next_numbers()
}

pub fn errors_deserialization_fail() -> Result<Topology> {
    next_numbers()
}

pub fn errors_deserialization_fail_dlq() -> Result<Topology> {
    next_numbers()
}

pub fn errors_negative_timestamp_continue() -> Result<Topology> {
    let extractor = TimestampExtractor::custom(|_: &Text, value: &Text, _, _| parsed(&java(value)));
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>(Consumed::from("in").with_timestamp_extractor(extractor)).to("out");
    b.build()
}

pub fn errors_null_from_map() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        // A pair that is not there cannot be returned: the mapper says that it failed.
        .try_map(|k, v| if k.is_none() { Err(Error::processing("there is no pair")) } else { Ok((v, k)) })
        .to("out");
    b.build()
}

/// `Integer.parseInt(v) + 1` as text.
fn incremented(value: &str) -> Result<String> {
    match value.parse::<i32>() {
        Ok(number) => Ok((number + 1).to_string()),
        Err(error) => {
            Err(Error::processing(error.to_string()).with_class("java.lang.NumberFormatException").with_source(error))
        }
    }
}

pub fn errors_processing_continue() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let input = b.stream::<Text, Text>("in").filter(|_, v| v.is_some());
    input.clone().map_values(|v| format!("first{}", java(&v))).to("out1");
    input.clone().flat_map_values(|v: Text| ["0".to_owned(), java(&v)]).try_map_values(|v| incremented(&v)).to("out2");
    input.map_values(|v| format!("last{}", java(&v))).to("out3");
    b.build()
}

pub fn errors_processing_continue_aggregate() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .group_by_key()
        .try_aggregate(
            String::new,
            |_, v, row: &String| match v.as_str() {
                "boom" => Err(Error::processing("boom")),
                v => Ok(format!("{row}{v}")),
            },
            "agg",
        )
        .to_stream()
        .to("out");
    b.build()
}

pub fn errors_processing_dlq() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .filter(|_, v| v.is_some())
        .map(|k, v| (format!("k{}", java(&k)), v))
        .try_map_values(|v| incremented(&java(&v)))
        .named("parse")
        .to("out");
    b.build()
}

pub fn errors_processing_dlq_repartition() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .filter(|_, v| v.is_some())
        .map(|k, v| (format!("k{}", java(&k)), v))
        .repartition_with(Repartitioned::named("r"))
        .try_map_values(|v| incremented(&java(&v)))
        .named("parse")
        .to("out");
    b.build()
}

pub fn errors_processing_fail() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in").filter(|_, v| v.is_some()).try_map_values(|v| incremented(&java(&v))).to("out");
    b.build()
}

/// Punctuates every 50 ms of stream time; every second time fails.
struct EverySecondFails;

impl Processor<Text, Text, Text, Text> for EverySecondFails {
    fn init(&mut self, context: &ProcessorContext<Text, Text>) -> Result<()> {
        let mut calls = 0;
        context.schedule(Duration::from_millis(50), PunctuationType::StreamTime, move |context, time_ms| {
            calls += 1;
            match calls % 2 {
                0 => Err(Error::processing("every second time")),
                _ => context.forward(Record::new(Some("p".to_owned()), Some(calls.to_string()), time_ms)),
            }
        })?;
        Ok(())
    }

    fn process(&mut self, context: &ProcessorContext<Text, Text>, record: Record<Text, Text>) -> Result<()> {
        context.forward(record)
    }
}

pub fn errors_punctuator_continue() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in").process(|| EverySecondFails, &[]).to("out");
    b.build()
}

/// Strings, save for one.
struct Picky;

impl Serde<String> for Picky {
    fn serialize(&self, value: &String, out: &mut Vec<u8>) -> Result<()> {
        if value == "bad" {
            return Err(Error::new(ErrorKind::Serialization, "bad value"));
        }
        out.extend_from_slice(value.as_bytes());
        Ok(())
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<String> {
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }
}

fn picky_sink() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in").to(Produced::with("out", Format::string(), Format::of(Picky)));
    b.build()
}

pub fn errors_serialization_continue() -> Result<Topology> {
    picky_sink()
}

pub fn errors_serialization_fail() -> Result<Topology> {
    picky_sink()
}
