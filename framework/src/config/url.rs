//! The address of a log: `kafka://host:9092,other:9092`, `embedded:./directory`, `embedded:` or `embedded-memory:name`.

use crate::error::{Error, ErrorKind};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Which log an application runs on.
///
/// ```
/// use kstreams::config::LogUrl;
///
/// let url: LogUrl = "kafka://one:9092,two:9092".parse()?;
/// assert_eq!(url, LogUrl::Kafka { bootstrap_servers: "one:9092,two:9092".into() });
/// # Ok::<(), kstreams::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogUrl {
    /// Apache Kafka.
    Kafka {
        /// Hosts and ports, separated by commas.
        bootstrap_servers: String,
    },
    /// The log inside the process, kept on disk.
    Embedded {
        /// Where it is kept.
        directory: PathBuf,
    },
    /// The log inside the process, in memory.
    EmbeddedMemory {
        /// Tells several of them apart; empty for the unnamed one.
        name: String,
    },
}

impl FromStr for LogUrl {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self, Error> {
        if let Some(servers) = url.strip_prefix("kafka://").filter(|servers| has_hosts_and_ports(servers)) {
            return Ok(LogUrl::Kafka { bootstrap_servers: servers.to_string() });
        }
        if let Some(name) = url.strip_prefix("embedded-memory:") {
            return Ok(LogUrl::EmbeddedMemory { name: name.to_owned() });
        }
        match url.strip_prefix("embedded:") {
            Some("") => Ok(LogUrl::EmbeddedMemory { name: String::new() }),
            Some(directory) => Ok(LogUrl::Embedded { directory: PathBuf::from(directory) }),
            None => Err(Error::new(ErrorKind::Config, format!("`{url}` is not the address of a log"))
                .with_hint("write `kafka://host:port,…`, `embedded:<directory>`, or `embedded:` for memory")),
        }
    }
}

fn has_hosts_and_ports(servers: &str) -> bool {
    servers.split(',').all(|server| {
        server.trim().rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
    })
}

impl fmt::Display for LogUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogUrl::Kafka { bootstrap_servers } => write!(f, "kafka://{bootstrap_servers}"),
            LogUrl::Embedded { directory } => write!(f, "embedded:{}", directory.display()),
            LogUrl::EmbeddedMemory { name } if name.is_empty() => f.write_str("embedded:"),
            LogUrl::EmbeddedMemory { name } => write!(f, "embedded-memory:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_printed_as_it_is_read() {
        for url in ["kafka://a:1", "kafka://[::1]:9092,b:2", "embedded:", "embedded:./data", "embedded-memory:x"] {
            assert_eq!(url.parse::<LogUrl>().unwrap().to_string(), url);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_forms() {
        for url in ["", "localhost:9092", "kafka://", "kafka://host", "kafka://host:port", "kafka:host:1", "http://x:1"]
        {
            let error = url.parse::<LogUrl>().unwrap_err();
            assert!(error.hint().unwrap().contains("kafka://host:port"), "{url}: {error}");
        }
    }
}
