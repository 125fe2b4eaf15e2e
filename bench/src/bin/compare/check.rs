//! Whether what a run has left behind is right: computed again from the data's rules, and compared.

use crate::topics::{self, PATIENCE};
use crate::{Options, Result};
use kstreams::log::client::Consumer;
use kstreams::log::{ConsumerConfig, Isolation, Log, Start};
use kstreams::record::Message;
use side_by_side::arguments::Workload;
use side_by_side::data;
use side_by_side::ends::ends;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// A key and, where there are windows, the start of one.
type Row = (u64, i64);

/// What `out` holds.
#[derive(Default)]
struct Seen {
    messages: u64,
    fingerprint: u64,
    last: BTreeMap<Row, i64>,
    garbled: u64,
}

/// Checks a run, and returns the number of its results.
pub(crate) fn check(log: &dyn Log, options: &Options, group: &str, workload: Workload) -> Result<u64> {
    let uncommitted = topics::uncommitted(log, group, workload)?;
    if !uncommitted.is_empty() {
        return Err(uncommitted.join("; ").into());
    }
    let seen = read(log, workload)?;
    if seen.garbled > 0 {
        return Err(format!("{} results cannot be read", seen.garbled).into());
    }
    match workload {
        Workload::Map => compare_all(
            &seen,
            (0..options.records).map(|record| {
                data::mapped(record, options.value_bytes).map(|value| (data::event_key(record, options.keys), value))
            }),
        ),
        Workload::Join => compare_all(
            &seen,
            (0..options.records).map(|record| {
                let key = data::event_key(record, options.keys);
                Some((key, data::joined(&data::event(record, options.value_bytes), &data::profile(key))))
            }),
        ),
        Workload::Restore | Workload::RestoreFill => Ok(()),
        _ => compare_counts(&seen, options, workload),
    }?;
    Ok(seen.messages)
}

/// Every record of `out`.
fn read(log: &dyn Log, workload: Workload) -> Result<Seen> {
    let ends = ends(log, &["out"], PATIENCE)?;
    let config = ConsumerConfig { isolation: Isolation::ReadCommitted, ..ConsumerConfig::default() };
    let starts: Vec<_> = ends.keys().map(|partition| (partition.clone(), Start::Beginning)).collect();
    let mut consumer = Consumer::of_partitions(log, &config, &starts, PATIENCE)?;
    let (mut seen, mut next) = (Seen::default(), BTreeMap::new());
    let left = |next: &BTreeMap<_, i64>| ends.iter().any(|(one, end)| next.get(one).copied().unwrap_or(0) < *end);
    while left(&next) {
        let read = consumer.poll(PATIENCE, &mut |partition, message| {
            seen.note(message, workload);
            next.insert(partition.clone(), message.offset + 1);
            ControlFlow::Continue(())
        })?;
        // Control records are behind the last result.
        next.extend(consumer.positions().iter().map(|(partition, read)| (partition.clone(), read.offset)));
        if read == 0 && left(&next) {
            return Err(format!("nothing came for {} s", PATIENCE.as_secs()).into());
        }
    }
    Ok(seen)
}

impl Seen {
    fn note(&mut self, message: &Message<'_>, workload: Workload) {
        self.messages += 1;
        let (key, value) = (message.key.unwrap_or_default(), message.value.unwrap_or_default());
        if matches!(workload, Workload::Map | Workload::Join) {
            self.fingerprint = self.fingerprint.wrapping_add(data::fingerprint(key, value));
            return;
        }
        match row(key, workload).zip(value.try_into().ok().map(i64::from_be_bytes)) {
            Some((row, count)) => drop(self.last.insert(row, count)),
            None => self.garbled += 1,
        }
    }
}

fn row(key: &[u8], workload: Workload) -> Option<Row> {
    let (key, start_ms) = match workload {
        Workload::Window => key.split_last_chunk().map(|(key, start)| (key, i64::from_be_bytes(*start)))?,
        _ => (key, 0),
    };
    Some((data::key_number(key)?, start_ms))
}

/// Each expected record is there once, in any order.
fn compare_all(seen: &Seen, expected: impl Iterator<Item = Option<(u64, String)>>) -> Result<()> {
    let (mut messages, mut fingerprint) = (0, 0_u64);
    for (key, value) in expected.flatten() {
        messages += 1;
        fingerprint = fingerprint.wrapping_add(data::fingerprint(data::key(key).as_bytes(), value.as_bytes()));
    }
    match seen.messages == messages {
        false => Err(format!("{} results instead of {messages}", seen.messages).into()),
        true if seen.fingerprint != fingerprint => Err("the results are other ones".into()),
        true => Ok(()),
    }
}

/// The last count of each key, and of each window, is the number of its records.
fn compare_counts(seen: &Seen, options: &Options, workload: Workload) -> Result<()> {
    let mut expected: BTreeMap<Row, i64> = BTreeMap::new();
    for record in 0..options.records {
        let start_ms = match workload {
            Workload::Window => data::event_time_ms(record) / 10_000 * 10_000,
            _ => 0,
        };
        *expected.entry((data::event_key(record, options.keys), start_ms)).or_default() += 1;
    }
    if seen.last == expected {
        return Ok(());
    }
    let sum: i64 = seen.last.values().sum();
    Err(format!("{} counts of {} records, expected {} of {}", seen.last.len(), sum, expected.len(), options.records)
        .into())
}
