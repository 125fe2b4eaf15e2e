//! Topologies by name, for programs that run them on any log.
//!
//! Each has a twin of the same name for Kafka Streams, in `tests/kafka/peer`: whoever changes one changes the other. Keys are
//! strings; so are values, but for counts and sums, which are `i64`. Transit's turnstiles have none, and topics of their own.

use kstreams::dsl::{Grouped, Joined, KStream, Materialized, Nothing, Repartitioned, StreamsBuilder, TopologyBuilder};
use kstreams::error::Result;
use kstreams::operator::ProcessorContext;
use kstreams::record::Record;
use kstreams::serde::Format;
use kstreams::store::{KeyValueStore, Stores};
use kstreams::topology::Topology;
use kstreams::window::TimeWindows;
use std::time::Duration;

/// Where a topology reads and writes.
#[derive(Debug, Clone, Default)]
pub struct Topics {
    /// What the names of its input topics begin with.
    pub prefix: String,
    /// The topic of its results.
    pub output: String,
}

impl Topics {
    fn input(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn words(&self, builder: &StreamsBuilder) -> KStream<String, String> {
        builder.stream(self.input("words"))
    }
}

type Build = fn(&Topics) -> Result<Topology>;

const ALL: [(&str, Build); 10] = [
    ("chain", chain),
    ("count", count),
    ("global", global),
    ("hopping", hopping),
    ("logged", logged),
    ("lru", lru),
    ("read-only", read_only),
    ("table", table),
    ("to-table", to_table),
    ("unnamed", unnamed),
];

/// Transit's topology that counts riders.
pub const TURNSTILES: &str = "turnstiles";

/// The names of all topologies with a twin.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, _)| *name)
}

/// The topology of that name on these topics; `None` if there is no such topology.
///
/// # Errors
/// What building it finds wrong.
pub fn named(name: &str, topics: &Topics) -> Option<Result<Topology>> {
    if name == TURNSTILES {
        return Some(transit_turnstiles::topology());
    }
    ALL.iter().find(|(known, _)| *known == name).map(|(_, build)| build(topics))
}

/// The first letter of a text; texts are not empty.
fn initial(text: &str) -> &str {
    text.char_indices().nth(1).map_or(text, |(end, _)| &text[..end])
}

/// How often each word was said.
fn count(topics: &Topics) -> Result<Topology> {
    let builder = StreamsBuilder::new();
    topics.words(&builder).group_by_key().count("counts").to_stream().to(&topics.output);
    builder.build()
}

/// The same, with a changelog that is configured by itself.
fn logged(topics: &Topics) -> Result<Topology> {
    let config = [("segment.ms", "600000"), ("delete.retention.ms", "7200000")];
    let config = config.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let builder = StreamsBuilder::new();
    topics
        .words(&builder)
        .group_by_key()
        .count(Materialized::named("counts").in_memory().with_logging_enabled(config))
        .to_stream()
        .to(&topics.output);
    builder.build()
}

/// The same of the five words that were said last.
fn lru(topics: &Topics) -> Result<Topology> {
    let builder = StreamsBuilder::new();
    topics.words(&builder).group_by_key().count(Materialized::named("counts").lru(5)).to_stream().to(&topics.output);
    builder.build()
}

/// All names are generated: of nodes, stores, repartition topics and changelogs.
fn unnamed(topics: &Topics) -> Result<Topology> {
    let builder = StreamsBuilder::new();
    topics
        .words(&builder)
        .map(|word, said| (said, word))
        .group_by_key()
        .aggregate(String::new, |_, word, all| all + initial(&word), ())
        .to_stream()
        .filter(|_, all| all.as_ref().is_some_and(|all| all.chars().count() < 40))
        .group_by(|said, _| initial(said).to_owned())
        .reduce(|before, all| if before.chars().count() > all.chars().count() { before } else { all }, ())
        .to_stream()
        .to(&topics.output);
    builder.build()
}

/// Rides by station, and what a line's name has to do with it: two repartitions and a join with a table.
fn chain(topics: &Topics) -> Result<Topology> {
    let builder = StreamsBuilder::new();
    let lines = builder.table_with::<String, String>(topics.input("lines"), "lines");
    builder
        .stream::<String, String>(topics.input("rides"))
        .group_by_with(|_, station| station.clone(), Grouped::named("by-station"))
        .count("rides")
        .to_stream()
        .map(|station, rides| (initial(&station).to_owned(), format!("{station}={}", rides.unwrap_or(0))))
        .repartition_with(Repartitioned::named("by-line"))
        .join_with(&lines, |_, rides, line| format!("{line}:{rides}"), Joined::named("with-line"))
        .to(&topics.output);
    builder.build()
}

/// Words in hopping windows; some come late, some too late.
fn hopping(topics: &Topics) -> Result<Topology> {
    let seconds = Duration::from_secs;
    let builder = StreamsBuilder::new();
    topics
        .words(&builder)
        .group_by_key()
        .windowed_by(TimeWindows::of(seconds(60)).grace(seconds(15)).advance_by(seconds(20)))
        .count("hops")
        .to_stream()
        .to(&topics.output);
    builder.build()
}

/// A table grouped by what its rows say: old values are taken away where new ones are added.
fn table(topics: &Topics) -> Result<Topology> {
    let builder = StreamsBuilder::new();
    builder
        .table_with::<String, i64>(topics.input("prices"), "prices")
        .filter(|_, price| *price >= 0)
        .group_by_with(|article, price| (initial(article).to_owned(), price), Grouped::named("by-kind"))
        .reduce(|sum, price| sum + price, |sum, price| sum - price, "sums")
        .to_stream()
        .to(&topics.output);
    builder.build()
}

/// A stream that becomes a table, and another one that looks into it.
fn to_table(topics: &Topics) -> Result<Topology> {
    let builder = StreamsBuilder::new();
    let latest = topics.words(&builder).map(|word, said| (said, word + "!")).to_table_with("latest");
    let found = |other: String, found: Option<String>| format!("{other}/{}", found.as_deref().unwrap_or("null"));
    builder.stream::<String, String>(topics.input("other")).left_join(&latest, found).to(&topics.output);
    builder.build()
}

/// A table that every instance has in full.
fn global(topics: &Topics) -> Result<Topology> {
    let builder = StreamsBuilder::new();
    let names = builder.global_table::<String, String>(topics.input("names"), "names");
    let found = |said: String, name: Option<String>| format!("{said}/{}", name.as_deref().unwrap_or("null"));
    topics.words(&builder).left_join_global(&names, |_, said| Some(said.clone()), found).to(&topics.output);
    builder.build()
}

type Names = KeyValueStore<String, String>;

/// A store whose changelog is the topic that fills it, and a stream that looks into it.
fn read_only(topics: &Topics) -> Result<Topology> {
    let builder = TopologyBuilder::new();
    let names = Stores::persistent_key_value_store("names");
    let names = Stores::key_value_store_builder(names, Format::string(), Format::string());
    builder.add_read_only_state_store(names, "names-source", topics.input("names"), "names-fill", || {
        |context: &ProcessorContext<Nothing, Nothing>, record: Record<String, Option<String>>| {
            context.state_store::<Names>("names")?.put(&record.key, record.value)
        }
    });
    let words = builder.add_source::<String, String>("words", topics.input("words"));
    let look = builder.add_processor("look", &[&words], &[], || {
        |context: &ProcessorContext<String, String>, record: Record<String, String>| {
            let name = context.state_store::<Names>("names")?.get(&record.key)?;
            let found = format!("{}/{}", record.value, name.as_deref().unwrap_or("null"));
            context.forward(record.with_value(found))
        }
    });
    builder.connect_processor_and_state_stores(&look, &["names"]);
    builder.add_sink("sink", &[&look], topics.output.clone());
    builder.build()
}
