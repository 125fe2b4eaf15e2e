//! Where the values of a configuration came from, as far as it was told: who set a key last.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
///
/// ```
/// use kstreams::config::{Config, ConfigOrigin};
///
/// let mut config = Config::from_properties("application.id=transit\nnum.stream.threads=2")?;
/// config.apply_variables([("KSTREAMS_URL", "embedded:./data")])?;
/// let origins: Vec<String> = config.settings().iter().map(|one| format!("{}: {}", one.key, one.origin)).collect();
/// assert!(origins.contains(&"num.stream.threads: line 2 of a properties text".to_owned()));
/// assert!(origins.contains(&"kstreams.url: variable KSTREAMS_URL".to_owned()));
/// assert!(origins.contains(&"state.dir: default".to_owned()));
/// # Ok::<(), kstreams::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigOrigin {
    /// Nobody has set it.
    Default,
    /// A text in the format of properties files.
    Properties {
        /// The file, if it was one.
        file: Option<PathBuf>,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// The program: a field, a setter, [`Config::set`](super::Config::set).
    Code,
}

impl fmt::Display for ConfigOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigOrigin::Default => f.write_str("default"),
            ConfigOrigin::Properties { file: Some(file), line } => write!(f, "{}:{line}", file.display()),
            ConfigOrigin::Properties { file: None, line } => write!(f, "line {line} of a properties text"),
            ConfigOrigin::Variable(name) => write!(f, "variable {name}"),
            ConfigOrigin::Code => f.write_str("code"),
        }
    }
}

/// By key: who has set it last under a name, and to what. A value that is another by now was set in the program.
#[derive(Clone, Default)]
pub(crate) struct Origins(BTreeMap<String, (ConfigOrigin, Option<String>)>);

impl Origins {
    /// A key was set.
    pub(super) fn note(&mut self, key: &str, value: Option<&str>, origin: &ConfigOrigin) {
        self.0.insert(key.to_owned(), (origin.clone(), value.map(str::to_owned)));
    }

    /// Where the value of a key came from, which is `default` if nobody sets it.
    pub(super) fn of(&self, key: &str, value: Option<&str>, default: Option<&str>) -> ConfigOrigin {
        match self.0.get(key) {
            Some((origin, set_to)) if set_to.as_deref() == value => origin.clone(),
            None if default == value => ConfigOrigin::Default,
            _ => ConfigOrigin::Code,
        }
    }
}

impl fmt::Debug for Origins {
    /// Nothing: two configurations with the same values are the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}
