//! Steps that fail: who is asked, how often, and what stays.

use kstreams::config::{Config, ErrorPolicy};
use kstreams::dsl::{KStream, StreamsBuilder};
use kstreams::error::{Error, Result, Scope};
use kstreams::operator::ProcessorContext;
use kstreams::record::Record;
use kstreams::testing::TopologyTestDriver;

fn config(policy: ErrorPolicy) -> Config {
    let mut config = Config::new("test", "embedded:").cache_max_bytes(0).on_record_errors(policy);
    config.dead_letter_topic = Some("dead".to_owned());
    config
}

fn even(value: i32) -> Result<i32> {
    if value % 2 == 0 { Ok(value) } else { Err(Error::processing(format!("{value} is odd"))) }
}

/// Records that go through a processor before they reach the failing step.
fn below_a_processor(b: &StreamsBuilder) -> KStream<i32, i32> {
    let pass = |context: &ProcessorContext<i32, i32>, record: Record<i32, i32>| context.forward(record);
    b.stream::<i32, i32>("in").process(move || pass, &[]).try_map_values(even)
}

fn driver(policy: ErrorPolicy) -> TopologyTestDriver {
    let b = StreamsBuilder::new();
    below_a_processor(&b).to("out");
    TopologyTestDriver::with_config(&b.build().unwrap(), config(policy)).unwrap()
}

#[test]
fn skipped_record_has_one_dead_letter_and_is_counted_once() {
    let mut driver = driver(ErrorPolicy::Continue);
    driver.input("in").pipe_key_values([(1, 2), (2, 3), (3, 4)]).unwrap();
    assert_eq!(driver.output("out").read_values::<i32>().unwrap(), [2, 4]);
    assert_eq!(driver.output("dead").read_key_values::<i32, i32>().unwrap(), [(2, 3)]);
    assert_eq!(driver.dropped_records(), 1);
}

#[test]
fn failed_record_ends_the_application_with_the_node_that_failed() {
    let error = driver(ErrorPolicy::Fail).input("in").pipe(1, 3).unwrap_err();
    assert_eq!(error.scope(), Scope::Fatal, "the policy has answered: nobody above asks again");
    assert_eq!(error.to_string(), "task 0_0 at `KSTREAM-MAPVALUES-0000000002`: 3 is odd");
}

#[test]
fn table_row_stays_as_it_was_when_its_step_fails() {
    let b = StreamsBuilder::new();
    b.stream::<i32, i32>("in").group_by_key().try_reduce(|row, v| even(row + v), "sums").to_stream().to("out");
    let mut driver = TopologyTestDriver::with_config(&b.build().unwrap(), config(ErrorPolicy::Continue)).unwrap();
    driver.input("in").pipe_key_values([(1, 2), (1, 1), (1, 4)]).unwrap();
    assert_eq!(driver.output("out").read_values::<i32>().unwrap(), [2, 6]);
}
