//! What can happen to the view: the inputs of [`View::apply`](super::View::apply).

use serde::{Deserialize, Serialize};
use transit_model::Line;
use transit_model::records::{Direction, TrainStatus, WeatherStatus};

/// A station's number, the same on every line it serves. Names are no key: nineteen of them occur twice.
pub type StationId = i32;

/// One thing that the view learns.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A station serves a line.
    Station(Station),
    /// A station no longer serves a line.
    StationGone {
        /// The line that it served.
        line: Line,
        /// Which station.
        station_id: StationId,
    },
    /// A train is somewhere.
    Arrival(Arrival),
    /// A train no longer exists.
    TrainGone {
        /// Which train.
        train_id: String,
    },
    /// The number of turnstile entries of a station since the beginning.
    Entries {
        /// Which station.
        station_id: StationId,
        /// Riders so far.
        count: u64,
    },
    /// The number of riders of a station in one window of simulated time.
    Riders {
        /// Which station.
        station_id: StationId,
        /// Start of the window, simulated milliseconds since the epoch, inclusive.
        start_ms: i64,
        /// End of the window, simulated milliseconds since the epoch, exclusive.
        end_ms: i64,
        /// Riders in the window so far.
        count: u64,
    },
    /// The weather now.
    Weather {
        /// Degrees Fahrenheit.
        temperature: f32,
        /// The sky.
        status: WeatherStatus,
        /// Where and when this was written.
        stamp: Stamp,
    },
}

/// A station on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Station {
    /// The line.
    pub line: Line,
    /// The station.
    pub station_id: StationId,
    /// Its name, as it is shown.
    pub name: String,
    /// Its place along the line; stations without one come last.
    pub order: Option<i32>,
}

/// A train arrives at a station, or stays there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The train, for example `BL003`.
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
    /// Where and when this was written.
    pub stamp: Stamp,
}

/// Where and when a record was written: what tells a later one from an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
    /// Simulated time, or the record's timestamp where the producer sent none; milliseconds since the epoch.
    pub time_ms: i64,
}

impl Stamp {
    /// Whether a record with this stamp is later than one with the other, or the same.
    ///
    /// Within a partition the log's order decides, whatever the clocks say. Across partitions, where a train's arrivals
    /// lie when every station has a topic of its own, there is no such order, and time decides.
    pub fn follows(&self, earlier: &Stamp) -> bool {
        if self.topic == earlier.topic && self.partition == earlier.partition {
            self.offset >= earlier.offset
        } else {
            self.time_ms >= earlier.time_ms
        }
    }
}
