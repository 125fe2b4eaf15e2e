//! The demo as a program: what it prints, how it ends, what it refuses.

use crate::found::Found;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// The program on that directory, on free ports, quiet.
pub fn demo(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_transit-demo"));
    command.arg("--dir").arg(directory).arg("--start=2026-11-20T08:00");
    command.env("TRANSIT_PORT", "0").env("RUST_LOG", "off").stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A started program and its output, after the lines with the addresses.
pub struct Started {
    pub child: Child,
    pub page: String,
    pub gateway: String,
    output: BufReader<ChildStdout>,
}

impl Started {
    pub fn start(command: &mut Command) -> Started {
        let mut child = command.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut address = |name: &str| {
            let mut line = String::new();
            output.read_line(&mut line).unwrap();
            let address = line.trim().strip_prefix(name).unwrap_or_else(|| panic!("no {name}: {line:?}"));
            address.to_owned()
        };
        let (page, gateway) = (address("page:    http://"), address("gateway: http://"));
        Started { page, gateway, child, output }
    }

    /// Waits for its end: what it printed, and whether it ended well.
    pub fn finish(mut self) -> (String, bool) {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        (rest, self.child.wait().unwrap().success())
    }

    pub fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }
}

fn refused(output: Output) -> String {
    assert!(!output.status.success());
    let error = text(output.stderr);
    assert_eq!(error.trim().lines().count(), 1, "one sentence: {error}");
    error.trim().to_owned()
}

fn text(output: Vec<u8>) -> String {
    String::from_utf8(output).unwrap()
}

/// The number in `turnstiles: produced 123 events in …`.
fn produced(output: &str) -> usize {
    let line =
        output.lines().find_map(|line| line.strip_prefix("turnstiles: produced ")).expect("a line of the producer");
    line.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn sigterm_ends_it_in_order_and_everything_reported_can_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let demo = Started::start(demo(directory.path()).arg("--speed=100"));
    // Some steps have gone by once the first rider is on the page; how many does not matter.
    while !crate::whole::get(&demo.page, "/api/lines").contains("\"riders_last_hour\":1") {}
    demo.terminate();
    let (output, ended_well) = demo.finish();
    assert!(ended_well, "{output}");
    let found = Found::open(directory.path());
    assert_eq!(found.messages(transit_model::names::TURNSTILES).len(), produced(&output));
}

#[test]
fn start_and_end_are_told_in_a_few_lines_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let output = demo(directory.path()).env_remove("RUST_LOG").args(["--steps=1", "--speed=10"]).output().unwrap();
    assert_eq!((output.status.success(), text(output.stderr).as_str()), (true, ""));
    let said = text(output.stdout);
    let begins: Vec<&str> = said.lines().map(|line| line.split(':').next().unwrap_or_default()).collect();
    let expected = ["page", "gateway", "runs", "data", "stop", "more", "arrivals", "turnstiles", "weather", "stations"];
    assert_eq!(begins, expected, "{said}");
}

#[test]
fn log_lines_are_there_for_those_who_ask() {
    let directory = tempfile::tempdir().unwrap();
    let output = demo(directory.path()).env("RUST_LOG", "info").args(["--steps=1", "--speed=10"]).output().unwrap();
    assert!(text(output.stderr).contains("INFO"));
}

#[test]
fn port_in_use_is_one_sentence_and_a_failure() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = refused(demo(directory.path()).arg(format!("--port={port}")).output().unwrap());
    assert_eq!(error, format!("error: port {port} is used by another program (choose another with --port)"));
}

#[test]
fn directory_in_use_is_one_sentence_and_a_failure() {
    let directory = tempfile::tempdir().unwrap();
    let first = Started::start(&mut demo(directory.path()));
    let error = refused(demo(directory.path()).output().unwrap());
    assert!(error.contains("is in use by another"), "{error}");
    first.terminate();
    assert!(first.finish().1);
}

#[test]
fn directory_that_cannot_be_used_is_one_sentence_and_a_failure() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = refused(demo(&file).output().unwrap());
    assert!(error.contains("cannot use the directory") && error.contains("file"), "{error}");
}

#[test]
fn another_seed_is_one_sentence_and_a_failure() {
    let directory = tempfile::tempdir().unwrap();
    let run = |seed: &str| demo(directory.path()).args(["--steps=1", "--speed=1e9", seed]).output().unwrap();
    assert!(run("--seed=1").status.success());
    let error = refused(run("--seed=2"));
    assert!(error.contains("has --seed 1, not 2"), "{error}");
}

#[test]
fn unknown_flag_names_the_nearest() {
    let output = demo(Path::new("unused")).arg("--sped=2").output().unwrap();
    assert!(!output.status.success());
    assert!(text(output.stderr).contains("--speed"));
}
