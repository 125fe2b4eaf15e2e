//! The registry of an embedded log: equal addresses mean one registry within the process.

use super::EmbeddedRegistry;
use crate::config::{LogUrl, Shared, name_of_directory};
use crate::error::Result;
use std::sync::Arc;

/// The file in the directory of a log that holds its schemas.
const FILE: &str = "schemas";

static OPEN: Shared<EmbeddedRegistry> = Shared::new();

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
        match url {
            LogUrl::Embedded { directory } => OPEN.named(&name_of_directory(directory, "schemas")?, || {
                Ok(Arc::new(EmbeddedRegistry::open(directory.join(FILE))?))
            }),
            other => OPEN.named(&other.to_string(), || Ok(Arc::default())),
        }
    }
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
