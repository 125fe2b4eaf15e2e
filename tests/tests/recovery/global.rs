//! Global tables whose records wait for the schema registry: they are offered again, and none is lost.

use crate::fixture::World;
use kstreams::dsl::{Consumed, StreamsBuilder};
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::runtime::{StartOptions, State};
use kstreams::serde::registry::EmbeddedRegistry;
use kstreams::serde::{Format, Registry, SerdeContext};
use kstreams::store::TimestampedKeyValueStore;
use kstreams::testing::SteppedStreams;
use kstreams::topology::Topology;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const TEXT: &str = r#""string""#;

/// Spread over both partitions.
const KEYS: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];

/// A registry behind a connection that comes and goes.
#[derive(Default)]
struct Distant {
    registry: Arc<EmbeddedRegistry>,
    is_reachable: AtomicBool,
}

impl Distant {
    fn set_reachable(&self, is_reachable: bool) {
        self.is_reachable.store(is_reachable, Ordering::Relaxed);
    }

    fn reached(&self) -> Result<&EmbeddedRegistry> {
        match self.is_reachable.load(Ordering::Relaxed) {
            true => Ok(&self.registry),
            false => Err(Error::new(ErrorKind::Pending, "the schema registry has not answered yet")),
        }
    }
}

impl Registry for Distant {
    fn register(&self, subject: &str, schema: &str) -> Result<u32> {
        self.reached()?.register(subject, schema)
    }

    fn schema(&self, id: u32) -> Result<Arc<str>> {
        self.reached()?.schema(id)
    }
}

/// A global table of two partitions, and the registry that its values need.
struct Lines {
    world: World,
    registry: Arc<Distant>,
}

impl Lines {
    fn new() -> Self {
        let world = World::new();
        world.create(&[("lines", 2)]);
        Lines { world, registry: Arc::default() }
    }

    fn topology() -> Topology {
        let builder = StreamsBuilder::new();
        let lines = Consumed::with("lines", Format::string(), Format::avro(TEXT));
        builder.global_table::<String, String>(lines, "lines-store");
        builder.build().unwrap()
    }

    fn start(&self, task_timeout_ms: i64) -> SteppedStreams {
        let mut config = self.world.config();
        config.task_timeout_ms = task_timeout_ms;
        let options = StartOptions::new().log(self.world.log.clone()).registry(self.registry.clone());
        SteppedStreams::start(&Lines::topology(), config, options).unwrap()
    }

    /// Writes values in `schema`; the writer has its registry at hand.
    fn send<T: 'static>(&mut self, format: &Format<T>, rows: impl IntoIterator<Item = (&'static str, T)>) {
        let registry = self.registry.registry.clone();
        let context = SerdeContext { topic: "lines".into(), is_key: false, registry };
        let serde = format.serde(&context).unwrap();
        for (key, value) in rows {
            let mut bytes = Vec::new();
            serde.serialize(&value, &mut bytes).unwrap();
            // Lengths and ids are as small here as letters are.
            self.world.send("lines", [(key, std::str::from_utf8(&bytes).unwrap())]);
        }
    }

    fn send_round(&mut self, round: &str) {
        self.send(&Format::<String>::avro(TEXT), KEYS.map(|key| (key, format!("{key}-{round}"))));
    }

    fn step_ms(&self, streams: &mut SteppedStreams, ms: i64) -> Result<()> {
        for _ in 0..ms {
            while streams.step(self.world.now_ms())? {}
            self.world.clock.advance_ms(1);
        }
        Ok(())
    }
}

fn rows(streams: &SteppedStreams) -> BTreeMap<String, String> {
    let rows = streams.store::<TimestampedKeyValueStore<String, String>>("lines-store").unwrap();
    rows.all().unwrap().map(|row| row.map(|(key, row)| (key, row.value)).unwrap()).collect()
}

fn round(round: &str) -> BTreeMap<String, String> {
    KEYS.iter().map(|&key| (key.to_owned(), format!("{key}-{round}"))).collect()
}

#[test]
fn records_of_all_partitions_wait_for_their_schema_and_none_is_lost() {
    let mut lines = Lines::new();
    lines.send_round("1");
    let mut streams = lines.start(60_000);
    lines.step_ms(&mut streams, 500).unwrap();
    assert_ne!(streams.state(), State::Running, "the table is not there yet");

    lines.registry.set_reachable(true);
    lines.world.run(&mut streams);
    assert_eq!(rows(&streams), round("1"));
    assert_eq!(streams.counts().restored, KEYS.len() as u64);
}

#[test]
fn records_that_come_later_wait_as_well() {
    let mut lines = Lines::new();
    let mut streams = lines.start(60_000);
    lines.world.run(&mut streams);
    lines.send_round("1");
    lines.step_ms(&mut streams, 500).unwrap();
    assert!(rows(&streams).is_empty());

    lines.registry.set_reachable(true);
    lines.step_ms(&mut streams, 5_000).unwrap();
    assert_eq!(rows(&streams), round("1"));
    lines.send_round("2");
    lines.step_ms(&mut streams, 500).unwrap();
    assert_eq!(rows(&streams), round("2"));
}

#[test]
fn record_that_ends_the_application_is_not_forgotten_for_one_that_waits() {
    for poisoned in KEYS {
        let mut lines = Lines::new();
        lines.world.send("lines", [(poisoned, "not in Avro")]);
        lines.send_round("1");
        let mut streams = lines.start(60_000);
        let error = lines.step_ms(&mut streams, 500).expect_err("it fails at once");
        assert_eq!(error.kind(), ErrorKind::Deserialization, "{poisoned}: {error}");
    }
}

#[test]
fn schema_that_never_comes_ends_the_application() {
    let mut lines = Lines::new();
    lines.send_round("1");
    let mut streams = lines.start(1_000);
    lines.step_ms(&mut streams, 900).unwrap();
    let error = lines.step_ms(&mut streams, 2_000).expect_err("there is a limit");
    assert!(error.to_string().contains("within 1000 ms"), "{error}");
}

#[test]
fn waits_for_different_schemas_do_not_add_up() {
    let mut lines = Lines::new();
    let mut streams = lines.start(1_000);
    lines.world.run(&mut streams);
    lines.send_round("1");
    lines.step_ms(&mut streams, 700).unwrap();
    lines.registry.set_reachable(true);
    lines.step_ms(&mut streams, 1_000).unwrap();
    assert_eq!(rows(&streams), round("1"));

    lines.registry.set_reachable(false);
    let newer = Format::<Option<String>>::avro(r#"["null","string"]"#);
    lines.send(&newer, [("a", Some("newer".to_owned()))]);
    lines.step_ms(&mut streams, 700).unwrap();
    assert_eq!(rows(&streams), round("1"));
    lines.registry.set_reachable(true);
    lines.step_ms(&mut streams, 1_000).unwrap();
    assert_eq!(rows(&streams)["a"], "newer");
}
