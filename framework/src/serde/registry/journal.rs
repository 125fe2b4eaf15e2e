//! Where the embedded registry writes down what it registers: lines of JSON.

use crate::error::{Error, ErrorKind, Result};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Lines that survive the process.
pub trait Journal: Send {
    /// Every line that was appended, oldest first. Called once, before any append.
    ///
    /// # Errors
    /// `Io` from the disk.
    fn lines(&mut self) -> Result<Vec<String>>;

    /// Appends a line; when this returns it survives a crash.
    ///
    /// # Errors
    /// `Io` from the disk; the line may or may not have been written then.
    fn append(&mut self, line: &str) -> Result<()>;
}

/// A journal in a file of its own.
#[derive(Debug)]
pub struct FileJournal {
    path: PathBuf,
    file: File,
    end: u64,
}

impl FileJournal {
    /// Opens the file, or creates it.
    ///
    /// # Errors
    /// `Io` if the file cannot be opened for reading and writing.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|error| in_file(error, &path))?;
        Ok(FileJournal { path, file, end: 0 })
    }
}

impl Journal for FileJournal {
    /// A last line without its line feed was cut off by a crash before `append` returned: it is overwritten.
    fn lines(&mut self) -> Result<Vec<String>> {
        let mut text = String::new();
        self.file.read_to_string(&mut text).map_err(|error| in_file(error, &self.path))?;
        let whole = text.rfind('\n').map_or(0, |last| last + 1);
        self.end = whole as u64;
        Ok(text[..whole].lines().map(str::to_string).collect())
    }

    fn append(&mut self, line: &str) -> Result<()> {
        let write = |file: &mut File| {
            file.set_len(self.end)?;
            file.seek(SeekFrom::Start(self.end))?;
            file.write_all(line.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_data()
        };
        write(&mut self.file).map_err(|error| in_file(error, &self.path))?;
        self.end += line.len() as u64 + 1;
        Ok(())
    }
}

fn in_file(error: std::io::Error, path: &Path) -> Error {
    Error::new(ErrorKind::Io, format!("the schema registry's file {} cannot be used", path.display()))
        .with_detail(error.to_string())
        .with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_cut_off_by_a_crash_is_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("schemas");
        std::fs::write(&path, "one\ntw").unwrap();
        let mut journal = FileJournal::open(&path).unwrap();
        assert_eq!(journal.lines().unwrap(), ["one"]);
        journal.append("x").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\nx\n");
    }

    #[test]
    fn unusable_path_is_named() {
        let error = FileJournal::open("/nonexistent/schemas").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().contains("/nonexistent/schemas"));
    }
}
