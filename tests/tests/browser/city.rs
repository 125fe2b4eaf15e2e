//! The simulated city, fed into the page's hub step by step: what the topics would bring, without topics.

use std::collections::BTreeMap;
use transit_dashboard::Hub;
use transit_dashboard::view::{Arrival, Event, Stamp, Station, StationId};
use transit_model::simulation::{Incidents, SimulatedClock, StepMinutes, Trains, Turnstiles, Weather};
use transit_model::{Line, Network, calendar, names, simulation};

/// Midnight of a Wednesday.
const START_MS: i64 = 1_539_734_400_000;

/// A city whose time passes when it is told to.
pub struct City {
    hub: Hub,
    trains: Trains,
    incidents: Incidents,
    turnstiles: Turnstiles,
    weather: Weather,
    entries: BTreeMap<StationId, u64>,
    hour: BTreeMap<(StationId, i64), u64>,
    offset: i64,
}

impl City {
    /// A city at midnight, of which the hub knows nothing yet.
    pub fn new(hub: Hub, incidents: Incidents) -> Self {
        let clock = SimulatedClock::new(7, START_MS);
        City {
            hub,
            incidents,
            trains: Trains::new(clock.clone()),
            turnstiles: Turnstiles::new(clock.clone()),
            weather: Weather::new(clock),
            entries: BTreeMap::new(),
            hour: BTreeMap::new(),
            offset: 0,
        }
    }

    /// Tells the hub every station.
    pub fn tell_stations(&self) {
        for line in Line::ALL {
            for (station, order) in Network::chicago().line(line).iter().zip(0..) {
                self.tell_station(line, station.station_id, &station.name, order);
            }
        }
    }

    /// Tells the hub one station.
    pub fn tell_station(&self, line: Line, station_id: StationId, name: &str, order: i32) {
        self.hub.apply(Event::Station(Station { line, station_id, name: name.into(), order: Some(order) }));
    }

    /// Moves every train by one station.
    pub fn move_trains(&mut self) {
        for simulation::Arrival { value, .. } in self.trains.step(&self.incidents, StepMinutes::default()) {
            let topic = format!("{}.{}", names::ARRIVALS, value.line);
            let stamp = self.stamp(topic, value.simulated_time);
            self.hub.apply(Event::Arrival(Arrival {
                train_id: value.train_id,
                line: value.line,
                station_id: value.station_id,
                direction: value.direction,
                status: value.train_status,
                prev_station_id: value.prev_station_id,
                stamp,
            }));
        }
    }

    /// Lets riders in, for one step.
    pub fn count_riders(&mut self) {
        for rider in self.turnstiles.step(StepMinutes::default()) {
            let time_ms = rider.simulated_time.expect("simulated riders say when");
            *self.entries.entry(rider.station_id).or_default() += 1;
            *self.hour.entry((rider.station_id, time_ms - time_ms % calendar::HOUR_MS)).or_default() += 1;
        }
        for (&station_id, &count) in &self.entries {
            self.hub.apply(Event::Entries { station_id, count });
        }
        for (&(station_id, start_ms), &count) in &self.hour {
            let end_ms = start_ms + calendar::HOUR_MS;
            self.hub.apply(Event::Riders { station_id, start_ms, end_ms, count });
        }
        let latest = self.hour.keys().map(|&(_, start_ms)| start_ms).max();
        self.hour.retain(|&(_, start_ms), _| Some(start_ms) == latest);
    }

    /// Reports the weather of the next hour.
    pub fn report_weather(&mut self) {
        let report = self.weather.step();
        let stamp = self.stamp(names::WEATHER.into(), report.simulated_time);
        self.hub.apply(Event::Weather { temperature: report.temperature, status: report.status, stamp });
    }

    fn stamp(&mut self, topic: String, simulated_time: Option<i64>) -> Stamp {
        self.offset += 1;
        let time_ms = simulated_time.expect("the simulation says when");
        Stamp { topic, partition: 0, offset: self.offset, time_ms }
    }

    /// Everything at once: stations, weather, and trains and riders of one step.
    pub fn tell_everything(&mut self) {
        self.tell_stations();
        self.report_weather();
        self.move_trains();
        self.count_riders();
    }
}
