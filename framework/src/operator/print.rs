//! ```text
//! (k, v) ─> one line of text into a writer
//! ```

use super::{Forward, NodeContext};
use crate::error::{Error, Result};
use crate::record::Record;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// Where lines are printed; shared by the tasks.
pub(crate) type Output = Arc<Mutex<dyn Write + Send>>;

/// Prints each record on a line of its own; the end of a stream.
pub(crate) struct Print<F> {
    pub(crate) line: Arc<F>,
    pub(crate) output: Output,
    pub(crate) node: NodeContext,
}

impl<F, K, V> Forward<K, V> for Print<F>
where
    F: Fn(&K, &V) -> String,
{
    fn record(&self, record: Record<K, V>) -> Result<()> {
        let line = (self.line)(&record.key, &record.value);
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(output, "{line}")
            .or_else(|error| self.node.failed(Error::processing("a record could not be printed").with_source(error)))
    }
}
