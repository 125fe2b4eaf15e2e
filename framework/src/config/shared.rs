//! What all who name the same place in one process share: one log, one registry of schemas.
//!
//! It keeps nothing alive by itself: what nobody holds any more is made anew.

use crate::error::{Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// What somebody holds, by name.
pub(crate) struct Shared<T>(Mutex<BTreeMap<String, Weak<T>>>);

impl<T> Shared<T> {
    pub(crate) const fn new() -> Self {
        Shared(Mutex::new(BTreeMap::new()))
    }

    /// What has that name, made if nobody holds it. Whoever asks for another meanwhile waits.
    ///
    /// # Errors
    /// Those of `make`.
    pub(crate) fn named(&self, name: &str, make: impl FnOnce() -> Result<Arc<T>>) -> Result<Arc<T>> {
        // The map is whole whatever happened to whoever held it.
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, one| one.strong_count() > 0);
        if let Some(one) = held.get(name).and_then(Weak::upgrade) {
            return Ok(one);
        }
        let one = make()?;
        held.insert(name.to_owned(), Arc::downgrade(&one));
        Ok(one)
    }
}

/// The one name of a directory, which is created if it does not exist; `purpose` says what it is for.
///
/// # Errors
/// `Io` if it cannot be used.
pub(crate) fn name_of_directory(directory: &Path, purpose: &str) -> Result<String> {
    let path = std::fs::create_dir_all(directory).and_then(|()| directory.canonicalize()).map_err(|error| {
        Error::new(ErrorKind::Io, format!("cannot use the directory `{}` for {purpose}", directory.display()))
            .with_detail(error.to_string())
            .with_source(error)
    })?;
    Ok(path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_shared_as_long_as_somebody_holds_it() {
        let shared = Shared::new();
        let one = shared.named("a", || Ok(Arc::new(1))).unwrap();
        assert!(Arc::ptr_eq(&one, &shared.named("a", || Ok(Arc::new(2))).unwrap()));
        assert_eq!(*shared.named("b", || Ok(Arc::new(3))).unwrap(), 3);
        drop(one);
        assert_eq!(*shared.named("a", || Ok(Arc::new(4))).unwrap(), 4);
    }

    #[test]
    fn what_cannot_be_made_is_asked_for_again() {
        let shared = Shared::new();
        let refused = shared.named("a", || Err(Error::new(ErrorKind::Io, "not today")));
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Io);
        assert_eq!(*shared.named("a", || Ok(Arc::new(1))).unwrap(), 1);
    }

    #[test]
    fn directory_has_one_name_however_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let name = name_of_directory(&dir.path().join("log"), "the log").unwrap();
        assert_eq!(name_of_directory(&dir.path().join("log/../log/."), "the log").unwrap(), name);
        std::fs::write(dir.path().join("file"), "").unwrap();
        let error = name_of_directory(&dir.path().join("file"), "the log").unwrap_err();
        assert!(error.to_string().contains("file` for the log"), "{error}");
    }
}
