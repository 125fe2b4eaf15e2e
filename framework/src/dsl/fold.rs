//! What aggregations do with a value and the row so far, be it of a key or of a key in a window.

use crate::error::Result;

/// One more.
pub(super) fn counting<K, V>() -> impl Fn(&K, V, Option<i64>) -> Result<Option<i64>> + Send + Sync + 'static {
    |_, _, count| Ok(Some(count.unwrap_or(0) + 1))
}

/// What `aggregator` makes of the row, or of a first one.
pub(super) fn aggregating<K, V, A, R: Into<Option<A>>>(
    initializer: impl Fn() -> A + Send + Sync + 'static,
    aggregator: impl Fn(&K, V, A) -> R + Send + Sync + 'static,
) -> impl Fn(&K, V, Option<A>) -> Result<Option<A>> + Send + Sync + 'static {
    move |key, value, old| Ok(aggregator(key, value, old.unwrap_or_else(&initializer)).into())
}

/// What `aggregator` makes of the row, or of a first one, unless it fails.
pub(super) fn trying_to_aggregate<K, V, A, R: Into<Option<A>>>(
    initializer: impl Fn() -> A + Send + Sync + 'static,
    aggregator: impl Fn(&K, V, &A) -> Result<R> + Send + Sync + 'static,
) -> impl Fn(&K, V, Option<A>) -> Result<Option<A>> + Send + Sync + 'static {
    move |key, value, old| aggregator(key, value, &old.unwrap_or_else(&initializer)).map(Into::into)
}
