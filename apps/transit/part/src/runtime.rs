//! Waiting for a future in a thread that otherwise blocks.

use kstreams::error::Result;

/// Runs a future to its end on a runtime of this thread.
///
/// # Errors
/// `Io` if the runtime cannot be made.
pub fn block_on<F: Future>(future: F) -> Result<F::Output> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future))
}
