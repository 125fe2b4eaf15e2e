//! What a program may listen to: the state of its instance, and the restoring of its stores.

use super::state::State;
use crate::error::{Error, ErrorKind, Result};
use crate::record::TopicPartition;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Is told the new state and the old one. Kafka Streams: `KafkaStreams.StateListener`.
pub(crate) type StateListener = Arc<dyn Fn(State, State) + Send + Sync>;

/// Is told how restoring goes on. Kafka Streams: `StateRestoreListener`, as it is given to
/// `KafkaStreams.setGlobalStateRestoreListener`.
///
/// Each method is called on the thread that restores, between two steps of its work: a stream thread, or that of global
/// tables. It must not wait, and what takes long belongs to another thread: nothing is restored, processed or committed
/// meanwhile. Several threads may call at once. A panic in it is an uncaught error of that thread, see
/// [`StartOptions::uncaught_error_handler`](super::StartOptions::uncaught_error_handler).
///
/// Every store with a changelog begins and ends whenever its task is opened, even if there is nothing to restore. What
/// begins either ends or is suspended.
///
/// ```
/// use kstreams::record::TopicPartition;
/// use kstreams::runtime::{StartOptions, StateRestoreListener};
///
/// struct Progress;
///
/// impl StateRestoreListener for Progress {
///     fn on_restore_start(&self, changelog: &TopicPartition, store: &str, starting_offset: i64, ending_offset: i64) {
///         println!("{store}: {changelog} from {starting_offset} to {ending_offset}");
///     }
///
///     fn on_restore_end(&self, changelog: &TopicPartition, store: &str, total_restored: u64) {
///         println!("{store}: {total_restored} records of {changelog}");
///     }
/// }
///
/// let options = StartOptions::new().state_restore_listener(Progress);
/// # let _ = options;
/// ```
pub trait StateRestoreListener: Send + Sync {
    /// Restoring a store begins: from the first offset, or from 0 where the store has nothing, up to an offset that is not
    /// restored any more.
    fn on_restore_start(&self, changelog: &TopicPartition, store: &str, starting_offset: i64, ending_offset: i64) {
        let _ = (changelog, store, starting_offset, ending_offset);
    }

    /// A batch was applied: so many records, the last of them read at that offset.
    fn on_batch_restored(&self, changelog: &TopicPartition, store: &str, batch_end_offset: i64, num_restored: u64) {
        let _ = (changelog, store, batch_end_offset, num_restored);
    }

    /// The store is restored; with so many records since the start.
    fn on_restore_end(&self, changelog: &TopicPartition, store: &str, total_restored: u64) {
        let _ = (changelog, store, total_restored);
    }

    /// Restoring ended before its time: the task went to another thread or instance, or is opened anew. If it comes back,
    /// [`on_restore_start`](Self::on_restore_start) is called again.
    fn on_restore_suspended(&self, changelog: &TopicPartition, store: &str, total_restored: u64) {
        let _ = (changelog, store, total_restored);
    }
}

/// Calls a program's own function.
///
/// # Errors
/// `Bug` if it panics; `who` names it.
pub(super) fn call(who: &str, function: impl FnOnce()) -> Result<()> {
    catch_unwind(AssertUnwindSafe(function)).map_err(|panic| panicked(who, &*panic))
}

/// The error that a panic amounts to.
pub(crate) fn panicked(who: &str, panic: &(dyn Any + Send)) -> Error {
    let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned());
    Error::new(ErrorKind::Bug, format!("{who} panicked")).with_detail(said)
}
