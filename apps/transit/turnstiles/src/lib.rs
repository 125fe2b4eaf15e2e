//! The turnstiles topology: riders per station, in all and per simulated hour.
//!
//! ```text
//!                                                     .-> count            -> TURNSTILE_SUMMARY
//! org.chicago.cta.turnstiles -> by station (repartition)
//!                                                     '-> count per hour   -> org.chicago.cta.turnstiles.hourly.v1
//! ```
//!
//! Time is the riders' simulated time, or the message's own where they have none. Results are written at each commit,
//! the last one of a station standing for all since the commit before.

use kstreams::dsl::{Consumed, StreamsBuilder};
use kstreams::error::Result;
use kstreams::log::{NewTopic, TopicConfig};
use kstreams::operator::TimestampExtractor;
use kstreams::record::{Message, Windowed};
use kstreams::topology::Topology;
use kstreams::window::TimeWindows;
use std::time::Duration;
use transit_model::names::{TURNSTILE_SUMMARY, TURNSTILES, TURNSTILES_HOURLY};
use transit_model::records::{HourlyCount, TurnstileKey, TurnstileSummary, TurnstileValue};

/// The application's id, and so the beginning of its internal topics' names.
pub const APPLICATION_ID: &str = "transit-turnstiles";
/// The store with the riders of each station.
pub const SUMMARY_STORE: &str = "turnstile-summary";
/// The store with the riders of each station and hour.
pub const HOURLY_STORE: &str = "turnstile-hourly";

/// A window of the hourly count.
const HOUR: Duration = Duration::from_secs(3_600);
/// So much simulated time a rider may be late and still count in their hour.
const GRACE: Duration = Duration::from_secs(600);

/// The topology.
///
/// # Errors
/// `Topology`: none of the steps below is wrong, so there is none.
pub fn topology() -> Result<Topology> {
    let builder = StreamsBuilder::new();
    let riders = Consumed::from(TURNSTILES).with_timestamp_extractor(TimestampExtractor::custom(simulated_time));
    let by_station = builder
        .stream::<TurnstileKey, TurnstileValue>(riders)
        .map_values(|rider| rider.station_id)
        .group_by(|_, station_id| *station_id)
        .named("by-station");
    by_station
        .clone()
        .count(SUMMARY_STORE)
        .to_stream()
        .map_values_with_key(|&station_id, count| count.map(|count| TurnstileSummary { station_id, count }))
        .to(TURNSTILE_SUMMARY);
    by_station
        .windowed_by(TimeWindows::of(HOUR).grace(GRACE))
        .count(HOURLY_STORE)
        .to_stream()
        .map(|station_in_hour, count| (station_in_hour.key, count.map(|count| hourly(&station_in_hour, count))))
        .to(TURNSTILES_HOURLY);
    builder.build()
}

/// The topics it reads and writes.
pub fn topics(partitions: i32) -> Vec<NewTopic> {
    let table = |topic| NewTopic::new(topic, partitions).with_config(TopicConfig::compacted());
    let riders = NewTopic::new(TURNSTILES, partitions).with_config(transit_part::log::delete_old());
    vec![riders, table(TURNSTILE_SUMMARY), table(TURNSTILES_HOURLY)]
}

fn simulated_time(_: &TurnstileKey, rider: &TurnstileValue, message: &Message<'_>, _: i64) -> Result<i64> {
    Ok(rider.simulated_time.unwrap_or(message.timestamp))
}

fn hourly(station_in_hour: &Windowed<i32>, count: i64) -> HourlyCount {
    HourlyCount {
        station_id: station_in_hour.key,
        window_start: station_in_hour.window.start_ms,
        window_end: station_in_hour.window.end_ms,
        count,
    }
}
