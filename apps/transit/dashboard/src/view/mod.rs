//! What the page shows, kept in memory.
//!
//! [`View::apply`] takes one [`Event`]; [`View::picture`] is everything to be shown; [`Delta::between`] two pictures is
//! what a page that has the first one needs to show the second. The same events give the same picture in whatever order
//! different keys arrive. Nothing here does I/O, reads a clock or knows where events come from.

mod event;
mod picture;
mod riders;
mod source;
#[cfg(test)]
mod tests;

pub use event::{Arrival, Event, Stamp, Station, StationId};
pub use picture::{Counts, Delta, Picture, Row, RowKey, Train, Waiting, Weather};
pub use source::Source;

use riders::Windows;
use source::Heard;
use std::collections::{BTreeMap, BTreeSet};
use transit_model::Line;
use transit_model::records::WeatherStatus;

/// As many stations and as many trains as are shown; the network has 94 and 30. What exceeds it is counted, not kept.
const ITEMS_MAX: usize = 2_000;

/// The state behind the page.
#[derive(Debug, Default)]
pub struct View {
    stations: BTreeMap<(Line, StationId), (String, Option<i32>)>,
    trains: BTreeMap<String, Arrival>,
    entries: BTreeMap<StationId, u64>,
    riders: BTreeMap<StationId, Windows>,
    weather: Option<(Weather, Stamp)>,
    heard: Heard,
    ignored: u64,
}

impl View {
    /// A view that waits for everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in one event. An arrival or a weather report that is older than what is known changes nothing.
    pub fn apply(&mut self, event: Event) {
        if matches!(event, Event::Weather { temperature, .. } if !temperature.is_finite()) {
            self.ignored += 1;
            return;
        }
        self.heard.note(&event);
        match event {
            Event::Station(Station { line, station_id, name, order }) => {
                put(&mut self.stations, (line, station_id), (name, order), &mut self.ignored)
            }
            Event::StationGone { line, station_id } => drop(self.stations.remove(&(line, station_id))),
            Event::Arrival(arrival) => self.arrive(arrival),
            Event::TrainGone { train_id } => drop(self.trains.remove(&train_id)),
            Event::Entries { station_id, count } => put(&mut self.entries, station_id, count, &mut self.ignored),
            Event::Riders { station_id, start_ms, end_ms, count } => {
                self.count_riders(station_id, start_ms, end_ms, count)
            }
            Event::Weather { temperature, status, stamp } => self.report(Weather::new(temperature, status), stamp),
        }
    }

    /// Events that were left out: too many stations or trains, a temperature that is no number.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// Everything to be shown now.
    pub fn picture(&self) -> Picture {
        Picture {
            rows: self.rows(),
            trains: self.trains.values().map(Train::from).collect(),
            counts: self.counts(),
            weather: self.weather.as_ref().map(|(weather, _)| weather.clone()),
            clock_ms: self.clock_ms(),
            waiting: self.heard.waiting(),
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        let later = self.trains.get(&arrival.train_id).is_none_or(|known| arrival.stamp.follows(&known.stamp));
        if later {
            put(&mut self.trains, arrival.train_id.clone(), arrival, &mut self.ignored);
        }
    }

    fn report(&mut self, weather: Weather, stamp: Stamp) {
        if self.weather.as_ref().is_none_or(|(_, known)| stamp.follows(known)) {
            self.weather = Some((weather, stamp));
        }
    }

    fn count_riders(&mut self, station_id: StationId, start_ms: i64, end_ms: i64, count: u64) {
        if self.riders.len() >= ITEMS_MAX && !self.riders.contains_key(&station_id) {
            self.ignored += 1;
            return;
        }
        self.riders.entry(station_id).or_default().set(start_ms, end_ms, count);
    }

    /// Simulated time is what the latest trains say. A simulation that starts over takes the clock back with it.
    fn clock_ms(&self) -> Option<i64> {
        self.trains.values().map(|arrival| arrival.stamp.time_ms).max()
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = self
            .stations
            .iter()
            .map(|(&(line, station_id), (name, order))| Row {
                line,
                station_id,
                station_name: name.clone(),
                order: *order,
            })
            .collect();
        rows.sort_by_key(|row| (row.line, row.order.is_none(), row.order, row.station_id));
        rows
    }

    /// Counts of the stations shown. A station that nobody entered has zero once counts of others are known.
    fn counts(&self) -> Vec<Counts> {
        let clock_ms = self.clock_ms();
        let shown: BTreeSet<StationId> = self.stations.keys().map(|&(_, station_id)| station_id).collect();
        let entries = |id| self.entries.get(id).copied().unwrap_or(0);
        let riders = |id| self.riders.get(id).map_or(0, |windows| windows.at(clock_ms));
        shown
            .iter()
            .map(|id| Counts {
                station_id: *id,
                entries: self.heard.of(Source::Entries).then(|| entries(id)),
                riders_last_hour: self.heard.of(Source::Riders).then(|| riders(id)),
            })
            .collect()
    }
}

impl From<&Arrival> for Train {
    fn from(arrival: &Arrival) -> Self {
        Train {
            train_id: arrival.train_id.clone(),
            line: arrival.line,
            station_id: arrival.station_id,
            direction: arrival.direction,
            status: arrival.status,
            prev_station_id: arrival.prev_station_id,
        }
    }
}

impl Weather {
    fn new(temperature: f32, status: WeatherStatus) -> Self {
        let mut description = status.as_str().replace('_', " ");
        description[..1].make_ascii_uppercase();
        Weather { temperature: temperature.round() as i32, status, description }
    }
}

/// Inserts unless there are too many keys already.
fn put<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: V, ignored: &mut u64) {
    if map.len() >= ITEMS_MAX && !map.contains_key(&key) {
        *ignored += 1;
    } else {
        map.insert(key, value);
    }
}
