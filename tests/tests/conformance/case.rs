//! One case: the steps through a driver, and everything that came of them compared.

use crate::difference::{self, Difference};
use crate::golden::{Case, Golden, text};
use crate::kinds;
use crate::stores;
use crate::topologies::Build;
use crate::variant::Variant;
use kstreams::config::{Config, ErrorPolicy};
use kstreams::error::Result as StreamsResult;
use kstreams::testing::{OutputMessage, TopologyTestDriver};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

const APPLICATION: &str = "conformance";
const START_MS: i64 = 1_000_000;

type Outcome = Result<(), Difference>;

/// Compares the description.
pub fn describe(golden: &Golden, build: Build) -> Outcome {
    let topology = build().map_err(|error| Difference::new("build", "a topology", error.to_string()))?;
    difference::compare_text("describe", &golden.describe, &topology.describe().to_string())
}

/// Runs one case from the beginning. A panic is a difference like any other.
pub fn run(variant: Variant, golden: &Golden, case: &Case, build: Build) -> Outcome {
    std::panic::catch_unwind(AssertUnwindSafe(|| run_all(variant, golden, case, build))).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        let words = words.or_else(|| panic.downcast_ref::<&str>().map(|&words| words.to_owned()));
        Err(Difference::new(format!("case `{}`", case.name), "no panic", words.unwrap_or_default()))
    })
}

fn run_all(variant: Variant, golden: &Golden, case: &Case, build: Build) -> Outcome {
    let failed = |error: kstreams::error::Error| Difference::new("opening", "a driver", format!("{error:?}"));
    let (engine, _directory) = variant.engine().map_err(failed)?;
    let mut config = configuration(golden).map_err(failed)?;
    variant.configure(&mut config);
    let topology = build().map_err(failed)?;
    let driver = TopologyTestDriver::with_engine(&topology, config, engine, START_MS).map_err(failed)?;
    let mut running = Running { golden, driver };
    let within = |difference: Difference| difference.within(&format!("case `{}`", case.name));
    let ended = running.steps(variant, case).map_err(within)?;
    running.internal_topics(case).map_err(within)?;
    if !ended {
        running.state(variant, case).map_err(within)?;
    }
    Ok(())
}

/// The configuration of a golden file.
fn configuration(golden: &Golden) -> StreamsResult<Config> {
    let mut config = Config::new(APPLICATION, "embedded:");
    for (key, value) in &golden.config {
        match (key.as_str(), text(value)) {
            // A Java class of the recorder's own.
            ("production.exception.handler", "oracle.Errors$ContinueProduction") => {
                config.production_errors = ErrorPolicy::Continue;
            }
            (key, value) => config.set(key, value)?,
        }
    }
    Ok(config)
}

struct Running<'a> {
    golden: &'a Golden,
    driver: TopologyTestDriver,
}

impl Running<'_> {
    /// Takes all steps; true if the last one threw, as recorded.
    fn steps(&mut self, variant: Variant, case: &Case) -> Result<bool, Difference> {
        for (number, step) in case.steps.iter().enumerate() {
            let place = format!("step {} {}", number + 1, step.get("pipe").unwrap_or(&step["advance_wall_clock_ms"]));
            let taken = self.step(step);
            match (step.get("throws"), taken) {
                (Some(_), Err(_)) => return Ok(true),
                (Some(throws), Ok(())) => return Err(Difference::new(place, format!("{throws}"), "no error")),
                (None, Err(error)) => return Err(Difference::new(place, "no error", format!("{error:?}"))),
                (None, Ok(())) => self.outputs(&place, step)?,
            }
            if variant.crashes() {
                let crashed = self.driver.crash();
                crashed.map_err(|error| Difference::new(place, "a restart", format!("{error:?}")))?;
            }
        }
        Ok(false)
    }

    fn step(&mut self, step: &Value) -> StreamsResult<()> {
        match step.get("pipe") {
            Some(pipe) => self.driver.pipe_message(text(&pipe["topic"]), &self.message(pipe)),
            None => {
                let by_ms = step["advance_wall_clock_ms"].as_u64().expect("a step pipes or advances");
                self.driver.advance_wall_clock(Duration::from_millis(by_ms))
            }
        }
    }

    fn message(&self, pipe: &Value) -> OutputMessage {
        let (key, value) = self.golden.input(text(&pipe["topic"]));
        let side = |kind, field: &str| match pipe.get(format!("{field}_hex")) {
            Some(hex) => Some(kinds::unhex(text(hex))),
            None => kinds::encode(kind, &pipe[field]),
        };
        let (key, value) = (side(key, "key"), side(value, "value"));
        let timestamp = pipe["ts"].as_i64().expect("a timestamp");
        OutputMessage::new(key.as_deref(), value.as_deref(), timestamp, kinds::headers_from(pipe.get("headers")))
    }

    fn outputs(&mut self, place: &str, step: &Value) -> Outcome {
        let sent = self.driver.take_outputs();
        let is_external = |topic: &str| !topic.starts_with(&format!("{APPLICATION}-"));
        let found = sent.iter().filter(|(topic, _)| is_external(topic));
        let found = found.map(|(topic, message)| self.output(topic, message)).collect();
        difference::compare(place, step["out"].as_array().expect("a step has `out`"), found)
    }

    fn output(&self, topic: &str, message: &OutputMessage) -> Value {
        let mut record = json!({
            "topic": topic,
            "ts": message.timestamp,
            "key_hex": kinds::hex_or_null(message.key.as_deref()),
            "value_hex": kinds::hex_or_null(message.value.as_deref()),
        });
        if !message.headers.is_empty() {
            record["headers"] = kinds::headers_to(&message.headers);
        }
        if let Some(declared) = self.golden.outputs.get(topic) {
            let size_ms = declared.get("window_size_ms").and_then(Value::as_i64);
            for (side, bytes) in [("key", &message.key), ("value", &message.value)] {
                let kind = text(&declared[side]);
                if kind != "bytes" {
                    record[side] = kinds::decode(kind, bytes.as_deref(), size_ms);
                }
            }
        }
        record
    }

    fn internal_topics(&self, case: &Case) -> Outcome {
        let (changelogs, others): (Vec<&str>, Vec<&str>) =
            self.driver.internal_topics().partition(|topic| topic.ends_with("-changelog"));
        self.messages("changelog", &case.changelogs, &changelogs)?;
        self.messages("repartition", &case.repartitions, &others)
    }

    fn messages(&self, what: &str, expected: &Value, topics: &[&str]) -> Outcome {
        let expected = expected.as_object().expect("topics with their records");
        let mut all: BTreeMap<&str, &[Value]> = topics.iter().map(|topic| (*topic, &[][..])).collect();
        for (topic, records) in expected {
            all.insert(topic, records.as_array().expect("a list of records"));
        }
        for (topic, records) in all {
            let found = self.driver.internal_messages(topic).iter().map(internal).collect();
            difference::compare(&format!("{what} {topic}"), records, found)?;
        }
        Ok(())
    }

    fn state(&self, variant: Variant, case: &Case) -> Outcome {
        let expected = case.stores.as_ref().expect("a case without an exception lists its stores");
        for (store, kind) in &self.golden.stores {
            let Some(rows) = expected.get(store).and_then(Value::as_array) else { continue };
            let rows = &variant.listed(text(kind), rows.clone());
            let found = stores::list(&self.driver, store, text(kind));
            let found = found.map_err(|error| Difference::new(format!("store {store}"), "rows", error))?;
            difference::compare(&format!("store {store}"), rows, found)?;
        }
        let (expected, found) = (case.dropped_records, self.driver.dropped_records());
        match expected == Some(found) {
            true => Ok(()),
            false => Err(Difference::new("dropped records", format!("{expected:?}"), found.to_string())),
        }
    }
}

fn internal(message: &OutputMessage) -> Value {
    let mut record = json!({
        "key_hex": kinds::hex_or_null(message.key.as_deref()),
        "value_hex": kinds::hex_or_null(message.value.as_deref()),
        "ts": message.timestamp,
    });
    if !message.headers.is_empty() {
        record["headers"] = kinds::headers_to(&message.headers);
    }
    record
}
