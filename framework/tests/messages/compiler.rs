//! Runs the compiler on a few steps, against the library that cargo has just built for these tests.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the compiler said.
pub struct Said(String);

impl Said {
    pub fn contains(&self, text: &str) -> bool {
        self.0.contains(text)
    }

    /// The first error's own line.
    pub fn first(&self) -> &str {
        self.errors().next().expect("what does not compile has an error")
    }

    /// The errors' own lines.
    pub fn errors(&self) -> impl Iterator<Item = &str> {
        self.0.lines().filter(|line| line.starts_with("error["))
    }

    /// The word of the program that the first error of that message points at.
    pub fn at(&self, message: &str) -> Option<String> {
        let mut lines = self.0.lines().skip_while(|line| !(line.starts_with("error[") && line.contains(message)));
        let place = lines.find_map(|line| line.trim_start().strip_prefix("--> main.rs:"))?;
        let (line, column) = place.split_once(':')?;
        let program = lines.find_map(|shown| shown.strip_prefix(line)?.trim_start().strip_prefix("| "))?;
        let word = program.chars().skip(column.parse::<usize>().ok()? - 1);
        Some(word.take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect())
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// That the steps compile.
pub fn compiles(steps: &str) {
    if let Err(said) = compile(steps) {
        panic!("{said}");
    }
}

/// What the compiler says against the steps.
pub fn refuses(steps: &str) -> Said {
    compile(steps).err().unwrap_or_else(|| panic!("this compiles: {steps}"))
}

fn compile(steps: &str) -> Result<(), Said> {
    let directory = tempfile::tempdir().unwrap();
    let program = format!(
        r#"#![allow(unused)]
#[derive(Clone)]
struct Station;
fn main() {{
    let builder = kstreams::dsl::StreamsBuilder::new();
    let names = builder.table::<i64, String>("names");
    let rides = builder.stream::<i64, i64>("rides");
    {steps}
}}
"#
    );
    std::fs::write(directory.path().join("main.rs"), program).unwrap();
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let built = built();
    let output = Command::new(compiler)
        .current_dir(directory.path())
        .args(["--edition=2024", "--emit=metadata", "--color=never", "main.rs", "--extern"])
        .arg(format!("kstreams={}", library(&built).display()))
        .arg("-L")
        .arg(format!("dependency={}", built.display()))
        .output()
        .expect("the compiler is in the path");
    match output.status.success() {
        true => Ok(()),
        false => Err(Said(String::from_utf8_lossy(&output.stderr).into_owned())),
    }
}

/// Where cargo keeps what it builds: beside this very test.
fn built() -> PathBuf {
    std::env::current_exe().unwrap().parent().expect("a program is in a directory").to_owned()
}

/// The library. There may be several, with other features or of older sources; the newest is the one just built, or
/// as good as it.
fn library(built: &Path) -> PathBuf {
    let files = std::fs::read_dir(built).unwrap().map(|entry| entry.unwrap());
    let is_library = |name: &str| name.starts_with("libkstreams-") && name.ends_with(".rlib");
    let libraries = files.filter(|file| is_library(&file.file_name().to_string_lossy()));
    let newest = libraries.max_by_key(|file| file.metadata().unwrap().modified().unwrap());
    newest.expect("cargo builds the library before its tests").path()
}
