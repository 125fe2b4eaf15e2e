//! A file that tells owners of a directory apart: one at a time, over all processes.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// A locked file. The lock ends with this value, and with the process however it ends.
#[derive(Debug)]
pub(crate) struct LockFile(File);

impl LockFile {
    /// Locks the file, which is created if it does not exist; `None` if somebody else has it.
    ///
    /// # Errors
    /// What the operating system refuses.
    pub(crate) fn hold(path: &Path) -> io::Result<Option<Self>> {
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(LockFile(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // A process that is just being started from this one holds the open file, too, until it runs its own program:
        // closing ours alone would leave the directory in use for that long.
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "unlocking a directory");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = LockFile::hold(&path).unwrap();
        assert!(held.is_some());
        assert!(LockFile::hold(&path).unwrap().is_none());
        drop(held);
        assert!(LockFile::hold(&path).unwrap().is_some());
    }

    #[test]
    fn process_that_is_being_started_does_not_keep_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = LockFile::hold(&path).unwrap().unwrap();
        let inherited = held.0.try_clone().unwrap();
        drop(held);
        assert!(LockFile::hold(&path).unwrap().is_some());
        drop(inherited);
    }
}
