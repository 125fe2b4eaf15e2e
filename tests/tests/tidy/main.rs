//! The tree keeps the promises that no compiler checks: the directions between the framework's modules, who may
//! name which library, and a word on top of every file.

mod links;

use std::fs;
use std::path::{Path, PathBuf};

/// The framework's modules from left to right; those of one line are peers and do not use each other.
const LAYERS: &[&[&str]] = &[
    &["error"],
    &["record"],
    &["config"],
    &["metrics"],
    &["serde", "window", "engine"],
    &["log", "store"],
    &["operator"],
    &["topology"],
    &["dsl", "runtime"],
    &["testing"],
];

/// Libraries that only one place may name.
const CONFINED: &[(&str, &str)] =
    &[("rocksdb::", "engine/rocksdb"), ("fjall::", "engine/fjall"), ("rdkafka::", "log/kafka")];

/// Without doc comments.
const FILE_LINES_MAX: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").to_owned()
}

fn rust_files(directory: &Path) -> Vec<PathBuf> {
    files(directory, "rs")
}

/// What ends so below a directory, without what is built or hidden.
fn files(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        let entries = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(!files.is_empty(), "no files .{ending} under {}", directory.display());
    files
}

/// The code of a file, without comments and unit tests, with line numbers.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(number, line)| (number + 1, line))
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|peers| peers.contains(&module))
}

/// The modules of the crate that a line names.
fn modules_named(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    })
}

#[test]
fn modules_use_only_what_stands_to_their_left() {
    let source = root().join("framework/src");
    let mut broken = Vec::new();
    for file in rust_files(&source) {
        let relative = file.strip_prefix(&source).unwrap();
        let first = relative.components().next().unwrap().as_os_str().to_string_lossy().replace(".rs", "");
        let Some(own) = layer(&first) else {
            // `guide` has no code: it makes tests of the chapters in docs/guide. `broken` is built for the simulation's own
            // tests alone, and any module may be broken.
            let is_apart = ["lib", "guide", "broken"].contains(&&*first);
            assert!(is_apart, "{} belongs to no module of the list", relative.display());
            continue;
        };
        // A module that is only compiled for tests may look anywhere.
        if file.file_stem().is_some_and(|stem| stem == "tests" || stem == "testing") && first != "testing" {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in code(&text) {
            for used in modules_named(line) {
                let is_left = layer(used).is_none_or(|used_layer| used_layer < own || used == first);
                if !is_left {
                    broken.push(format!("{}:{number}: `{first}` uses `{used}`", relative.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "directions between modules are broken:\n{}", broken.join("\n"));
}

/// No program and no other feature gets the deliberately broken variants by accident.
#[test]
fn broken_variants_are_built_on_request_alone() {
    let manifests = ["framework", "tests"].map(|package| root().join(package).join("Cargo.toml"));
    let asking: Vec<String> = files(&root(), "toml")
        .into_iter()
        .filter(|path| path.ends_with("Cargo.toml"))
        .flat_map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let lines: Vec<String> = text
                .lines()
                .filter(|line| !line.starts_with('#') && line.contains("broken"))
                .map(str::to_owned)
                .collect();
            assert!(lines.is_empty() || manifests.contains(&path), "{} names the feature `broken`", path.display());
            lines
        })
        .collect();
    assert_eq!(asking, ["broken = []", "broken = [\"kstreams/broken\"]"]);
}

/// The compiler names the remedy for a type without a format only where a method asks for one itself: a bound on the
/// whole `impl` hides the method instead.
#[test]
fn steps_of_streams_ask_for_formats_themselves() {
    let hidden = |text: &str| {
        let steps = text.lines().filter(|line| line.starts_with("impl<") && line.contains("> KStream<"));
        steps.filter(|line| line.contains("Nullable") || line.contains("Datum") || line.contains("Wire")).count()
    };
    assert_eq!(hidden("impl<K: Nullable, V: Nullable> KStream<K, V> {"), 1);
    for file in rust_files(&root().join("framework/src/dsl")) {
        assert_eq!(hidden(&fs::read_to_string(&file).unwrap()), 0, "{}", file.display());
    }
}

#[test]
fn engines_and_clients_are_named_in_one_place_only() {
    let source = root().join("framework/src");
    let mut broken = Vec::new();
    for file in rust_files(&source) {
        let relative = file.strip_prefix(&source).unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in code(&text) {
            for (library, home) in CONFINED {
                let named = line.match_indices(library).any(|(at, _)| {
                    let before = line[..at].chars().next_back();
                    !matches!(before, Some(c) if c.is_alphanumeric() || c == '_' || c == ':')
                });
                // Our own modules of the same names are reached through `self::` or `super::`.
                if named
                    && !relative.starts_with(home)
                    && line.contains(&format!("use {library}"))
                    && relative != "engine/mod.rs"
                {
                    broken.push(format!("{relative}:{number}: {}", line.trim()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "named outside their module:\n{}", broken.join("\n"));
}

#[test]
fn every_file_begins_with_what_it_is() {
    let root = root();
    let mut bare = Vec::new();
    for folder in ["framework", "apps", "bench", "tests"] {
        for file in rust_files(&root.join(folder)) {
            let text = fs::read_to_string(&file).unwrap();
            let first = text.lines().find(|line| !line.starts_with("#!") && !line.trim().is_empty()).unwrap_or("");
            if !first.starts_with("//!") {
                bare.push(file.strip_prefix(&root).unwrap().display().to_string());
            }
        }
    }
    assert!(bare.is_empty(), "files without a module doc:\n{}", bare.join("\n"));
}

#[test]
fn files_are_rooms_not_halls() {
    let root = root();
    let mut long = Vec::new();
    for folder in ["framework/src", "apps", "bench"] {
        for file in rust_files(&root.join(folder)) {
            let text = fs::read_to_string(&file).unwrap();
            // Examples make doc comments long, and no file harder to find one's way in.
            let lines = text.lines().filter(|line| !line.trim_start().starts_with("///")).count();
            if lines > FILE_LINES_MAX {
                long.push(format!("{} has {lines} lines", file.strip_prefix(&root).unwrap().display()));
            }
        }
    }
    assert!(long.is_empty(), "files over {FILE_LINES_MAX} lines:\n{}", long.join("\n"));
}

#[test]
fn nothing_is_left_unfinished() {
    let root = root();
    let marks = ["todo!(", "unimplemented!(", concat!("FIX", "ME"), concat!("TO", "DO:"), concat!("#[", "ignore")];
    let mut found = Vec::new();
    for folder in ["framework", "apps", "bench", "tests"] {
        for file in rust_files(&root.join(folder)) {
            if file.ends_with("tidy/main.rs") {
                continue;
            }
            for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
                if marks.iter().any(|mark| line.contains(mark)) {
                    found.push(format!(
                        "{}:{}: {}",
                        file.strip_prefix(&root).unwrap().display(),
                        number + 1,
                        line.trim()
                    ));
                }
            }
        }
    }
    assert!(found.is_empty(), "unfinished:\n{}", found.join("\n"));
}

#[test]
fn nothing_reads_what_lies_outside_the_project() {
    let root = root();
    for folder in ["framework", "apps", "bench", "tests"] {
        for file in rust_files(&root.join(folder)) {
            let text = fs::read_to_string(&file).unwrap();
            let outside = concat!("/work", "/shared");
            assert!(!text.contains(outside) && !text.contains(concat!("../", "shared")), "{}", file.display());
        }
    }
}
