//! The network: three lines, their stations in travel order, all platforms, and who rides when.
//!
//! Facts only, read once from `data/network.json`. Stations are known by id: many names occur twice.

use crate::calendar::DayType;
use crate::records::StopRow;
use crate::word::word;
use serde::Deserialize;
use std::sync::OnceLock;

word! {
    /// A line of the network, in the order of the page.
    pub enum Line {
        /// O'Hare to Forest Park.
        Blue = "blue",
        /// Harlem/Lake to Ashland/63rd.
        Green = "green",
        /// Howard to 95th/Dan Ryan.
        Red = "red",
    }
}

impl Line {
    /// What the ids of the line's trains begin with: `BL`, `GL`, `RL`.
    pub fn train_prefix(self) -> &'static str {
        match self {
            Line::Blue => "BL",
            Line::Green => "GL",
            Line::Red => "RL",
        }
    }
}

/// Average entries of a day, by day type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Entries([u32; 3]);

impl Entries {
    /// Entries on a day of that type.
    pub fn on(self, day: DayType) -> u32 {
        match day {
            DayType::Weekday => self.0[0],
            DayType::Saturday => self.0[1],
            DayType::SundayOrHoliday => self.0[2],
        }
    }
}

/// A platform of a station.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Stop {
    /// The platform's number.
    pub stop_id: i32,
    /// The compass direction of its trains: N, S, E or W.
    pub direction: String,
    /// The platform's name, with where its trains go.
    pub name: String,
}

/// A station on one line.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Station {
    /// The station's number, the same on every line it is on.
    pub station_id: i32,
    /// The station's name; not unique.
    pub name: String,
    /// The name with the lines that stop there.
    pub descriptive_name: String,
    /// Entries of the whole station, whatever line the riders take.
    pub entries: Entries,
    /// The line's platforms.
    pub stops: Vec<Stop>,
}

/// The turnstiles of one station, whatever lines it is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entrance {
    /// The station's number.
    pub station_id: i32,
    /// The station's name.
    pub name: &'static str,
    /// The lines that stop there; never empty.
    pub lines: Vec<Line>,
    /// Average entries of a day.
    pub entries: Entries,
}

#[derive(Deserialize)]
struct OtherStop {
    #[serde(flatten)]
    stop: Stop,
    station_id: i32,
    order: i32,
    station_name: String,
    descriptive_name: String,
}

#[derive(Deserialize)]
struct Lines {
    blue: Vec<Station>,
    green: Vec<Station>,
    red: Vec<Station>,
}

/// All there is to know about the network.
#[derive(Deserialize)]
pub struct Network {
    lines: Lines,
    other_stops: Vec<OtherStop>,
    hourly_share: [f64; 24],
}

impl Network {
    /// The network of Chicago.
    pub fn chicago() -> &'static Network {
        static CHICAGO: OnceLock<Network> = OnceLock::new();
        CHICAGO.get_or_init(|| {
            serde_json::from_str(include_str!("../data/network.json")).expect("the built-in network is valid")
        })
    }

    /// The line's stations in travel order.
    pub fn line(&self, line: Line) -> &[Station] {
        match line {
            Line::Blue => &self.lines.blue,
            Line::Green => &self.lines.green,
            Line::Red => &self.lines.red,
        }
    }

    /// The share of a day's entries that falls into an hour of the day; all shares sum to one.
    pub fn hourly_share(&self, hour: usize) -> f64 {
        self.hourly_share[hour] / self.hourly_share.iter().sum::<f64>()
    }

    /// Every station on the three lines once, by id.
    pub fn entrances(&'static self) -> Vec<Entrance> {
        let mut entrances: Vec<Entrance> = Vec::new();
        for line in Line::ALL {
            for station in self.line(line) {
                match entrances.iter_mut().find(|known| known.station_id == station.station_id) {
                    Some(known) => known.lines.push(line),
                    None => entrances.push(Entrance {
                        station_id: station.station_id,
                        name: &station.name,
                        lines: vec![line],
                        entries: station.entries,
                    }),
                }
            }
        }
        entrances.sort_by_key(|entrance| entrance.station_id);
        entrances
    }

    /// Every platform as a row of the database table `stations`, by `stop_id`.
    pub fn stop_rows(&self) -> Vec<StopRow> {
        let on_lines = Line::ALL.into_iter().flat_map(|line| {
            self.line(line).iter().zip(0..).flat_map(move |(station, order)| {
                station.stops.iter().map(move |stop| row_on_line(line, station, order, stop))
            })
        });
        let mut rows: Vec<StopRow> = on_lines.chain(self.other_stops.iter().map(row_off_lines)).collect();
        rows.sort_by_key(|row| row.stop_id);
        rows
    }
}

fn row_on_line(line: Line, station: &Station, order: i32, stop: &Stop) -> StopRow {
    StopRow {
        stop_id: stop.stop_id,
        direction_id: stop.direction.clone(),
        stop_name: stop.name.clone(),
        station_name: station.name.clone(),
        station_descriptive_name: station.descriptive_name.clone(),
        station_id: station.station_id,
        order: Some(order),
        red: line == Line::Red,
        blue: line == Line::Blue,
        green: line == Line::Green,
    }
}

fn row_off_lines(other: &OtherStop) -> StopRow {
    StopRow {
        stop_id: other.stop.stop_id,
        direction_id: other.stop.direction.clone(),
        stop_name: other.stop.name.clone(),
        station_name: other.station_name.clone(),
        station_descriptive_name: other.descriptive_name.clone(),
        station_id: other.station_id,
        order: Some(other.order),
        red: false,
        blue: false,
        green: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn lines_have_33_28_and_33_stations() {
        let network = Network::chicago();
        assert_eq!(Line::ALL.map(|line| network.line(line).len()), [33, 28, 33]);
        let entrances = network.entrances();
        assert_eq!(entrances.len(), 92);
        let on_two: Vec<i32> = entrances.iter().filter(|e| e.lines.len() == 2).map(|e| e.station_id).collect();
        assert_eq!(on_two, [40380, 41400]);
    }

    #[test]
    fn table_has_230_platforms_188_of_them_with_one_colour() {
        let rows = Network::chicago().stop_rows();
        let colours = |row: &StopRow| [row.red, row.blue, row.green].into_iter().filter(|&is| is).count();
        assert_eq!(rows.len(), 230);
        assert_eq!(rows.iter().filter(|row| colours(row) == 1).count(), 188);
        assert_eq!(rows.iter().filter(|row| colours(row) == 0).count(), 42);
        assert!(rows.is_sorted_by(|a, b| a.stop_id < b.stop_id), "each id once");
    }

    #[test]
    fn colours_give_each_line_its_stations() {
        let stations = |of: fn(&StopRow) -> bool| {
            let rows = Network::chicago().stop_rows();
            rows.iter().filter(|row| of(row)).map(|row| row.station_id).collect::<BTreeSet<_>>().len()
        };
        assert_eq!([stations(|row| row.blue), stations(|row| row.red), stations(|row| row.green)], [33, 33, 28]);
    }

    #[test]
    fn hourly_shares_sum_to_one() {
        let sum: f64 = (0..24).map(|hour| Network::chicago().hourly_share(hour)).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }
}
