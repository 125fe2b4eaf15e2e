//! Runs every golden file of `tests/conformance/golden` (or `$CONFORMANCE_DIR`) against the Rust topology of the same
//! name, in several ways that must not change the result, and prints how many cases are equal.
//!
//! A word on the command line, or `$CONFORMANCE_FILE`, picks the files whose names contain it; `=name` picks one.

mod case;
mod difference;
mod golden;
mod kinds;
mod report;
mod stores;
mod topologies;
mod variant;

use golden::Golden;
use report::{FileResult, Report};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use variant::Variant;

/// Files are independent of each other: each thread takes the next one.
const THREADS: usize = 4;

fn main() -> ExitCode {
    // Arguments of the built-in test harness may be meant for other binaries.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if std::env::args().any(|word| word == "--list") {
        return ExitCode::SUCCESS;
    }
    let wanted = words.first().cloned().or_else(|| std::env::var("CONFORMANCE_FILE").ok());
    let golden = match golden::read(&directory(), wanted.as_deref()) {
        Ok(golden) if golden.is_empty() => {
            println!("no golden file matches {wanted:?} in {}", directory().display());
            return ExitCode::FAILURE;
        }
        Ok(golden) => golden,
        Err(error) => {
            println!("{}: {error}", directory().display());
            return ExitCode::FAILURE;
        }
    };
    let reports: Vec<Report> = Variant::all().into_iter().map(|variant| run(variant, &golden)).collect();
    report::print(&reports, &golden);
    match reports.iter().all(Report::is_equal) && report::without_topology(&golden).1.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn directory() -> PathBuf {
    match std::env::var_os("CONFORMANCE_DIR") {
        Some(directory) => PathBuf::from(directory),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("conformance/golden"),
    }
}

/// Runs every file that has a topology.
fn run(variant: Variant, golden: &[Golden]) -> Report {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(golden) = golden.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = run_file(variant, golden);
                    results.lock().expect("no thread panics with the lock").extend(result);
                }
            });
        }
    });
    let mut files = results.into_inner().expect("no thread panics with the lock");
    files.sort_by(|a: &FileResult, b: &FileResult| a.name.cmp(&b.name));
    Report { variant, files }
}

fn run_file(variant: Variant, golden: &Golden) -> Option<FileResult> {
    let build = topologies::find(&golden.name)?;
    let mut result = FileResult::new(&golden.name, golden.cases.len());
    if let Some(reason) = variant.exemption(golden) {
        result.exempt = Some(reason);
        return Some(result);
    }
    match case::describe(golden, build) {
        Ok(()) => {}
        Err(difference) => result.differences.push(difference),
    }
    for (equal, case) in result.equal.iter_mut().zip(&golden.cases) {
        match case::run(variant, golden, case, build) {
            Ok(()) => *equal = true,
            Err(difference) => result.differences.push(difference),
        }
    }
    Some(result)
}
