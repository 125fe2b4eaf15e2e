//! One walk over overlay and engine together.

use super::Version;
use crate::engine::{Cursor, Direction, KeyRange};
use crate::error::Result;
use crate::store::short::{KeyBytes, ValueBytes};
use std::cmp::Ordering;
use std::ops::Bound;

/// Rows taken out of the overlay's view at a time: few at first, because most scans are short.
const FIRST_CHUNK_ROWS: usize = 8;
const CHUNK_ROWS_MAX: usize = 128;

/// The rows of a range as a reader sees them: the overlay's before the engine's. It owns its view, so the store may
/// be written, committed or rolled back while it is walked.
pub(in crate::store) struct MergedScan {
    upper: Walk,
    version: Version,
    lower: Box<dyn Cursor>,
    lower_is_loaded: bool,
    direction: Direction,
    current: Source,
}

#[derive(Clone, Copy, PartialEq)]
enum Source {
    Neither,
    Upper,
    Lower,
}

impl MergedScan {
    /// A walk of `range` over `version` and a cursor of the same range and direction.
    pub(in crate::store) fn new(
        version: Version,
        lower: Box<dyn Cursor>,
        range: KeyRange,
        direction: Direction,
    ) -> Self {
        let upper = Walk { rest: range, chunk: Vec::new(), at: 0, chunk_rows: FIRST_CHUNK_ROWS };
        MergedScan { upper, version, lower, lower_is_loaded: false, direction, current: Source::Neither }
    }

    /// Moves to the next row; false at the end.
    pub(in crate::store) fn advance(&mut self) -> Result<bool> {
        loop {
            self.step_over_current();
            if !self.lower_is_loaded {
                self.lower_is_loaded = self.next_lower()?;
            }
            self.upper.load(&self.version, self.direction);
            self.current = match (self.upper.head(), self.lower_is_loaded) {
                (None, false) => return Ok(false),
                (None, true) => Source::Lower,
                (Some(_), false) => Source::Upper,
                (Some((key, _)), true) => match self.compare(key, self.lower.key()) {
                    Ordering::Less => Source::Upper,
                    Ordering::Greater => Source::Lower,
                    Ordering::Equal => {
                        self.lower_is_loaded = false;
                        Source::Upper
                    }
                },
            };
            let is_tombstone = self.current == Source::Upper && self.upper.head().is_some_and(|(_, row)| row.is_none());
            if !is_tombstone {
                return Ok(true);
            }
        }
    }

    fn step_over_current(&mut self) {
        match self.current {
            Source::Upper => self.upper.at += 1,
            Source::Lower => self.lower_is_loaded = false,
            Source::Neither => {}
        }
        self.current = Source::Neither;
    }

    fn next_lower(&mut self) -> Result<bool> {
        while self.lower.advance()? {
            if !self.version.hides(self.lower.key()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn compare(&self, upper: &[u8], lower: &[u8]) -> Ordering {
        match self.direction {
            Direction::Forward => upper.cmp(lower),
            Direction::Backward => lower.cmp(upper),
        }
    }

    /// The key of the current row. Only after `advance` answered true.
    pub(in crate::store) fn key(&self) -> &[u8] {
        match self.upper.head() {
            Some((key, _)) if self.current == Source::Upper => key,
            _ => self.lower.key(),
        }
    }

    /// The value of the current row. Only after `advance` answered true.
    pub(in crate::store) fn value(&self) -> &[u8] {
        match self.upper.head() {
            Some((_, Some(value))) if self.current == Source::Upper => value,
            _ => self.lower.value(),
        }
    }
}

/// A key, and its value or that it is deleted.
type Row = (KeyBytes, Option<ValueBytes>);

/// A walk over the overlay's view, chunk by chunk: an iterator could not live beside the map it borrows.
struct Walk {
    /// What lies behind the chunk.
    rest: KeyRange,
    chunk: Vec<Row>,
    at: usize,
    chunk_rows: usize,
}

impl Walk {
    fn head(&self) -> Option<&Row> {
        self.chunk.get(self.at)
    }

    fn load(&mut self, version: &Version, direction: Direction) {
        if self.at < self.chunk.len() || self.rest.is_empty() {
            return;
        }
        let rows = version.rows_in(&self.rest).map(|(key, value)| (key.clone(), value.clone()));
        self.chunk.clear();
        self.at = 0;
        match direction {
            Direction::Forward => self.chunk.extend(rows.take(self.chunk_rows)),
            Direction::Backward => self.chunk.extend(rows.rev().take(self.chunk_rows)),
        }
        self.go_on_behind_chunk(direction);
    }

    fn go_on_behind_chunk(&mut self, direction: Direction) {
        let is_last = self.chunk.len() < self.chunk_rows;
        self.chunk_rows = (self.chunk_rows * 2).min(CHUNK_ROWS_MAX);
        let Some((last, _)) = self.chunk.last().filter(|_| !is_last) else {
            self.rest = nothing();
            return;
        };
        let seen = Bound::Excluded(last.to_vec());
        match direction {
            Direction::Forward => self.rest.from = seen,
            Direction::Backward => self.rest.to = seen,
        }
    }
}

fn nothing() -> KeyRange {
    KeyRange { from: Bound::Included(Vec::new()), to: Bound::Excluded(Vec::new()) }
}
