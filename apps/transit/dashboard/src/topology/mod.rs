//! From topics to the view: the dashboard as a stream-processing application with tables.
//!
//! ```text
//! org.chicago.cta.stations.table.v1      -> table of stations -.
//! TURNSTILE_SUMMARY                      -> table of entries  -+-> mirror -.
//! org.chicago.cta.turnstiles.hourly.v1   -> table of riders   -'           +-> hub
//! org.chicago.cta.station.arrivals(…)    -> latest of each train ----------|
//! org.chicago.cta.weather.v1             -> latest report -----------------'
//! ```
//!
//! What is shown is kept in stores. A task that starts, after a restart or a rollback, shows what its stores hold before
//! it reads on. Nothing is written but changelogs and dead letters. A dashboard needs an `application.id` for itself: two of the same id
//! would share the partitions between them, and each show its share only.

mod latest;
mod mirror;

use crate::Hub;
use crate::view::{Arrival, Event, Stamp, Station};
use kstreams::config::Config;
use kstreams::dsl::{Consumed, StreamsBuilder};
use kstreams::error::Result;
use kstreams::topology::Topology;
use latest::{Latest, add_latest};
use mirror::add_mirror;
use transit_model::names;
use transit_model::records::{ArrivalValue, HourlyCount, StationKey, StationRow, TurnstileSummary, WeatherValue};

/// The application's id unless another is chosen.
pub const APPLICATION_ID: &str = "transit-dashboard";

/// The topics it reads, those of arrivals excepted, which are subscribed by pattern.
pub const TOPICS: [&str; 4] =
    [names::STATIONS_TABLE, names::TURNSTILE_SUMMARY, names::TURNSTILES_HOURLY, names::WEATHER];

/// How soon a new topic of arrivals is noticed, in milliseconds.
const METADATA_MAX_AGE_MS: i64 = 1_000;

/// The configuration as the topology needs it: a new topic of arrivals is noticed soon.
pub fn adjusted(mut config: Config) -> Config {
    config.metadata_max_age_ms = METADATA_MAX_AGE_MS;
    config
}

/// The topology that feeds `hub`.
///
/// # Errors
/// `Topology`: none of the steps below is wrong, so there is none.
pub fn topology(hub: &Hub) -> Result<Topology> {
    let builder = StreamsBuilder::new();
    add_mirror(&builder, hub, names::STATIONS_TABLE, "stations", station);
    add_mirror(&builder, hub, names::TURNSTILE_SUMMARY, "entries", entries);
    add_mirror(&builder, hub, names::TURNSTILES_HOURLY, "riders", riders);
    let trains = Latest { store: "trains", key: train, time_ms: |arrival| arrival.simulated_time, event: arrival };
    add_latest(&builder, hub, Consumed::pattern(names::ARRIVALS_PATTERN), trains);
    let report = Latest {
        store: "weather",
        key: |_: &WeatherValue| "now",
        time_ms: |report| report.simulated_time,
        event: weather,
    };
    add_latest(&builder, hub, Consumed::from(names::WEATHER), report);
    builder.build()
}

fn station(key: &StationKey, row: Option<&StationRow>) -> Option<Event> {
    let &StationKey { line, station_id } = key;
    Some(match row {
        Some(row) => Event::Station(Station { line, station_id, name: row.station_name.clone(), order: row.order }),
        None => Event::StationGone { line, station_id },
    })
}

/// A summary is never deleted: what was counted stays.
fn entries(&station_id: &i32, summary: Option<&TurnstileSummary>) -> Option<Event> {
    Some(Event::Entries { station_id, count: summary?.count.unsigned_abs() })
}

fn riders(&station_id: &i32, hour: Option<&HourlyCount>) -> Option<Event> {
    let &HourlyCount { window_start, window_end, count, .. } = hour?;
    Some(Event::Riders { station_id, start_ms: window_start, end_ms: window_end, count: count.unsigned_abs() })
}

fn train(arrival: &ArrivalValue) -> &str {
    &arrival.train_id
}

fn arrival(arrival: &ArrivalValue, stamp: Stamp) -> Event {
    Event::Arrival(Arrival {
        train_id: arrival.train_id.clone(),
        line: arrival.line,
        station_id: arrival.station_id,
        direction: arrival.direction,
        status: arrival.train_status,
        prev_station_id: arrival.prev_station_id,
        stamp,
    })
}

fn weather(report: &WeatherValue, stamp: Stamp) -> Event {
    Event::Weather { temperature: report.temperature, status: report.status, stamp }
}
