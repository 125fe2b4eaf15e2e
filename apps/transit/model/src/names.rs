//! Names that a third party meets: topics, subjects, slugs. They are a contract.

use crate::network::{Line, Station};

/// What every topic of transit begins with, the turnstile summary excepted.
pub const PREFIX: &str = "org.chicago.cta.";
/// Arrivals of all lines, where producers run with `--arrivals-by all`; otherwise the first part of the name.
pub const ARRIVALS: &str = "org.chicago.cta.station.arrivals";
/// The pattern by which arrivals are subscribed, however producers divide them.
pub const ARRIVALS_PATTERN: &str = r"^org\.chicago\.cta\.station\.arrivals(\..+)?$";
/// One event per rider, Avro.
pub const TURNSTILES: &str = "org.chicago.cta.turnstiles";
/// Weather reports, Avro, produced through the gateway.
pub const WEATHER: &str = "org.chicago.cta.weather.v1";
/// Rows of the database table `stations`, JSON.
pub const STATIONS: &str = "org.chicago.cta.stations";
/// Stations by id and line, JSON: the stations topology's result.
pub const STATIONS_TABLE: &str = "org.chicago.cta.stations.table.v1";
/// Riders per station since the beginning, JSON: the turnstiles topology's result.
pub const TURNSTILE_SUMMARY: &str = "TURNSTILE_SUMMARY";
/// Riders per station in the latest simulated hour, JSON: the turnstiles topology's second result.
pub const TURNSTILES_HOURLY: &str = "org.chicago.cta.turnstiles.hourly.v1";
/// Records that a topology could not use, as they came; the headers say where they are from and why.
pub const DEAD_LETTERS: &str = "org.chicago.cta.dead-letters";
/// Where the producers keep the state they resume from, JSON by part.
pub const SIMULATION_STATE: &str = "org.chicago.cta.simulation.state";
/// Where the stations source keeps the largest `stop_id` it has published.
pub const SOURCE_OFFSETS: &str = "org.chicago.cta.stations.offsets";

/// How arrivals are divided into topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ArrivalsBy {
    /// One topic a line.
    #[default]
    Line,
    /// One topic for everything.
    All,
    /// One topic a station name; stations of one name share it.
    Station,
}

impl ArrivalsBy {
    /// The topic of an arrival at `station` of `line`.
    ///
    /// ```
    /// use transit_model::{Line, Network, names::ArrivalsBy};
    ///
    /// let ohare = &Network::chicago().line(Line::Blue)[0];
    /// assert_eq!(ArrivalsBy::Line.topic(Line::Blue, ohare), "org.chicago.cta.station.arrivals.blue");
    /// assert_eq!(ArrivalsBy::Station.topic(Line::Blue, ohare), "org.chicago.cta.station.arrivals.ohare");
    /// ```
    pub fn topic(self, line: Line, station: &Station) -> String {
        match self {
            ArrivalsBy::Line => format!("{ARRIVALS}.{line}"),
            ArrivalsBy::All => ARRIVALS.into(),
            ArrivalsBy::Station => format!("{ARRIVALS}.{}", slug(&station.name)),
        }
    }
}

/// A station's name as part of a topic's name: lower case, `/` as `_and_`, blanks and `-` as `_`, no apostrophes.
///
/// ```
/// use transit_model::names::slug;
///
/// assert_eq!(slug("Western/O'Hare Branch"), "western_and_ohare_branch");
/// ```
pub fn slug(station_name: &str) -> String {
    station_name.to_lowercase().replace('/', "_and_").replace([' ', '-'], "_").replace('\'', "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Network;

    #[test]
    fn slugs_are_fit_for_topic_names() {
        assert_eq!(slug("UIC-Halsted"), "uic_halsted");
        assert_eq!(slug("95th/Dan Ryan"), "95th_and_dan_ryan");
        for line in Line::ALL {
            for station in Network::chicago().line(line) {
                let slug = slug(&station.name);
                let is_fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
                assert!(slug.chars().all(is_fit), "{slug}");
            }
        }
    }
}
