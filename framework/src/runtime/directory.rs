//! The state directory of an instance: one owner at a time, one format, and an id that outlives the process.
//!
//! ```text
//! <state.dir>/<application.id>/lock         held until the instance has ended
//!                              format       what wrote the directory
//!                              process-id   the same after every restart
//!                              engine/      the stores
//! ```
//!
//! It never looks into the engine.

use crate::engine::LockFile;
use crate::error::{Error, ErrorKind, Result};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The layout that this version reads and writes.
const FORMAT: &str = "kstreams-state 1";

/// A directory that is ours until this value is dropped.
#[derive(Debug)]
pub(crate) struct StateDirectory {
    root: PathBuf,
    process_id: String,
    _lock: LockFile,
}

impl StateDirectory {
    /// Takes the directory of an application, creating what is missing. `fresh_id` becomes the process id if there is
    /// none yet.
    ///
    /// # Errors
    /// `InUse` if another instance has it, `Config` if its format is not known, `Io` if it cannot be written.
    pub(crate) fn acquire(state_dir: &Path, application_id: &str, fresh_id: &str) -> Result<Self> {
        let root = state_dir.join(application_id);
        fs::create_dir_all(&root).map_err(|error| unusable(&root, error))?;
        // The lock comes first: what the other files say may still be in the making by another process.
        let lock = lock(&root)?;
        check_format(&root)?;
        let process_id = process_id(&root, fresh_id)?;
        Ok(StateDirectory { root, process_id, _lock: lock })
    }

    /// Where the engine is.
    pub(crate) fn engine(&self) -> PathBuf {
        engine_in(&self.root)
    }

    /// The id of this instance, the same after every restart: transactions of a process that was killed are
    /// recognised by it.
    pub(crate) fn process_id(&self) -> &str {
        &self.process_id
    }
}

/// Where the engine is in the directory of an application.
pub(super) fn engine_in(root: &Path) -> PathBuf {
    root.join("engine")
}

pub(super) fn lock(root: &Path) -> Result<LockFile> {
    LockFile::hold(&root.join("lock")).map_err(|error| unusable(root, error))?.ok_or_else(|| {
        let sentence = format!("state directory `{}` is in use by another instance of the application", root.display());
        Error::new(ErrorKind::InUse, sentence)
            .with_hint("close that instance, or give this one a `state.dir` of its own")
    })
}

pub(super) fn check_format(root: &Path) -> Result<()> {
    match fs::read_to_string(root.join("format")) {
        Ok(format) if format.trim_end() == FORMAT => Ok(()),
        Ok(format) => Err(Error::new(
            ErrorKind::Config,
            format!("state directory `{}` has the unknown format {:?}", root.display(), format.trim_end()),
        )
        .with_hint("use the version of the program that wrote it, or delete the directory to restore from changelogs")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write_whole(root, "format", FORMAT).map_err(|error| unusable(root, error))
        }
        Err(error) => Err(unusable(root, error)),
    }
}

fn process_id(root: &Path, fresh: &str) -> Result<String> {
    match fs::read_to_string(root.join("process-id")) {
        Ok(id) if !id.trim().is_empty() => Ok(id.trim().to_owned()),
        Ok(_) => keep_process_id(root, fresh),
        Err(error) if error.kind() == io::ErrorKind::NotFound => keep_process_id(root, fresh),
        Err(error) => Err(unusable(root, error)),
    }
}

fn keep_process_id(root: &Path, fresh: &str) -> Result<String> {
    write_whole(root, "process-id", fresh).map_err(|error| unusable(root, error))?;
    Ok(fresh.to_owned())
}

/// Writes a file whole or not at all.
fn write_whole(root: &Path, name: &str, text: &str) -> io::Result<()> {
    let draft = root.join(format!("{name}.new"));
    let mut file = File::create(&draft)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(draft, root.join(name))
}

pub(super) fn unusable(root: &Path, error: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("state directory `{}` cannot be used", root.display()))
        .with_detail(error.to_string())
        .with_hint("set `state.dir` to a directory that this process may write")
        .with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_id_outlives_the_instance() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(StateDirectory::acquire(dir.path(), "app", "first").unwrap().process_id(), "first");
        assert_eq!(StateDirectory::acquire(dir.path(), "app", "second").unwrap().process_id(), "first");
        assert_eq!(StateDirectory::acquire(dir.path(), "other", "second").unwrap().process_id(), "second");
    }

    #[test]
    fn second_instance_is_refused_in_one_sentence() {
        let dir = tempfile::tempdir().unwrap();
        let _first = StateDirectory::acquire(dir.path(), "app", "id").unwrap();
        let error = StateDirectory::acquire(dir.path(), "app", "id").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InUse);
        assert!(error.message().contains("is in use by another instance"));
    }

    #[test]
    fn unknown_format_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        drop(StateDirectory::acquire(dir.path(), "app", "id").unwrap());
        fs::write(dir.path().join("app/format"), "kstreams-state 99\n").unwrap();
        assert_eq!(StateDirectory::acquire(dir.path(), "app", "id").unwrap_err().kind(), ErrorKind::Config);
    }

    #[test]
    fn directory_that_is_a_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("app"), "").unwrap();
        let error = StateDirectory::acquire(dir.path(), "app", "id").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.hint().unwrap().contains("state.dir"));
    }
}
