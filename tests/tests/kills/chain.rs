//! Rides by station and line: two repartitions, a count and a join with a table.

use crate::workload::{Counted, Input, NewInput, Records, Workload, begin_ms, scattered};
use std::collections::BTreeMap;
use system_tests::desk::{Stored, bytes};

const LINES: &str = "lines";
const RIDES: &str = "rides";
const OUTPUT: &str = "out";

/// The names of lines: the first letters of stations.
const LETTERS: u64 = 10;
/// Stations in all.
const STATIONS: u64 = 60;
/// One message of so many gives a line another name.
const RENAMED_EVERY: u64 = 50;

pub struct Chain;

impl Workload for Chain {
    fn topology(&self) -> &'static str {
        "chain"
    }

    fn inputs(&self) -> &'static [&'static str] {
        &[LINES, RIDES]
    }

    fn outputs(&self) -> &'static [&'static str] {
        &[OUTPUT]
    }

    fn changelogs(&self) -> &'static [&'static str] {
        &["lines-changelog", "rides-changelog"]
    }

    fn first(&self) -> Vec<NewInput> {
        (0..LETTERS).map(|letter| renamed(letter, 0)).collect()
    }

    fn message(&self, number: u64, _: u64) -> NewInput {
        if number.is_multiple_of(RENAMED_EVERY) {
            return renamed(scattered(number, LETTERS), number + 1);
        }
        let station = scattered(number, STATIONS);
        let name = format!("{}{station}", letter(station % LETTERS));
        let key = format!("ride {number}").into_bytes();
        NewInput { topic: RIDES, key, value: name.into_bytes(), timestamp: begin_ms() + number as i64 }
    }

    fn counted_inputs(&self, records: &Records) -> Vec<Input> {
        let input = |ride: &Stored| Input { counts_for: word(&ride.value), timestamp: ride.timestamp };
        records[RIDES].iter().map(input).collect()
    }

    fn counted(&self) -> Vec<Counted> {
        let of_input = |input: &Input| input.counts_for.clone();
        vec![
            Counted { topic: OUTPUT, is_changelog: false, read: counted_output, of_input },
            Counted { topic: "rides-changelog", is_changelog: true, read: counted_row, of_input },
        ]
    }

    /// Every ride was joined with a name that its line had, and never with an older one than the ride before.
    fn check(&self, records: &Records, in_order: bool) {
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in &records[LINES] {
            names.entry(word(&line.key)).or_default().push(word(&line.value));
        }
        let mut latest: BTreeMap<String, usize> = BTreeMap::new();
        for joined in &records[OUTPUT] {
            let (line, value) = (word(&joined.key), word(&joined.value));
            let (name, _) = value.split_once(':').expect("a name and what was counted");
            let place = names[&line].iter().position(|known| known == name);
            let place = place.unwrap_or_else(|| panic!("line {line} was never called {name}: {joined:?}"));
            let before = latest.insert(line, place);
            assert!(!in_order || before.is_none_or(|before| before <= place), "an older name came back: {joined:?}");
        }
    }
}

fn letter(number: u64) -> char {
    char::from(b'a' + number as u8)
}

fn renamed(line: u64, time: u64) -> NewInput {
    let line = letter(line);
    let value = format!("{line}-{time}").into_bytes();
    NewInput { topic: LINES, key: line.to_string().into_bytes(), value, timestamp: begin_ms() + time as i64 }
}

fn word(text: &Option<String>) -> String {
    text.clone().expect("neither keys nor values are null")
}

fn counted_output(joined: &Stored) -> (String, i64) {
    let value = word(&joined.value);
    let counted = value.split_once(':').and_then(|(_, counted)| counted.split_once('='));
    let (station, rides) = counted.unwrap_or_else(|| panic!("no rides in {value}"));
    (station.to_owned(), rides.parse().expect("a number of rides"))
}

fn counted_row(row: &Stored) -> (String, i64) {
    (word(&row.key), number(&row.value))
}

/// A count as Java writes it.
pub fn number(value: &Option<String>) -> i64 {
    let value = value.as_deref().map(bytes).expect("counts are not null");
    i64::from_be_bytes(value.try_into().expect("a count has eight bytes"))
}
