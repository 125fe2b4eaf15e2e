//! From the simulation to the page: everything arrives, and is counted exactly.

use crate::found::Found;
use crate::program::{Started, demo};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The body of the page's answer; empty if there was none.
pub fn get(address: &str, path: &str) -> String {
    answer(address, &format!("GET {path} HTTP/1.1"), "")
}

/// The body of the answer to a request of that head and body.
pub fn answer(address: &str, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{head}\r\nHost: demo\r\nConnection: close\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
}

#[test]
fn steps_that_are_done_are_counted_exactly_when_it_ends() {
    let directory = tempfile::tempdir().unwrap();
    let run = || {
        let demo = Started::start(demo(directory.path()).args(["--steps=20", "--speed=1e9", "--seed=3", "--report"]));
        let (output, ended_well) = demo.finish();
        assert!(ended_well, "{output}");
        assert!(output.contains("processor:") && output.contains("zero"), "{output}");
        let found = Found::open(directory.path());
        found.assert_counts_are_exact();
        found.assert_stations_are_complete();
        found.saved().simulation.clock.step
    };
    assert_eq!(run(), 20);
    assert_eq!(run(), 40, "a second run goes on where the first ended");
}

#[test]
fn everything_is_on_the_page_within_the_first_steps() {
    let directory = tempfile::tempdir().unwrap();
    let mut demo = Started::start(demo(directory.path()).args(["--speed=10", "--seed=3"]));
    let begun = Instant::now();
    let is_complete = |lines: &Value| {
        let stations = || lines.as_array().into_iter().flatten().flat_map(|line| line["stations"].as_array()).flatten();
        let trains: usize = ["direction_a", "direction_b"]
            .map(|side| stations().map(|station| station[side].as_array().map_or(0, Vec::len)).sum::<usize>())
            .iter()
            .sum();
        stations().count() == 94 && trains == 30 && stations().all(|station| station["entries"].as_u64() > Some(0))
    };
    while !is_complete(&serde_json::from_str(&get(&demo.page, "/api/lines")).unwrap_or_default()) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", get(&demo.page, "/api/lines"));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(get(&demo.page, "/api/weather").contains("temperature"));
    demo.child.kill().unwrap();
    demo.child.wait().unwrap();
}
