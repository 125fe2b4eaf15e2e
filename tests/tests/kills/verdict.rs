//! Record by record: what came out, what the stores hold and what the changelogs say, compared with the input counted anew.

use crate::fleet::{Changelog, Fleet};
use crate::workload::{Counts, Input, Records, Workload};
use kstreams::runtime::LocalState;
use kstreams::store::{OfflineRow, OfflineStore};
use std::collections::BTreeMap;
use system_tests::desk::{Stored, bytes, text};

/// How exact counts must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exactness {
    /// Each count comes out once, one after another.
    EveryUpdate,
    /// Counts grow, and the last one is right.
    Latest,
    /// The last count is not too small.
    AtLeast,
}

/// Compares all counts with the input.
///
/// # Panics
/// If one is wrong.
pub fn check_counts(workload: &dyn Workload, application: &str, records: &Records, exactness: Exactness) {
    let inputs = workload.counted_inputs(records);
    for counted in workload.counted() {
        let topic =
            if counted.is_changelog { format!("{application}-{}", counted.topic) } else { counted.topic.into() };
        let expected = count(&inputs, counted.of_input);
        let mut seen: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for record in &records[&topic] {
            let (what, count) = (counted.read)(record);
            seen.entry(what).or_default().push(count);
        }
        for (what, times) in &expected {
            let seen = seen.remove(what).unwrap_or_default();
            if let Some(wrong) = wrong(&seen, *times, exactness) {
                panic!("{topic}: {what} came {times} times, but {wrong}");
            }
        }
        assert!(seen.is_empty(), "{topic}: these never came: {seen:?}");
    }
    workload.check(records, exactness != Exactness::AtLeast);
}

fn count(inputs: &[Input], of: fn(&Input) -> String) -> Counts {
    let mut counts = Counts::new();
    inputs.iter().for_each(|input| *counts.entry(of(input)).or_insert(0) += 1);
    counts
}

/// What is wrong with these counts of something that came so many times.
fn wrong(seen: &[i64], times: i64, exactness: Exactness) -> Option<String> {
    let last = seen.last().copied().unwrap_or(0);
    let unequal = seen.iter().zip(1..).find(|(count, place)| **count != *place);
    let falling = seen.windows(2).find(|pair| pair[0] >= pair[1]);
    match (exactness, unequal, falling) {
        (Exactness::EveryUpdate, Some((count, place)), _) => Some(format!("update {place} is {count}")),
        (Exactness::Latest, _, Some(pair)) => Some(format!("{} follows {}", pair[1], pair[0])),
        (Exactness::AtLeast, ..) => (last < times).then(|| format!("the last count is {last}")),
        _ => (last != times).then(|| format!("the last count is {last}")),
    }
}

/// A row as stores and changelogs have it in common: window, value and time.
type Row = (Option<i64>, String, i64);

/// Compares every store on every disk with its changelog up to where the store ends. Each changelog has one store that
/// ends with it.
///
/// # Panics
/// If one differs.
pub fn check_stores(fleet: &Fleet, application: &str, records: &Records) -> usize {
    let mut whole: BTreeMap<Changelog, bool> = BTreeMap::new();
    for (topic, records) in records.iter().filter(|(topic, _)| topic.ends_with("-changelog")) {
        whole.extend(records.iter().map(|record| ((topic.clone(), record.partition), false)));
    }
    let mut compared = 0;
    for slot in fleet.slots() {
        let state = LocalState::take(&fleet.state_dir(slot), application).expect("nobody has it");
        let Some(stores) = state.as_ref().and_then(|state| state.stores().expect("the engine opens")) else { continue };
        for store in stores.list().expect("stores can be listed") {
            let (Some(topic), Some(position)) = (store.changelog.clone(), store.position) else { continue };
            let (_, partition) = store.task.split_once('_').expect("stores belong to tasks");
            let partition: i32 = partition.parse().expect("tasks are numbered by partition");
            let changelog = records.get(&topic).unwrap_or_else(|| panic!("there is no {topic}"));
            let changelog: Vec<&Stored> = changelog.iter().filter(|record| record.partition == partition).collect();
            let rows = stores.rows(&store).expect("rows can be read").map(|row| row.expect("a row can be read"));
            let (rows, replayed) = (rows_of(rows), replayed(&changelog, position, &store));
            assert_eq!(rows, replayed, "instance {slot}, {store:?}");
            compared += rows.len();
            if changelog.last().is_some_and(|last| last.offset < position) {
                whole.insert((topic, partition), true);
            }
        }
    }
    let behind: Vec<&Changelog> = whole.iter().filter(|(_, is_whole)| !**is_whole).map(|(name, _)| name).collect();
    assert!(behind.is_empty(), "no store has all of {behind:?}");
    compared
}

fn rows_of(rows: impl Iterator<Item = OfflineRow>) -> BTreeMap<(String, Option<i64>), Row> {
    let entry = |row: OfflineRow| {
        let key = (text(&row.key), row.window_start_ms);
        (key, (row.window_start_ms, text(&row.value), row.timestamp.unwrap_or_default()))
    };
    rows.map(entry).collect()
}

/// The rows that a changelog stands for before this position.
fn replayed(changelog: &[&Stored], position: i64, store: &OfflineStore) -> BTreeMap<(String, Option<i64>), Row> {
    let is_windowed = store.kind.as_deref().is_some_and(|kind| kind.contains("window"));
    let has_times = store.kind.as_deref().is_some_and(|kind| kind.contains("timestamped"));
    let mut rows = BTreeMap::new();
    for record in changelog.iter().take_while(|record| record.offset < position) {
        let key = bytes(record.key.as_deref().expect("keys are not null"));
        let (key, window) = if is_windowed { windowed(&key) } else { (key, None) };
        let timestamp = if has_times { record.timestamp } else { 0 };
        match &record.value {
            Some(value) => drop(rows.insert((text(&key), window), (window, value.clone(), timestamp))),
            None => drop(rows.remove(&(text(&key), window))),
        }
    }
    rows
}

/// A windowed key as Java writes it: the key, the window's beginning, a sequence number.
fn windowed(key: &[u8]) -> (Vec<u8>, Option<i64>) {
    let (key, rest) = key.split_at(key.len() - 12);
    let begin_ms = rest[..8].try_into().expect("a window's beginning has eight bytes");
    (key.to_vec(), Some(i64::from_be_bytes(begin_ms)))
}
