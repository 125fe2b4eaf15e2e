//! One walk over the rows held back in the cache and those below.

use super::decode;
use crate::engine::Direction;
use crate::error::Result;
use crate::serde::Serde;
use crate::store::Stored;
use crate::store::cache::CachedRow;
use crate::store::overlay::MergedScan;
use std::cmp::Ordering;
use std::sync::Arc;

/// The decoded rows of a range at the moment the scan was made. The held rows were copied then; those below are
/// decoded when their turn comes.
pub(in crate::store) struct RowScan<S: Stored> {
    held: std::iter::Peekable<std::vec::IntoIter<CachedRow<S>>>,
    below: MergedScan,
    below_is_loaded: bool,
    serde: Arc<dyn Serde<S::Value>>,
    direction: Direction,
}

impl<S: Stored> RowScan<S> {
    pub(super) fn new(
        held: Vec<CachedRow<S>>,
        below: MergedScan,
        serde: Arc<dyn Serde<S::Value>>,
        direction: Direction,
    ) -> Self {
        RowScan { held: held.into_iter().peekable(), below, below_is_loaded: false, serde, direction }
    }

    /// The next row with its key as `decode_key` reads it; rows from below are passed over where it answers `None`.
    pub(in crate::store) fn next<T>(
        &mut self,
        decode_key: impl Fn(&[u8], Layer) -> Result<Option<T>>,
    ) -> Result<Option<(T, S)>> {
        loop {
            if !self.below_is_loaded {
                self.below_is_loaded = self.below.advance()?;
            }
            match self.side() {
                None => return Ok(None),
                Some(Layer::Held) => {
                    let Some((key, value)) = self.held.next() else { return Ok(None) };
                    if let (Some(value), Some(key)) = (value, decode_key(&key, Layer::Held)?) {
                        return Ok(Some((key, value)));
                    }
                }
                Some(Layer::Below) => {
                    self.below_is_loaded = false;
                    if let Some(key) = decode_key(self.below.key(), Layer::Below)? {
                        return Ok(Some((key, decode(&*self.serde, self.below.value())?)));
                    }
                }
            }
        }
    }

    /// Where the next row is; a row below that is held back, too, is stepped over.
    fn side(&mut self) -> Option<Layer> {
        let Some((held, _)) = self.held.peek() else { return self.below_is_loaded.then_some(Layer::Below) };
        if !self.below_is_loaded {
            return Some(Layer::Held);
        }
        let order = match self.direction {
            Direction::Forward => (**held).cmp(self.below.key()),
            Direction::Backward => self.below.key().cmp(held),
        };
        match order {
            Ordering::Greater => Some(Layer::Below),
            Ordering::Less => Some(Layer::Held),
            Ordering::Equal => {
                self.below_is_loaded = false;
                Some(Layer::Held)
            }
        }
    }
}

/// Where a row of a scan comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Layer {
    /// The cache.
    Held,
    /// Overlay or engine.
    Below,
}
