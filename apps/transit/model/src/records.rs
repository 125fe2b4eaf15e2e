//! The record types on transit's topics, and their schemas.
//!
//! Arrivals, turnstiles and weather are Avro with the schemas of `schemas/transit/`; rows, tables and states
//! are JSON. Field names and their order are a contract.

use crate::network::Line;
use crate::word::word;
use serde::{Deserialize, Serialize};

word! {
    /// Which way a train goes along its line.
    pub enum Direction {
        /// Towards the first station.
        A = "a",
        /// Towards the last station.
        B = "b",
    }
}

word! {
    /// How a train is doing.
    pub enum TrainStatus {
        /// It runs.
        InService = "in_service",
        /// It runs late.
        Delayed = "delayed",
        /// It stands where it is for some steps.
        BrokenDown = "broken_down",
    }
}

word! {
    /// The sky.
    #[allow(missing_docs, reason = "the names say it")]
    pub enum WeatherStatus {
        Sunny = "sunny",
        PartlyCloudy = "partly_cloudy",
        Cloudy = "cloudy",
        Windy = "windy",
        Precipitation = "precipitation",
    }
}

/// Key of an arrival. The message's partition is chosen by `train_id` alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivalKey {
    /// When the event was written, in wall-clock milliseconds since the epoch.
    pub timestamp: i64,
    /// The train.
    pub train_id: String,
}

/// A train is at a station, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivalValue {
    /// The station.
    pub station_id: i32,
    /// The train.
    pub train_id: String,
    /// Where it will go from here.
    pub direction: Direction,
    /// The train's line.
    pub line: Line,
    /// How it is doing.
    pub train_status: TrainStatus,
    /// The station before; none on the train's first arrival.
    pub prev_station_id: Option<i32>,
    /// The direction in which it left the station before.
    pub prev_direction: Option<Direction>,
    /// When it arrives, in simulated milliseconds.
    pub simulated_time: Option<i64>,
}

/// Key of a turnstile event. The message's partition is chosen by `station_id` alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnstileKey {
    /// When the event was written, in wall-clock milliseconds since the epoch.
    pub timestamp: i64,
    /// The station.
    pub station_id: i32,
}

/// One rider entered a station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnstileValue {
    /// The station.
    pub station_id: i32,
    /// Its name.
    pub station_name: String,
    /// The line the rider takes.
    pub line: Line,
    /// When the rider enters, in simulated milliseconds.
    pub simulated_time: Option<i64>,
}

/// Key of a weather report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeatherKey {
    /// When the report was written, in wall-clock milliseconds since the epoch.
    pub timestamp: i64,
}

/// The weather over one simulated hour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeatherValue {
    /// Degrees Fahrenheit.
    pub temperature: f32,
    /// The sky.
    pub status: WeatherStatus,
    /// When the hour begins, in simulated milliseconds.
    pub simulated_time: Option<i64>,
}

/// A row of the database table `stations`: one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopRow {
    /// The platform's number: the table's primary and incrementing key.
    pub stop_id: i32,
    /// The compass direction of its trains.
    pub direction_id: String,
    /// The platform's name.
    pub stop_name: String,
    /// The station's name.
    pub station_name: String,
    /// The station's name with the lines that stop there.
    pub station_descriptive_name: String,
    /// The station's number.
    pub station_id: i32,
    /// The station's place on its line, from 0.
    pub order: Option<i32>,
    /// Whether the platform is the red line's.
    pub red: bool,
    /// Whether the platform is the blue line's.
    pub blue: bool,
    /// Whether the platform is the green line's.
    pub green: bool,
}

/// Key of the stations table: a station may be on two lines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StationKey {
    /// The station's number.
    pub station_id: i32,
    /// One of its lines.
    pub line: Line,
}

/// A station on one of its lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StationRow {
    /// The station's number.
    pub station_id: i32,
    /// The station's name.
    pub station_name: String,
    /// Its place on the line, from 0; none where the database has none.
    pub order: Option<i32>,
    /// The line.
    pub line: Line,
}

/// Riders of one station since the beginning. The key is the station's id as Kafka writes an int.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnstileSummary {
    /// The station's number.
    #[serde(rename = "STATION_ID")]
    pub station_id: i32,
    /// Riders.
    #[serde(rename = "COUNT")]
    pub count: i64,
}

/// Riders of one station in its latest simulated hour. The key is the station's id as Kafka writes an int.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourlyCount {
    /// The station's number.
    pub station_id: i32,
    /// When the hour begins, in simulated milliseconds.
    pub window_start: i64,
    /// When it ends, exclusive.
    pub window_end: i64,
    /// Riders in that hour so far.
    pub count: i64,
}

/// The Avro schemas, as in `schemas/transit/`.
pub mod schemas {
    macro_rules! schema {
        ($($(#[$doc:meta])* $name:ident = $file:literal;)+) => {
            $($(#[$doc])* pub const $name: &str = include_str!(concat!("../../../../schemas/transit/", $file, ".avsc"));)+
        };
    }

    schema! {
        /// Keys of arrivals, whatever their topic.
        ARRIVAL_KEY = "org.chicago.cta.station.arrivals-key";
        /// Values of arrivals, whatever their topic.
        ARRIVAL_VALUE = "org.chicago.cta.station.arrivals-value";
        /// Keys of turnstile events.
        TURNSTILE_KEY = "org.chicago.cta.turnstiles-key";
        /// Values of turnstile events.
        TURNSTILE_VALUE = "org.chicago.cta.turnstiles-value";
        /// Keys of weather reports.
        WEATHER_KEY = "org.chicago.cta.weather.v1-key";
        /// Values of weather reports.
        WEATHER_VALUE = "org.chicago.cta.weather.v1-value";
    }
}

kstreams::json!(StopRow, StationKey, StationRow, TurnstileSummary, HourlyCount);
kstreams::avro!(ArrivalKey, schemas::ARRIVAL_KEY);
kstreams::avro!(ArrivalValue, schemas::ARRIVAL_VALUE);
kstreams::avro!(TurnstileKey, schemas::TURNSTILE_KEY);
kstreams::avro!(TurnstileValue, schemas::TURNSTILE_VALUE);
kstreams::avro!(WeatherKey, schemas::WEATHER_KEY);
kstreams::avro!(WeatherValue, schemas::WEATHER_VALUE);
