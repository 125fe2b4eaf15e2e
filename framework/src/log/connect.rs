//! From a URL to a log.

use super::Log;
use super::embedded::EmbeddedLog;
use crate::config::LogUrl;
use crate::error::{Error, ErrorKind, Result};
use crate::record::Clock;
use std::sync::Arc;

/// Opens the log a URL names. Equal embedded URLs share one log within the process, for as long as anybody holds it.
///
/// | URL | log |
/// |---|---|
/// | `embedded:./data` | inside the process, kept in the directory `./data` |
/// | `embedded:` | inside the process, in memory |
/// | `embedded-memory:name` | the same, several of them told apart by name |
/// | `kafka://host:9092,host:9092` | Apache Kafka |
///
/// # Errors
/// `Config` if the URL is none of these, `InUse` if another process has the directory, `Io` if it cannot be opened.
///
/// ```
/// use kstreams::log::connect;
/// use kstreams::record::SystemClock;
/// use std::sync::Arc;
///
/// let log = connect("embedded-memory:example", Arc::new(SystemClock))?;
/// assert!(log.admin().is_ok());
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub fn connect(url: &str, clock: Arc<dyn Clock>) -> Result<Arc<dyn Log>> {
    match url.parse()? {
        LogUrl::Embedded { directory } => Ok(EmbeddedLog::shared_on_disk(&directory, clock)?),
        LogUrl::EmbeddedMemory { name } => Ok(EmbeddedLog::shared_in_memory(&name, clock)),
        LogUrl::Kafka { .. } => {
            Err(Error::new(ErrorKind::Config, format!("this build does not contain the client for `{url}`"))
                .with_hint("use `embedded:<directory>` or `embedded:`"))
        }
    }
}
