//! `kill -9` at any time: what is on the log stays a beginning of the one sequence that the seed gives.

use crate::bench::{production, values};
use kstreams::log::connect;
use kstreams::record::SystemClock;
use kstreams::serde::registry::EmbeddedRegistry;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use transit_model::names::TURNSTILES;
use transit_model::simulation::Turnstiles;
use transit_producers::{Production, Saved, run_turnstiles};

const KILLS: u64 = 12;

/// Runs the program on that directory and kills it after a while.
fn run_and_kill(directory: &Path, after: Duration) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_transit-turnstiles-producer"))
        .arg(format!("--log=embedded:{}", directory.display()))
        .args(["--seed=7", "--start=2026-11-20", "--speed=200"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(after);
    program.kill().unwrap();
    program.wait().unwrap();
}

fn on_disk(directory: &Path) -> Production {
    let log = connect(&format!("embedded:{}", directory.display()), Arc::new(SystemClock)).unwrap();
    let registry = Arc::new(EmbeddedRegistry::open(directory.join("schemas")).unwrap());
    Production { log, registry, ..production("kill", 5, 1) }
}

#[test]
fn killed_producer_neither_repeats_nor_leaves_out_an_event() {
    let directory = tempfile::tempdir().unwrap();
    for kill in 0..KILLS {
        // Spread over start, steps and pauses; which of them is hit depends on the machine.
        run_and_kill(directory.path(), Duration::from_millis(20 + kill * 53 % 400));
    }
    let killed = on_disk(directory.path());
    run_turnstiles(&killed).unwrap();
    let saved = Saved::<Turnstiles>::load(&*killed.log, "turnstiles").unwrap().unwrap();
    let straight = production("kill-straight", saved.simulation.clock.step, 1);
    run_turnstiles(&straight).unwrap();
    let (found, expected) = (values(&killed, TURNSTILES), values(&straight, TURNSTILES));
    assert_eq!((found.len(), saved.events), (expected.len(), expected.len() as u64));
    assert!(found == expected, "the events differ");
}
