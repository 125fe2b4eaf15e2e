//! What the compiler says where something is aggregated that was not grouped. Nothing here can be called.
//!
//! Without these methods it would take `count` and `reduce` for those of an iterator, and say that a stream is none.

use super::stream::KStream;
use super::table::KTable;
use super::windowed::TimeWindowedKStream;
use crate::serde::Nullable;
use crate::window::Windows;

/// What has been grouped. Nothing implements it: grouping gives another type.
#[diagnostic::on_unimplemented(
    message = "only what has been grouped can be counted, reduced, aggregated or windowed",
    label = "`{Self}` has not been grouped",
    note = "group it first: `.group_by_key()` (streams only) or `.group_by(|key, value| …)`"
)]
pub trait HasBeenGrouped: Sized {
    /// Anything, because it is never called.
    fn never<T>(self) -> T;
}

#[doc(hidden)]
impl<K, V> KStream<K, V> {
    /// See [`KGroupedStream::count`](super::KGroupedStream::count).
    pub fn count<M>(self, _materialized: M) -> KTable<K, i64>
    where
        Self: HasBeenGrouped,
    {
        self.never()
    }

    /// See [`KGroupedStream::reduce`](super::KGroupedStream::reduce).
    pub fn reduce<M>(self, _reducer: impl Fn(V, V) -> V, _materialized: M) -> KTable<K, V>
    where
        Self: HasBeenGrouped,
    {
        self.never()
    }

    /// See [`KGroupedStream::aggregate`](super::KGroupedStream::aggregate).
    pub fn aggregate<A, R, M>(
        self,
        _initializer: impl Fn() -> A,
        _aggregator: impl Fn(&K, V, A) -> R,
        _materialized: M,
    ) -> KTable<K, A>
    where
        Self: HasBeenGrouped,
    {
        self.never()
    }

    /// See [`KGroupedStream::windowed_by`](super::KGroupedStream::windowed_by).
    pub fn windowed_by<W: Windows>(self, _windows: W) -> TimeWindowedKStream<K, V, W>
    where
        Self: HasBeenGrouped,
        K: Nullable,
        V: Nullable,
    {
        self.never()
    }
}

#[doc(hidden)]
impl<K, V> KTable<K, V> {
    /// See [`KGroupedTable::count`](super::KGroupedTable::count).
    pub fn count<M>(self, _materialized: M) -> KTable<K, i64>
    where
        Self: HasBeenGrouped,
    {
        self.never()
    }

    /// See [`KGroupedTable::reduce`](super::KGroupedTable::reduce).
    pub fn reduce<M>(
        self,
        _adder: impl Fn(V, V) -> V,
        _subtractor: impl Fn(V, V) -> V,
        _materialized: M,
    ) -> KTable<K, V>
    where
        Self: HasBeenGrouped,
    {
        self.never()
    }

    /// See [`KGroupedTable::aggregate`](super::KGroupedTable::aggregate).
    pub fn aggregate<A, R, S, M>(
        self,
        _initializer: impl Fn() -> A,
        _adder: impl Fn(&K, V, A) -> R,
        _subtractor: impl Fn(&K, V, A) -> S,
        _materialized: M,
    ) -> KTable<K, A>
    where
        Self: HasBeenGrouped,
    {
        self.never()
    }
}
