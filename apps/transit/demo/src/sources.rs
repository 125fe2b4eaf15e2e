//! Everything that produces: the three producers and the stations source.

use crate::DemoSettings;
use crate::parts::{Part, Parts};
use kstreams::error::Result;
use std::net::SocketAddr;
use transit_part::{Connection, Stop};
use transit_producers::{Produced, Production, WeatherSettings, run_arrivals, run_turnstiles, run_weather};
use transit_stations_source::{SourceSettings, run_stations_source};

/// Running sources.
pub(crate) struct Sources {
    producers: [Part<Produced>; 3],
    stations: Part<u64>,
}

impl Sources {
    /// Starts them; weather goes to the gateway at that address.
    ///
    /// # Errors
    /// `Io` if the system gives no thread. What ends a source ends the parts.
    pub(crate) fn start(
        parts: &Parts,
        connection: &Connection,
        settings: &DemoSettings,
        stop: &Stop,
        gateway: SocketAddr,
    ) -> Result<Self> {
        let production = Production {
            log: connection.log.clone(),
            registry: connection.registry.clone(),
            simulation: settings.simulation.clone(),
            pace: settings.pace.clone(),
            topics: settings.topics(),
            stop: stop.clone(),
        };
        let [to_arrivals, to_turnstiles, to_weather] = [production.clone(), production.clone(), production];
        let arrivals = settings.arrivals.clone();
        let weather = WeatherSettings { gateway: format!("http://{gateway}") };
        let producers = [
            parts.spawn("arrivals", move || run_arrivals(&to_arrivals, &arrivals))?,
            parts.spawn("turnstiles", move || run_turnstiles(&to_turnstiles))?,
            parts.spawn("weather", move || run_weather(&to_weather, &weather))?,
        ];
        Ok(Sources { producers, stations: start_stations(parts, connection, settings, stop)? })
    }

    /// Whether all producers have ended. The stations source goes on until the stop.
    pub(crate) fn have_produced(&self) -> bool {
        self.producers.iter().all(Part::has_ended)
    }

    /// Waits for their ends: what each producer wrote, and the number of rows of the stations' database.
    pub(crate) fn join(self) -> (Vec<Produced>, u64) {
        let produced = self.producers.into_iter().filter_map(Part::join).collect();
        (produced, self.stations.join().unwrap_or_default())
    }
}

fn start_stations(parts: &Parts, connection: &Connection, settings: &DemoSettings, stop: &Stop) -> Result<Part<u64>> {
    let (log, stop) = (connection.log.clone(), stop.clone());
    let database = format!("sqlite:{}", settings.dir.join("stations.db").display());
    let source = SourceSettings { database, fill: true, poll_ms: settings.poll_ms };
    parts.spawn("stations source", move || run_stations_source(&*log, &source, &stop))
}
