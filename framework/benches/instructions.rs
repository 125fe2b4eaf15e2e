//! `make instructions`: what a record costs in instructions, counted by callgrind, compared with what was committed.
//!
//! A count does not depend on how busy the machine is, so it may fail a build where a time may not. It depends on the
//! compiler: after an update of Rust, or a change that is worth its price, `make instructions WRITE=1` writes the counts
//! anew, and the difference is seen in review.
//!
//! The program runs itself under callgrind, once for each piece, and only what happens in [`measured`] is counted.

mod work;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode};
use work::{PIECES, Piece, Work};

/// The pieces that are guarded: those that every record of an aggregation meets.
const GUARDED: [&str; 6] =
    ["edge/map_values", "cache/hit", "overlay/put", "changelog/write", "outbox/append", "log/poll"];
/// How much a count may move, in percent: less is noise of code placement.
const TOLERANCE: f64 = 3.0;
const BASELINE: &str = "benches/instructions.txt";

/// What is done to a piece before it is counted: caches are full then, and buffers have their size.
const WARM_UP: usize = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = match arguments.as_slice() {
        ["--piece", name] => run_piece(name),
        ["--write"] => write(),
        [] => compare(),
        _ => Err(String::from("usage: instructions [--write]")),
    };
    match answer {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("instructions: {message}");
            ExitCode::FAILURE
        }
    }
}

/// In the process that callgrind watches.
fn run_piece(name: &str) -> Result<(), String> {
    let mut work = (piece(name)?.begin)();
    for _ in 0..WARM_UP {
        work.prepare();
        work.run();
    }
    work.prepare();
    measured(&mut *work);
    Ok(())
}

/// What is counted: callgrind knows it by its name.
#[inline(never)]
fn measured(work: &mut dyn Work) {
    work.run();
}

fn piece(name: &str) -> Result<&'static Piece, String> {
    PIECES.iter().find(|piece| piece.name == name).ok_or_else(|| format!("there is no piece `{name}`"))
}

/// Instructions for one record, by piece.
fn count_all() -> Result<BTreeMap<String, f64>, String> {
    let count = |name: &&str| Ok((name.to_string(), count(name)?));
    GUARDED.iter().map(count).collect()
}

fn count(name: &str) -> Result<f64, String> {
    let program = std::env::current_exe().map_err(|error| format!("this program cannot be found: {error}"))?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*measured*"])
        .arg(program)
        .args(["--piece", name])
        .output()
        .map_err(|error| format!("valgrind cannot be run: {error}; `scripts/setup instructions` installs it"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected : "));
    let collected = collected.and_then(|(_, number)| number.trim().parse::<u64>().ok()).filter(|count| *count > 0);
    match collected.filter(|_| output.status.success()) {
        Some(instructions) => Ok(instructions as f64 / piece(name)?.records as f64),
        None => Err(format!("callgrind counted nothing for `{name}`: {}", said.trim())),
    }
}

fn write() -> Result<(), String> {
    let lines = count_all()?.into_iter().map(|(name, count)| format!("{name} {count:.1}\n"));
    std::fs::write(baseline(), lines.collect::<String>()).map_err(|error| format!("{BASELINE}: {error}"))
}

fn compare() -> Result<(), String> {
    let committed = read_baseline()?;
    let counted = count_all()?;
    println!("{:<18}{:>12}{:>12}{:>10}", "per record", "committed", "now", "change");
    let mut moved = Vec::new();
    for (name, now) in &counted {
        let before = committed.get(name).ok_or_else(|| format!("{BASELINE} has no line for `{name}`"))?;
        let change = (now / before - 1.0) * 100.0;
        println!("{name:<18}{before:>12.1}{now:>12.1}{change:>+9.1}%");
        if change.abs() > TOLERANCE {
            moved.push(name.as_str());
        }
    }
    match moved.as_slice() {
        [] => Ok(()),
        moved => Err(format!(
            "{} moved by more than {TOLERANCE} %; if that is meant, or comes with a new compiler, commit what \
             `make instructions WRITE=1` writes",
            moved.join(", ")
        )),
    }
}

fn read_baseline() -> Result<BTreeMap<String, f64>, String> {
    let text = std::fs::read_to_string(baseline()).map_err(|error| format!("{BASELINE}: {error}"))?;
    let line = |line: &str| {
        let (name, count) = line.split_once(' ')?;
        Some((name.to_owned(), count.parse().ok()?))
    };
    text.lines().map(|text| line(text).ok_or_else(|| format!("{BASELINE}: not a count: {text}"))).collect()
}

fn baseline() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(BASELINE)
}
