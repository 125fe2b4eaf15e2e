//! `kill -9` of the whole process, thirty times: no rider is lost, none is counted twice.

use crate::found::Found;
use crate::program::{Started, demo};
use std::time::Duration;

const KILLS: u64 = 30;

#[test]
fn counts_are_exact_after_thirty_kills() {
    let directory = tempfile::tempdir().unwrap();
    for kill in 0..KILLS {
        let mut child = demo(directory.path()).args(["--speed=300", "--seed=9"]).spawn().unwrap();
        // Spread over opening, restoring and running; which moment is hit depends on the machine.
        std::thread::sleep(Duration::from_millis(100 + kill * 97 % 700));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let last = Started::start(demo(directory.path()).args(["--speed=300", "--seed=9", "--steps=5"]));
    let (output, ended_well) = last.finish();
    assert!(ended_well, "{output}");
    let found = Found::open(directory.path());
    found.assert_counts_are_exact();
    found.assert_stations_are_complete();
    assert!(found.saved().simulation.clock.step > KILLS, "the kills left time for steps between them");
}
