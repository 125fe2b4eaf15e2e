//! The stations topology: from platforms to stations on their lines.
//!
//! ```text
//! org.chicago.cta.stations -> the stops known so far -> org.chicago.cta.stations.table.v1
//!   stop id: one platform                                 station id and line: the station
//! ```
//!
//! A stop with a colour puts its station on that line, the later stop wins. A stop without one says nothing about
//! any line and is skipped. A station leaves a line with the last of its stops there: by a null value, or by a row
//! that has changed its colour.

mod stops;

pub use stops::Skipped;

use kstreams::dsl::StreamsBuilder;
use kstreams::error::Result;
use kstreams::log::{NewTopic, TopicConfig};
use kstreams::serde::Wire;
use kstreams::store::Stores;
use kstreams::topology::Topology;
use stops::{STOPS, Stops};
use transit_model::names::{STATIONS, STATIONS_TABLE};
use transit_model::records::StopRow;

/// The application's id, and so the beginning of its internal topics' names.
pub const APPLICATION_ID: &str = "transit-stations";

/// The topology. Stops without a colour are counted in `skipped`.
///
/// # Errors
/// `Topology`: none of the steps below is wrong, so there is none.
pub fn topology(skipped: &Skipped) -> Result<Topology> {
    let builder = StreamsBuilder::new();
    let stops = Stores::persistent_key_value_store(STOPS);
    builder.add_state_store(Stores::key_value_store_builder(stops, String::format(), StopRow::format()));
    let skipped = skipped.clone();
    builder
        .stream::<Option<String>, Option<StopRow>>(STATIONS)
        .process(move || Stops::new(skipped.clone()), &[STOPS])
        .named("stops-to-stations")
        .to(STATIONS_TABLE);
    builder.build()
}

/// The topics it reads and writes, one partition each: the stops of a station must meet.
pub fn topics() -> Vec<NewTopic> {
    let table = |topic| NewTopic::new(topic, 1).with_config(TopicConfig::compacted());
    vec![table(STATIONS), table(STATIONS_TABLE)]
}
