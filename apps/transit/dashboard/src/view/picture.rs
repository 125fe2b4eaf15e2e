//! A picture of everything the page shows, and the difference between two of them.
//!
//! Their JSON is what `/events` sends: a picture as event `snapshot`, a difference as event `delta`. A difference holds
//! values, not increments, so applying one twice changes nothing.

use super::{Source, StationId};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use transit_model::Line;
use transit_model::records::{Direction, TrainStatus, WeatherStatus};

/// Everything the page shows at one moment. Every list is in a fixed order and without repetition.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Picture {
    /// The table's rows: blue, green, red, each along its line.
    pub rows: Vec<Row>,
    /// The trains, by id.
    pub trains: Vec<Train>,
    /// The riders, by station.
    pub counts: Vec<Counts>,
    /// The weather, once known.
    pub weather: Option<Weather>,
    /// Simulated time, milliseconds since the epoch, once known.
    pub clock_ms: Option<i64>,
    /// What has not been heard of yet.
    pub waiting: Vec<Waiting>,
}

/// A station on a line: a row of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The line.
    pub line: Line,
    /// The station.
    pub station_id: StationId,
    /// Its name.
    pub station_name: String,
    /// Its place along the line.
    pub order: Option<i32>,
}

/// Names a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RowKey {
    /// The line.
    pub line: Line,
    /// The station.
    pub station_id: StationId,
}

/// A train and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Train {
    /// For example `BL003`.
    pub train_id: String,
    /// The line it runs on.
    pub line: Line,
    /// Where it is.
    pub station_id: StationId,
    /// Which way it will go on.
    pub direction: Direction,
    /// How it is doing.
    pub status: TrainStatus,
    /// Where it came from, if anywhere.
    pub prev_station_id: Option<StationId>,
}

/// How many riders a station saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// The station.
    pub station_id: StationId,
    /// Since the beginning; `None` while no count of any station is known.
    pub entries: Option<u64>,
    /// In the last simulated hour; `None` while no count of any station is known.
    pub riders_last_hour: Option<u64>,
}

/// The weather in whole degrees and words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Weather {
    /// Whole degrees Fahrenheit.
    pub temperature: i32,
    /// The sky.
    pub status: WeatherStatus,
    /// The same in words, for example `Partly cloudy`.
    pub description: String,
}

/// A source that the page waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// Which one.
    pub source: Source,
    /// What to tell the reader.
    pub message: &'static str,
}

/// What changed from one picture to the next. Empty parts are left out of the JSON.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Delta {
    /// Rows that are new or read otherwise than before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
    /// Rows that are gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone_rows: Vec<RowKey>,
    /// Trains that are new or elsewhere than before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trains: Vec<Train>,
    /// Trains that are gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone_trains: Vec<String>,
    /// Stations with other counts than before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<Counts>,
    /// The weather, if it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weather: Option<Weather>,
    /// Simulated time, if it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_ms: Option<i64>,
    /// Everything still missing, if that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Vec<Waiting>>,
}

impl Row {
    /// What names the row.
    pub fn key(&self) -> RowKey {
        RowKey { line: self.line, station_id: self.station_id }
    }
}

impl Delta {
    /// What leads from `old` to `new`.
    ///
    /// Counts, weather and clock become known and change, but never become unknown again, so that a difference needs no
    /// word for forgetting them.
    pub fn between(old: &Picture, new: &Picture) -> Delta {
        let (rows, gone_rows) = changes(&old.rows, &new.rows, Row::key);
        let (trains, gone_trains) = changes(&old.trains, &new.trains, |train| train.train_id.clone());
        let (counts, _) = changes(&old.counts, &new.counts, |counts| counts.station_id);
        Delta {
            rows,
            gone_rows,
            trains,
            gone_trains,
            counts,
            weather: new.weather.clone().filter(|_| old.weather != new.weather),
            clock_ms: new.clock_ms.filter(|_| old.clock_ms != new.clock_ms),
            waiting: (old.waiting != new.waiting).then(|| new.waiting.clone()),
        }
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        *self == Delta::default()
    }
}

/// The items of `new` that `old` has not or has otherwise, and the keys that only `old` has.
fn changes<T: PartialEq + Clone, K: Ord>(old: &[T], new: &[T], key: impl Fn(&T) -> K) -> (Vec<T>, Vec<K>) {
    let before: BTreeMap<K, &T> = old.iter().map(|item| (key(item), item)).collect();
    let now: BTreeSet<K> = new.iter().map(&key).collect();
    let changed = new.iter().filter(|item| before.get(&key(item)) != Some(item)).cloned().collect();
    let gone = before.into_keys().filter(|key| !now.contains(key)).collect();
    (changed, gone)
}
