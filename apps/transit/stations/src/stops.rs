//! The processor that remembers every stop, and so knows when a station leaves a line.

use kstreams::error::{Error, Result};
use kstreams::operator::{Processor, ProcessorContext};
use kstreams::record::Record;
use kstreams::store::KeyValueStore;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use transit_model::Line;
use transit_model::records::{StationKey, StationRow, StopRow};

/// The store: every stop by its id.
pub(crate) const STOPS: &str = "stops";

/// How many stops had no colour, since the program started.
#[derive(Debug, Clone, Default)]
pub struct Skipped(Arc<AtomicU64>);

impl Skipped {
    /// Stops without a colour so far.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// See the module.
pub(crate) struct Stops {
    skipped: Skipped,
    store: Option<KeyValueStore<String, StopRow>>,
}

type Context = ProcessorContext<StationKey, Option<StationRow>>;

impl Stops {
    /// A processor that counts what it skips.
    pub(crate) fn new(skipped: Skipped) -> Self {
        Stops { skipped, store: None }
    }
}

impl Processor<Option<String>, Option<StopRow>, StationKey, Option<StationRow>> for Stops {
    fn init(&mut self, context: &Context) -> Result<()> {
        self.store = Some(context.state_store(STOPS)?);
        Ok(())
    }

    fn process(&mut self, context: &Context, record: Record<Option<String>, Option<StopRow>>) -> Result<()> {
        let store = self.store.as_ref().expect("init comes before the first record");
        let Some(stop_id) = stop_id(&record) else {
            return Err(Error::processing("a deleted stop has no key, so nobody knows which one it was"));
        };
        let before = store.get(&stop_id)?;
        store.put(&stop_id, record.value.clone())?;
        if record.value.as_ref().is_some_and(|row| keys(row).next().is_none()) {
            self.skipped.increment();
        }
        for key in before.iter().flat_map(keys).filter(|key| !is_on(record.value.as_ref(), key)) {
            if !has_stop(store, &key)? {
                context.forward(record.clone().with_key(key).with_value(None))?;
            }
        }
        for (key, row) in record.value.iter().flat_map(|row| keys(row).map(move |key| (key, row))) {
            let station = station(row, key.line);
            context.forward(record.clone().with_key(key).with_value(Some(station)))?;
        }
        Ok(())
    }
}

/// The key of the source; other publishers may send none with a row.
fn stop_id(record: &Record<Option<String>, Option<StopRow>>) -> Option<String> {
    record.key.clone().or_else(|| record.value.as_ref().map(|row| row.stop_id.to_string()))
}

/// The station on each of the stop's lines.
fn keys(row: &StopRow) -> impl Iterator<Item = StationKey> + use<> {
    let (station_id, colours) =
        (row.station_id, [(Line::Blue, row.blue), (Line::Green, row.green), (Line::Red, row.red)]);
    let lines = colours.into_iter().filter(|(_, is)| *is);
    lines.map(move |(line, _)| StationKey { station_id, line })
}

fn is_on(row: Option<&StopRow>, key: &StationKey) -> bool {
    row.is_some_and(|row| keys(row).any(|of_row| of_row == *key))
}

/// Whether some stop still has the station on that line. Asked only when a stop has left, and there are few.
fn has_stop(store: &KeyValueStore<String, StopRow>, key: &StationKey) -> Result<bool> {
    for entry in store.all()? {
        let (_, row) = entry?;
        if is_on(Some(&row), key) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn station(row: &StopRow, line: Line) -> StationRow {
    StationRow { station_id: row.station_id, station_name: row.station_name.clone(), order: row.order, line }
}
