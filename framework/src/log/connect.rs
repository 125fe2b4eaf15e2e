//! From a URL to a log.

use super::Log;
use super::embedded::EmbeddedLog;
use crate::config::{ClientKeys, LogUrl};
use crate::error::Result;
#[cfg(not(feature = "kafka"))]
use crate::error::{Error, ErrorKind};
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
/// Clients of Kafka have the settings that the runtime chooses; [`connect_with`] takes others.
///
/// # Errors
/// `Config` if the URL is none of these, or the build lacks its log; `InUse` if another process has the directory, `Io` if it
/// cannot be opened. Whether Kafka's brokers are there shows in the answer to the first question.
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
    connect_with(url, &ClientKeys::default(), clock)
}

/// Opens the log a URL names, with keys for Kafka's clients: security, batches, timeouts. The embedded log needs none of them.
///
/// # Errors
/// As [`connect`]; `Config` if Kafka's client does not take a key or its value.
///
/// ```
/// use kstreams::config::Config;
/// use kstreams::log::connect_with;
/// use kstreams::record::SystemClock;
/// use std::sync::Arc;
///
/// let config = Config::from_properties("kstreams.url=embedded-memory:example\nproducer.linger.ms=20")?;
/// let log = connect_with(&config.url, &config.clients, Arc::new(SystemClock))?;
/// assert!(log.admin().is_ok());
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub fn connect_with(url: &str, keys: &ClientKeys, clock: Arc<dyn Clock>) -> Result<Arc<dyn Log>> {
    match url.parse()? {
        LogUrl::Embedded { directory } => Ok(EmbeddedLog::shared_on_disk(&directory, clock)?),
        LogUrl::EmbeddedMemory { name } => Ok(EmbeddedLog::shared_in_memory(&name, clock)),
        LogUrl::Kafka { bootstrap_servers } => kafka(&bootstrap_servers, keys, clock),
    }
}

#[cfg(feature = "kafka")]
fn kafka(bootstrap_servers: &str, keys: &ClientKeys, clock: Arc<dyn Clock>) -> Result<Arc<dyn Log>> {
    Ok(super::kafka::KafkaLog::connect(bootstrap_servers, keys, clock)?)
}

#[cfg(not(feature = "kafka"))]
fn kafka(bootstrap_servers: &str, _keys: &ClientKeys, _clock: Arc<dyn Clock>) -> Result<Arc<dyn Log>> {
    let sentence = format!("this build does not contain the client for `kafka://{bootstrap_servers}`");
    Err(Error::new(ErrorKind::Config, sentence)
        .with_hint("build it with the cargo feature `kafka`, or use `embedded:<directory>` or `embedded:`"))
}
