//! Stops become stations on their lines, whatever order they come in.

use kstreams::record::Headers;
use kstreams::testing::{OutputMessage, TopologyTestDriver};
use std::collections::BTreeMap;
use transit_model::names::{DEAD_LETTERS, STATIONS, STATIONS_TABLE};
use transit_model::records::{StationKey, StationRow, StopRow};
use transit_model::{Line, Network};
use transit_part::StreamsSettings;
use transit_stations::{APPLICATION_ID, Skipped, topology};

/// The topology and the table that it has made so far.
struct Table {
    driver: TopologyTestDriver,
    skipped: Skipped,
    rows: BTreeMap<StationKey, StationRow>,
}

impl Table {
    fn new() -> Self {
        let skipped = Skipped::default();
        let config = StreamsSettings::default().config(APPLICATION_ID, "embedded:").unwrap();
        let driver = TopologyTestDriver::with_config(&topology(&skipped).unwrap(), config).unwrap();
        Table { driver, skipped, rows: BTreeMap::new() }
    }

    fn insert(&mut self, row: &StopRow) {
        self.pipe(Some(row.stop_id.to_string()), Some(row.clone()));
    }

    fn delete(&mut self, stop_id: i32) {
        self.pipe(Some(stop_id.to_string()), None);
    }

    fn pipe(&mut self, key: Option<String>, row: Option<StopRow>) {
        self.driver.input(STATIONS).pipe(key, row).unwrap();
        for (key, row) in
            self.driver.output(STATIONS_TABLE).read_key_values::<StationKey, Option<StationRow>>().unwrap()
        {
            match row {
                Some(row) => drop(self.rows.insert(key, row)),
                None => assert!(self.rows.remove(&key).is_some(), "a tombstone for {key:?}, which was not there"),
            }
        }
    }

    fn lines_of(&self, station_id: i32) -> Vec<Line> {
        self.rows.keys().filter(|key| key.station_id == station_id).map(|key| key.line).collect()
    }
}

fn stop(stop_id: i32, station_id: i32, line: Option<Line>) -> StopRow {
    StopRow {
        stop_id,
        direction_id: "N".into(),
        stop_name: format!("Platform {stop_id}"),
        station_name: format!("Station {station_id}"),
        station_descriptive_name: String::new(),
        station_id,
        order: Some(7),
        red: line == Some(Line::Red),
        blue: line == Some(Line::Blue),
        green: line == Some(Line::Green),
    }
}

fn assert_is_chicago(table: &Table) {
    let network = Network::chicago();
    assert_eq!(table.rows.len(), 94);
    for line in Line::ALL {
        for (station, order) in network.line(line).iter().zip(0..) {
            let row = &table.rows[&StationKey { station_id: station.station_id, line }];
            assert_eq!((row.station_name.as_str(), row.order, row.line), (station.name.as_str(), Some(order), line));
        }
    }
}

#[test]
fn table_of_chicago_has_its_94_stations_in_order() {
    let mut table = Table::new();
    Network::chicago().stop_rows().iter().for_each(|row| table.insert(row));
    assert_is_chicago(&table);
    assert_eq!(table.skipped.count(), 42);
}

#[test]
fn order_of_the_rows_does_not_matter() {
    let mut table = Table::new();
    Network::chicago().stop_rows().iter().rev().for_each(|row| table.insert(row));
    assert_is_chicago(&table);
}

#[test]
fn station_with_stops_on_two_lines_is_on_both() {
    let mut table = Table::new();
    let rows = Network::chicago().stop_rows();
    rows.iter().filter(|row| [40380, 41400].contains(&row.station_id)).for_each(|row| table.insert(row));
    assert_eq!(table.lines_of(40380), [Line::Blue, Line::Green]);
    assert_eq!(table.lines_of(41400), [Line::Green, Line::Red]);
}

#[test]
fn stop_without_a_colour_is_skipped_and_leaves_the_line_alone() {
    let mut table = Table::new();
    table.insert(&stop(1, 41320, Some(Line::Red)));
    table.insert(&stop(2, 41320, None));
    assert_eq!(table.lines_of(41320), [Line::Red]);
    assert_eq!(table.skipped.count(), 1);
}

#[test]
fn later_row_wins() {
    let mut table = Table::new();
    table.insert(&stop(1, 10, Some(Line::Red)));
    table.insert(&StopRow { station_name: "Renamed".into(), order: None, ..stop(1, 10, Some(Line::Red)) });
    let row = &table.rows[&StationKey { station_id: 10, line: Line::Red }];
    assert_eq!((row.station_name.as_str(), row.order), ("Renamed", None));
}

#[test]
fn station_leaves_its_line_with_its_last_stop() {
    let mut table = Table::new();
    table.insert(&stop(1, 10, Some(Line::Red)));
    table.insert(&stop(2, 10, Some(Line::Red)));
    table.delete(1);
    assert_eq!(table.lines_of(10), [Line::Red], "one platform is left");
    table.delete(2);
    assert_eq!(table.lines_of(10), []);
    table.delete(2);
}

#[test]
fn stop_that_changes_its_colour_moves_the_station() {
    let mut table = Table::new();
    table.insert(&stop(1, 10, Some(Line::Red)));
    table.insert(&stop(1, 10, Some(Line::Green)));
    assert_eq!(table.lines_of(10), [Line::Green]);
    table.insert(&stop(1, 10, None));
    assert_eq!(table.lines_of(10), []);
}

#[test]
fn row_without_a_key_is_known_by_its_stop_id() {
    let mut table = Table::new();
    table.pipe(None, Some(stop(1, 10, Some(Line::Blue))));
    table.delete(1);
    assert_eq!(table.lines_of(10), []);
}

#[test]
fn crash_forgets_no_stop() {
    let mut table = Table::new();
    table.insert(&stop(1, 10, Some(Line::Red)));
    table.driver.crash().unwrap();
    table.delete(1);
    assert_eq!(table.lines_of(10), []);
}

#[test]
fn row_that_cannot_be_read_is_a_dead_letter_and_the_next_one_is_processed() {
    let mut table = Table::new();
    table.insert(&stop(1, 10, Some(Line::Red)));
    let bad = OutputMessage::new(Some(b"2"), Some(b"{\"stop_id\": \"two\"}"), 0, Headers::default());
    table.driver.pipe_message(STATIONS, &bad).unwrap();
    let (topic, letter) = table.driver.take_outputs().remove(0);
    assert_eq!((topic.as_str(), &letter.key, &letter.value), (DEAD_LETTERS, &bad.key, &bad.value));
    let header = |name: &str| letter.headers.last(&format!("__streams.errors.{name}")).flatten();
    assert_eq!(["topic", "partition", "offset"].map(header), [STATIONS, "0", "1"].map(|text| Some(text.as_bytes())));
    assert!(String::from_utf8_lossy(header("message").unwrap()).contains("expected i32"), "the reason");
    assert_eq!(table.driver.dropped_records(), 1);
    table.insert(&stop(3, 11, Some(Line::Blue)));
    assert_eq!((table.lines_of(10), table.lines_of(11)), (vec![Line::Red], vec![Line::Blue]));
}

#[test]
fn deletion_that_names_no_stop_is_a_dead_letter() {
    let mut table = Table::new();
    table.driver.input(STATIONS).pipe(None::<String>, None::<StopRow>).unwrap();
    let (topic, letter) = table.driver.take_outputs().remove(0);
    let reason = letter.headers.last("__streams.errors.message").flatten().expect("a reason");
    assert_eq!(topic, DEAD_LETTERS);
    assert!(String::from_utf8_lossy(reason).contains("nobody knows which one it was"));
}
