//! ```text
//! (k, v) ─> for each open window of its time: store[k, window] = fold(store[k, window], v) ─> ((k, window), new, old)
//! ```

use super::aggregate::Forwarder;
use super::{Forward, NodeContext};
use crate::error::Result;
use crate::record::{Change, Headers, Record, Window, Windowed};
use crate::serde::{Datum, Nullable};
use crate::store::{TimestampedWindowStore, ValueAndTimestamp};
use crate::window::Windows;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

/// Folds the records of each key and window into one row.
pub(crate) struct WindowAggregate<F, W, K: Datum, A: Datum> {
    pub(crate) fold: Arc<F>,
    pub(crate) windows: W,
    pub(crate) store: TimestampedWindowStore<K, A>,
    pub(crate) forwarder: Forwarder<Windowed<K>, A>,
    pub(crate) node: NodeContext,
    /// The largest timestamp seen here; outlives a rollback through the commit metadata.
    pub(crate) stream_time: Rc<Cell<i64>>,
}

impl<F, W: Windows, K: Nullable, V: Nullable, A: Datum> Forward<K, V> for WindowAggregate<F, W, K::Inner, A>
where
    F: Fn(&K::Inner, V, Option<A>) -> Result<Option<A>>,
{
    fn record(&self, record: Record<K, V>) -> Result<()> {
        let Record { key, value, timestamp, headers } = record;
        let Some(key) = key.into_option() else {
            self.node.drop_record("null key");
            return Ok(());
        };
        self.stream_time.set(self.stream_time.get().max(timestamp));
        for window in self.windows.windows_for(timestamp) {
            if self.windows.is_closed(window, self.stream_time.get()) {
                self.node.drop_record("expired window");
            } else {
                self.update(&key, &value, window, timestamp, &headers)?;
            }
        }
        Ok(())
    }
}

impl<F, W, K: Datum, A: Datum> WindowAggregate<F, W, K, A> {
    fn update<V: Clone>(&self, key: &K, value: &V, window: Window, timestamp: i64, headers: &Headers) -> Result<()>
    where
        F: Fn(&K, V, Option<A>) -> Result<Option<A>>,
    {
        let old = self.store.fetch(key, window.start_ms)?;
        let timestamp = old.as_ref().map_or(timestamp, |old| old.timestamp.max(timestamp));
        let old = old.map(|old| old.value);
        let kept = self.forwarder.kept(&old);
        let new = match (self.fold)(key, value.clone(), old) {
            Ok(new) => new,
            Err(error) => return self.node.failed(error),
        };
        let row = new.clone().map(|new| ValueAndTimestamp::new(new, timestamp));
        if let Err(error) = self.store.put(key, row, window.start_ms) {
            return self.node.failed(error);
        }
        let key = Windowed::new(key.clone(), window);
        self.forwarder.forward(Record { key, value: Change::new(new, kept), timestamp, headers: headers.clone() })
    }
}
