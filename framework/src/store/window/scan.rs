//! Walks over the rows of a window store.

use super::filter::WindowFilter;
use super::keys::RowKey;
use crate::engine::Direction;
use crate::error::Result;
use crate::record::{Window, Windowed};
use crate::serde::Serde;
use crate::store::Stored;
use crate::store::typed::{Layer, RowScan, TypedRows};
use std::sync::Arc;

/// The rows that a filter asks for, segment after segment.
struct WindowScan<S: Stored> {
    filter: WindowFilter,
    /// The last one comes first.
    segments: Vec<RowScan<S>>,
}

impl<S: Stored> WindowScan<S> {
    /// All segments are opened at once, so that they show the same moment; there are few.
    fn new(rows: &TypedRows<S>, filter: WindowFilter, direction: Direction) -> Result<Self> {
        let wants_held = |key: &[u8], is_held: bool| {
            let row = filter.keys().split(key);
            row.is_ok_and(|row| filter.wants_held(&row) && (is_held || filter.is_hidden_below(&row)))
        };
        let ranges = filter.ranges(direction, |range| rows.first_held(range));
        let segments = ranges.into_iter().rev().map(|range| rows.scan(range, direction, wants_held));
        let segments = segments.collect::<Result<Vec<_>>>()?;
        Ok(WindowScan { filter, segments })
    }

    fn next<T>(&mut self, decode: impl Fn(RowKey<'_>) -> Result<T>) -> Result<Option<(T, S)>> {
        let WindowScan { filter, segments } = self;
        while let Some(segment) = segments.last_mut() {
            let row = segment.next(|key, layer| {
                let row = filter.keys().split(key)?;
                let is_wanted = layer == Layer::Held || filter.wants_below(&row);
                is_wanted.then(|| decode(row)).transpose()
            });
            match row {
                Ok(None) => drop(segments.pop()),
                Err(_) => {
                    segments.clear();
                    return row;
                }
                Ok(Some(_)) => return row,
            }
        }
        Ok(None)
    }
}

/// Window starts, in milliseconds since the epoch, and values of one key, as they were when the iterator was made.
/// Ends after an error.
pub struct WindowIter<S: Stored>(WindowScan<S>);

impl<S: Stored> WindowIter<S> {
    pub(super) fn new(rows: &TypedRows<S>, filter: WindowFilter, direction: Direction) -> Result<Self> {
        WindowScan::new(rows, filter, direction).map(WindowIter)
    }
}

impl<S: Stored> Iterator for WindowIter<S> {
    type Item = Result<(i64, S)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next(|row| Ok(row.start_ms)).transpose()
    }
}

/// Windowed keys and values, as they were when the iterator was made. Ends after an error.
pub struct WindowedIter<K, S: Stored> {
    scan: WindowScan<S>,
    key: Arc<dyn Serde<K>>,
    size_ms: i64,
}

impl<K, S: Stored> WindowedIter<K, S> {
    pub(super) fn new(
        rows: &TypedRows<S>,
        key: Arc<dyn Serde<K>>,
        filter: WindowFilter,
        direction: Direction,
    ) -> Result<Self> {
        let size_ms = rows.table().expect_window().size_ms();
        Ok(WindowedIter { scan: WindowScan::new(rows, filter, direction)?, key, size_ms })
    }
}

impl<K, S: Stored> Iterator for WindowedIter<K, S> {
    type Item = Result<(Windowed<K>, S)>;

    fn next(&mut self) -> Option<Self::Item> {
        let WindowedIter { scan, key, size_ms } = self;
        let windowed =
            |row: RowKey<'_>| Ok(Windowed::new(key.deserialize(row.key)?, Window::of_size(row.start_ms, *size_ms)));
        scan.next(windowed).transpose()
    }
}
