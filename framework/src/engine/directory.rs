//! The directory of an engine on disk: one owner at a time, and one format it was written in.
//!
//! It never looks at the data itself; that lies in [`Directory::data`] and is the engine's.

use super::{EngineKind, LockFile};
use crate::error::{Error, ErrorKind, Result};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The layout that this version reads and writes. It changes when spaces or keys are laid out differently.
const FORMAT_VERSION: u32 = 1;

const LOCK_FILE: &str = "engine.lock";
const FORMAT_FILE: &str = "engine.format";
const DATA_DIRECTORY: &str = "data";

/// A directory that is ours until this value is dropped.
pub(super) struct Directory {
    data: PathBuf,
    _lock: LockFile,
}

impl Directory {
    /// Takes `root` for an engine of `kind`, creating what is missing.
    pub(super) fn acquire(root: &Path, kind: EngineKind) -> Result<Self> {
        fs::create_dir_all(root).map_err(|error| unusable(root, error))?;
        // The lock comes first: what the format file says may still be in the making by another process.
        let lock = lock(root)?;
        claim_format(root, kind)?;
        Ok(Directory { data: root.join(DATA_DIRECTORY), _lock: lock })
    }

    /// Where the engine keeps its files.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }
}

fn lock(root: &Path) -> Result<LockFile> {
    LockFile::hold(&root.join(LOCK_FILE)).map_err(|error| unusable(root, error))?.ok_or_else(|| {
        Error::new(ErrorKind::InUse, format!("directory `{}` is in use by another instance", root.display()))
            .with_hint("stop that instance, or give this one a directory of its own")
    })
}

/// Checks the format file, or writes it where the directory is new.
fn claim_format(root: &Path, kind: EngineKind) -> Result<()> {
    match fs::read_to_string(root.join(FORMAT_FILE)) {
        Ok(text) => check_format(root, &text, kind),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            refuse_nameless_data(root)?;
            write_format(root, kind).map_err(|error| unusable(root, error))
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(unknown_format(root, "it is not text")),
        Err(error) => Err(unusable(root, error)),
    }
}

fn check_format(root: &Path, text: &str, kind: EngineKind) -> Result<()> {
    let mut words = text.split_whitespace();
    let (Some("kstreams-engine"), Some(version), Some(engine)) = (words.next(), words.next(), words.next()) else {
        return Err(unknown_format(root, format!("{text:?}")));
    };
    if version.parse() != Ok(FORMAT_VERSION) {
        return Err(unknown_format(root, format!("version {version}, this program knows version {FORMAT_VERSION}")));
    }
    if engine != kind.name() {
        let message =
            format!("directory `{}` was written by engine `{engine}`, not by `{}`", root.display(), kind.name());
        return Err(Error::new(ErrorKind::Config, message)
            .with_hint(format!("choose engine `{engine}` again, or another directory")));
    }
    Ok(())
}

/// The engine whose data a directory holds; `None` if there is none.
pub(super) fn written_by(root: &Path) -> Result<Option<EngineKind>> {
    match fs::read_to_string(root.join(FORMAT_FILE)) {
        Ok(text) => {
            let kind = text.split_whitespace().nth(2).and_then(|engine| engine.parse().ok());
            let kind = kind.ok_or_else(|| unknown_format(root, format!("{text:?}")))?;
            check_format(root, &text, kind).map(|()| Some(kind))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(root, error)),
    }
}

/// Data without a format file is older than any version, or not ours.
fn refuse_nameless_data(root: &Path) -> Result<()> {
    match root.join(DATA_DIRECTORY).try_exists() {
        Ok(false) => Ok(()),
        Ok(true) => Err(unknown_format(root, format!("`{FORMAT_FILE}` is missing"))),
        Err(error) => Err(unusable(root, error)),
    }
}

/// Whole or not at all, and before the first byte of data: a crash in between leaves a new directory.
fn write_format(root: &Path, kind: EngineKind) -> io::Result<()> {
    let draft = root.join(format!("{FORMAT_FILE}.new"));
    let mut file = File::create(&draft)?;
    writeln!(file, "kstreams-engine {FORMAT_VERSION} {}", kind.name())?;
    file.sync_all()?;
    fs::rename(draft, root.join(FORMAT_FILE))?;
    File::open(root)?.sync_all()
}

fn unknown_format(root: &Path, detail: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, format!("directory `{}` has an unknown format", root.display()))
        .with_detail(detail)
        .with_hint("use the version of the program that wrote it, or another directory")
}

fn unusable(root: &Path, error: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("directory `{}` cannot be used", root.display()))
        .with_detail(error.to_string())
        .with_source(error)
}
