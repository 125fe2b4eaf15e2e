//! State stores: typed rows in front of an engine, logged to a changelog, committed with the task.
//!
//! ```text
//! typed handle > cache (decoded values) > overlay (the uncommitted bytes of the task) > engine (committed bytes)
//!                      |                      |
//!                flush listener           changelog, through the task's outbox
//! ```
//!
//! [`Stores`] makes blueprints; a task opens its own stores from them into one [`TaskStores`], which is the unit of
//! flush, commit, rollback and restore. Nothing here knows of operators, topologies or threads; nothing is locked,
//! and no handle holds a borrow while it calls a listener or hands out a row.

mod blueprint;
mod cache;
mod key_value;
mod listener;
mod metadata;
mod offline;
mod overlay;
mod read_only;
mod recency;
mod short;
mod spec;
mod stored;
mod supplier;
mod table;
mod task;
#[cfg(test)]
mod tests;
mod typed;
mod window;

pub(crate) use blueprint::other_type;
pub use blueprint::{StoreBlueprint, StoreBuilder, StoreHandle};
pub use cache::CacheBudget;
pub use key_value::{KeyValueIter, KeyValueStore, TimestampedKeyValueStore};
pub use listener::FlushListener;
pub use offline::{OfflineRow, OfflineSize, OfflineStore, OfflineStores};
pub use read_only::{QuerySource, ReadOnlyKeyValueStore, ReadOnlyWindowStore};
pub use spec::{Backing, Changelog, StoreKind, StoreSpec, WindowSpec};
pub use stored::{Stored, ValueAndTimestamp};
pub use supplier::{KeyValueSupplier, Stores, WindowSupplier};
pub use task::{TaskStores, TaskStoresConfig};
pub use window::{TimestampedWindowStore, WindowIter, WindowStore, WindowedIter};
