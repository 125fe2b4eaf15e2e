//! From an engine to the state of a log: what a process left behind, cleanly or not.

use super::core::Disk;
use super::group::Group;
use super::journal::{Ids, OffsetRow, Place, Row, Spaces, TopicRow, named_key, place_key};
use super::partition::{Aborted, Partition, PartitionRow};
use super::segment::Segment;
use super::state::State;
use super::topic::TopicState;
use super::transaction::{Transaction, TransactionRow};
use crate::engine::{Batch, Direction, Durability, KeyRange, SharedEngine};
use crate::error::{Error, ErrorKind, Result};
use crate::log::{OffsetAndMetadata, TopicConfig};
use crate::record::{Topic, TopicPartition};
use serde::de::DeserializeOwned;

/// The number of the format that this code reads and writes.
const FORMAT: u32 = 1;

/// Opens or begins a log on an engine.
///
/// # Errors
/// `Config` if it is of a format that is not known, `Io` if it cannot be read.
pub(super) fn disk(engine: SharedEngine) -> Result<Disk> {
    let spaces = Spaces { messages: engine.space("log-messages")?, rows: engine.space("log-rows")? };
    let key = [Row::Format as u8];
    match engine.get(spaces.rows, &key)? {
        Some(found) => check_format(&found)?,
        None => {
            let mut batch = Batch::default();
            batch.put(spaces.rows, key, FORMAT.to_be_bytes());
            engine.write(&batch, Durability::Process)?;
        }
    }
    Ok(Disk::new(engine, spaces))
}

fn check_format(found: &[u8]) -> Result<()> {
    let found = found.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes));
    if found == Some(FORMAT) {
        return Ok(());
    }
    let found = found.map_or_else(|| String::from("damaged"), |number| number.to_string());
    Err(Error::new(
        ErrorKind::Config,
        format!("the log on disk is of format {found}, this program knows format {FORMAT}"),
    )
    .with_hint("use the program that wrote it, or another directory"))
}

/// Fills an empty state with what is on disk.
pub(super) fn restore(state: &mut State, disk: &Disk) -> Result<()> {
    let rows = Rows { disk };
    if let Some(ids) = rows.one::<Ids>(Row::Ids)? {
        state.ids = ids;
    }
    rows.each(Row::Topic, |name, row: TopicRow| {
        let topic = rows.topic(row)?;
        state.topics.insert(Topic::from(name), topic);
        Ok(())
    })?;
    rows.each(Row::Group, |name, generation: i32| {
        state.groups.insert(name.to_owned(), Group { generation, ..Group::default() });
        Ok(())
    })?;
    rows.each_value(&[Row::Offset as u8], |row: OffsetRow| {
        let offset = OffsetAndMetadata { offset: row.offset, metadata: row.metadata };
        let group = state.groups.entry(row.group).or_default();
        group.offsets.insert(TopicPartition::new(row.topic, row.partition), offset);
        Ok(())
    })?;
    rows.each(Row::Transaction, |name, row: TransactionRow| {
        restore_transaction(state, name, row.into());
        Ok(())
    })
}

/// An open transaction makes its partitions unstable and its offsets pending, as before.
fn restore_transaction(state: &mut State, transactional_id: &str, transaction: Transaction) {
    for (partition, first) in &transaction.partitions {
        let topic = state.topics.get_mut(&partition.topic);
        if let Some(found) = topic.and_then(|topic| topic.partitions.get_mut(partition.partition as usize)) {
            found.open_transaction(transaction.producer, *first);
        }
    }
    for (group, offsets) in &transaction.offsets {
        let pending = &mut state.groups.entry(group.clone()).or_default().pending;
        pending.entry(transaction.producer).or_default().extend(offsets.keys().cloned());
    }
    state.transactions.insert(transactional_id.to_owned(), transaction);
}

/// Reads rows of one kind after the other.
struct Rows<'a> {
    disk: &'a Disk,
}

impl Rows<'_> {
    fn one<T: DeserializeOwned>(&self, row: Row) -> Result<Option<T>> {
        let key = named_key(row, "");
        let value = self.disk.engine.get(self.disk.spaces.rows, &key)?;
        value.map(|value| parse(&key, &value)).transpose()
    }

    fn each<T: DeserializeOwned>(&self, row: Row, mut visit: impl FnMut(&str, T) -> Result<()>) -> Result<()> {
        self.scan(&[row as u8], |key, value| {
            let name = std::str::from_utf8(&key[1..]).map_err(|_| damaged(key))?;
            visit(name, parse(key, value)?)
        })
    }

    fn each_value<T: DeserializeOwned>(&self, prefix: &[u8], mut visit: impl FnMut(T) -> Result<()>) -> Result<()> {
        self.scan(prefix, |key, value| visit(parse(key, value)?))
    }

    fn scan(&self, prefix: &[u8], mut visit: impl FnMut(&[u8], &[u8]) -> Result<()>) -> Result<()> {
        let mut cursor = self.disk.engine.scan(self.disk.spaces.rows, KeyRange::prefix(prefix), Direction::Forward)?;
        while cursor.advance()? {
            visit(cursor.key(), cursor.value())?;
        }
        Ok(())
    }

    fn topic(&self, row: TopicRow) -> Result<TopicState> {
        let entries = row.config.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let config = TopicConfig::from_entries(entries)?;
        let partitions = (0..row.partitions).map(|number| self.partition((row.id, number))).collect::<Result<_>>()?;
        Ok(TopicState::new(row.id, config, partitions))
    }

    fn partition(&self, place: Place) -> Result<Partition> {
        let key = place_key(Row::Partition, place);
        let value = self.disk.engine.get(self.disk.spaces.rows, &key)?.ok_or_else(|| damaged(&key))?;
        let row: PartitionRow = parse(&key, &value)?;
        let (mut closed, mut aborted) = (Vec::<Segment>::new(), Vec::<Aborted>::new());
        self.each_value(&place_key(Row::Segment, place), |segment| {
            closed.push(segment);
            Ok(())
        })?;
        self.each_value(&place_key(Row::Aborted, place), |range| {
            aborted.push(range);
            Ok(())
        })?;
        Ok(Partition::restored(row, closed.into(), aborted))
    }
}

fn parse<T: DeserializeOwned>(key: &[u8], value: &[u8]) -> Result<T> {
    serde_json::from_slice(value).map_err(|error| damaged(key).with_source(error))
}

fn damaged(key: &[u8]) -> Error {
    Error::new(ErrorKind::Io, "the log on disk cannot be read")
        .with_detail(format!("row {}", String::from_utf8_lossy(key)))
        .with_hint("its directory was damaged or written by something else")
}
