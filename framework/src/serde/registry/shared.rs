//! The registry of an embedded log: equal addresses mean one registry within the process.

use super::EmbeddedRegistry;
use crate::config::LogUrl;
use crate::error::{Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The file in the directory of a log that holds its schemas.
const FILE: &str = "schemas";

/// The registries that somebody holds.
static OPEN: Mutex<BTreeMap<String, Weak<EmbeddedRegistry>>> = Mutex::new(BTreeMap::new());

impl EmbeddedRegistry {
    /// The registry that belongs to a log: kept beside it where it is on disk, so that messages can be decoded after a
    /// restart; in memory otherwise.
    ///
    /// # Errors
    /// `Io` if the directory cannot be used; as [`EmbeddedRegistry::open`].
    ///
    /// ```
    /// use kstreams::serde::registry::EmbeddedRegistry;
    /// use std::sync::Arc;
    ///
    /// let one = EmbeddedRegistry::of_log(&"embedded-memory:schemas".parse()?)?;
    /// let same = EmbeddedRegistry::of_log(&"embedded-memory:schemas".parse()?)?;
    /// assert!(Arc::ptr_eq(&one, &same));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn of_log(url: &LogUrl) -> Result<Arc<Self>> {
        let mut registries = registries();
        let (name, directory) = match url {
            LogUrl::Embedded { directory } => (canonical(directory)?, Some(directory)),
            other => (other.to_string(), None),
        };
        if let Some(registry) = registries.get(&name).and_then(Weak::upgrade) {
            return Ok(registry);
        }
        let registry = Arc::new(match directory {
            Some(directory) => EmbeddedRegistry::open(directory.join(FILE))?,
            None => EmbeddedRegistry::default(),
        });
        registries.insert(name, Arc::downgrade(&registry));
        Ok(registry)
    }
}

// The map is whole whatever happened to whoever held it.
fn registries() -> MutexGuard<'static, BTreeMap<String, Weak<EmbeddedRegistry>>> {
    let mut registries = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    registries.retain(|_, registry| registry.strong_count() > 0);
    registries
}

fn canonical(directory: &Path) -> Result<String> {
    let path = std::fs::create_dir_all(directory).and_then(|()| directory.canonicalize()).map_err(|error| {
        Error::new(ErrorKind::Io, format!("directory `{}` cannot be used for schemas", directory.display()))
            .with_detail(error.to_string())
            .with_source(error)
    })?;
    Ok(path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serde::Registry;

    #[test]
    fn schemas_of_a_log_on_disk_are_one_within_the_process_and_there_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let url = LogUrl::Embedded { directory: dir.path().to_owned() };
        let one = EmbeddedRegistry::of_log(&url).unwrap();
        one.register("a", r#""int""#).unwrap();
        let id = one.register("b", r#""string""#).unwrap();
        assert!(Arc::ptr_eq(&one, &EmbeddedRegistry::of_log(&url).unwrap()));
        drop(one);
        assert_eq!(EmbeddedRegistry::of_log(&url).unwrap().register("b", r#""string""#).unwrap(), id);
    }
}
