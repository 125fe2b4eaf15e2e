//! Topics that the topology does not have, and records of other types.

use kstreams::config::Config;
use kstreams::dsl::{Produced, StreamsBuilder};
use kstreams::error::{ErrorKind, Result};
use kstreams::record::Record;
use kstreams::serde::Format;
use kstreams::testing::TopologyTestDriver;
use kstreams::window::{TimeWindows, Window, Windowed};
use std::time::Duration;

const MINUTE_MS: i64 = 60_000;

fn counts() -> Result<TopologyTestDriver> {
    let builder = StreamsBuilder::new();
    let rides = builder.stream::<i32, i64>("rides");
    rides.clone().filter(|_, riders| *riders == 0).to("empty");
    rides.group_by(|_, riders| *riders).count("counts").to_stream().to("totals");
    TopologyTestDriver::new(&builder.build()?)
}

#[test]
fn output_that_is_not_written_is_an_error_with_the_nearest_and_all() -> Result<()> {
    let mut driver = counts()?;
    let error = driver.output("total").read_values::<i64>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(
        error.to_string(),
        "the topology does not write topic `total` (did you mean `totals`? it writes `empty`, `test-counts-repartition`, `totals`)"
    );
    let error = driver.output("rides").read_record::<i32, i64>().unwrap_err();
    assert_eq!(error.message(), "the topology does not write topic `rides`");
    assert!(driver.output_with("total", Format::i64(), Format::i64()).read_key_values::<i64, i64>().is_err());
    Ok(())
}

#[test]
fn output_that_nothing_was_sent_to_yet_is_empty() -> Result<()> {
    let mut driver = counts()?;
    for topic in ["empty", "totals", "test-counts-changelog", "test-counts-repartition"] {
        assert!(driver.output(topic).read_values::<Vec<u8>>()?.is_empty(), "{topic}");
    }
    Ok(())
}

#[test]
fn topology_without_outputs_says_so() -> Result<()> {
    let builder = StreamsBuilder::new();
    builder.stream::<i32, i32>("in").for_each(|_, _| ());
    let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    let error = driver.output("out").read_values::<i32>().unwrap_err();
    assert_eq!(error.hint(), Some("it writes none"));
    Ok(())
}

#[test]
fn dead_letters_and_topics_that_a_function_names_are_outputs() -> Result<()> {
    let builder = StreamsBuilder::new();
    builder.stream::<i32, i32>("in").to("out");
    let config = Config::new("test", "embedded:").dead_letters("letters");
    let mut driver = TopologyTestDriver::with_config(&builder.build()?, config)?;
    assert!(driver.output("letters").read_values::<Vec<u8>>()?.is_empty());
    assert!(driver.output("letter").read_values::<Vec<u8>>().is_err());

    let builder = StreamsBuilder::new();
    builder.stream::<i32, i32>("in").to(Produced::to_extracted(|key, _, _| format!("out-{key}")));
    let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    assert!(driver.output("out-7").read_values::<i32>()?.is_empty());
    Ok(())
}

#[test]
fn input_that_is_not_read_is_an_error_with_the_nearest_and_all() -> Result<()> {
    let mut driver = counts()?;
    let error = driver.input("ridse").pipe(7, 1_i64).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the topology does not read topic `ridse` (did you mean `rides`? it reads `rides`, `test-counts-repartition`)"
    );
    driver.input("rides").pipe(7, 1_i64)?;
    assert_eq!(driver.output("totals").read_key_values::<i64, i64>()?, [(1, 1)]);
    Ok(())
}

#[test]
fn record_of_another_type_is_named_with_its_topic_and_side() -> Result<()> {
    let mut driver = counts()?;
    driver.input("rides").pipe_key_values([(7, 1_i64), (7, 1)])?;
    let hint = "(name the types, or with `output_with` the formats, that the topology writes)";
    let error = driver.output("totals").read_key_values::<i64, i32>().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "reading the value of a record in topic `totals` as `i32`: i32 takes 4 bytes, not 8: 0x0000000000000001 {hint}"
        )
    );
    let error = driver.output("totals").read_records::<i32, i64>().unwrap_err();
    assert!(error.to_string().starts_with("reading the key of a record in topic `totals` as `i32`:"), "{error}");
    Ok(())
}

#[test]
fn null_that_is_not_read_as_an_option_is_named_with_its_topic_and_side() -> Result<()> {
    let builder = StreamsBuilder::new();
    builder.table::<i32, i32>("in").to_stream().to("out");
    let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    driver.input("in").pipe_key_values([(1, Some(5)), (1, None)])?;
    let error = driver.output("out").read_values::<i32>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "reading the value of a record in topic `out` as `i32`: it is null (read it as `Option` of the type)"
    );
    Ok(())
}

#[test]
fn windowed_keys_are_read_with_a_format_that_knows_their_size() -> Result<()> {
    let minutes = TimeWindows::of(Duration::from_secs(60));
    let builder = StreamsBuilder::new();
    builder.stream::<String, i32>("rides").group_by_key().windowed_by(minutes).count("counts").to_stream().to("out");
    let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    let pipe = |driver: &mut TopologyTestDriver, time_ms| driver.input("rides").pipe_at("Loop".to_owned(), 0, time_ms);
    let first = Windowed::new("Loop".to_owned(), Window::new(0, MINUTE_MS));
    let second = Windowed::new("Loop".to_owned(), Window::new(MINUTE_MS, 2 * MINUTE_MS));

    pipe(&mut driver, 1)?;
    let error = driver.output("out").read_key_values::<Windowed<String>, i64>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "reading the key of a record in topic `out` as `Windowed<String>`: the bytes of a windowed key do not tell the \
         window's size (name `Format::time_windowed(key_format, size_ms)` where the topic is read, in a test with `output_with`)"
    );

    pipe(&mut driver, 2)?;
    pipe(&mut driver, MINUTE_MS)?;
    let key_format = Format::time_windowed(Format::string(), MINUTE_MS);
    let mut counts = driver.output_with("out", key_format, Format::i64());
    assert_eq!(counts.read_record()?, Some(Record::new(first, 2_i64, 2)));
    assert_eq!(counts.read_key_values()?, [(second, Some(1_i64))]);
    assert!(counts.read_values::<i64>()?.is_empty());
    Ok(())
}
