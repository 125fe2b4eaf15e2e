//! A program that runs a named topology beside the test: Kafka Streams, or ours. Both have the same command line.
//!
//! Dropping it kills it, as a crash would.

use crate::desk::path_of_peer;
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long something may take. Only a failure waits for so long.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a peer is to run.
#[derive(Debug, Clone)]
pub struct Run {
    /// The topology's name, see [`topologies`](crate::topologies).
    pub topology: String,
    /// The brokers, `host:port,…`.
    pub servers: String,
    /// The application's id.
    pub application: String,
    /// Where stores are kept, and beside them what the program says on standard error.
    pub state_dir: PathBuf,
    /// What the names of input topics begin with.
    pub prefix: String,
    /// The topic of the results.
    pub output: String,
    /// Keys of the configuration.
    pub config: Vec<(String, String)>,
}

/// A running peer.
pub struct Peer {
    child: Child,
    lines: Receiver<Value>,
    errors: PathBuf,
}

impl Peer {
    /// Starts Kafka Streams 4.3.1.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn java(run: &Run) -> Peer {
        let mut command = Command::new(path_of_peer());
        command.arg("run");
        Peer::start(command, run)
    }

    /// Starts ours: the program `peer` of this package, `env!("CARGO_BIN_EXE_peer")`.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn ours(program: impl AsRef<Path>, run: &Run) -> Peer {
        Peer::start(Command::new(program.as_ref()), run)
    }

    fn start(mut command: Command, run: &Run) -> Peer {
        fs::create_dir_all(&run.state_dir).expect("the directory can be made");
        let errors = run.state_dir.with_extension("stderr");
        let log = File::options().create(true).append(true).open(&errors).expect("the file can be written");
        command.args(["--topology", &run.topology, "--bootstrap", &run.servers]);
        command.args(["--application-id", &run.application, "--prefix", &run.prefix, "--output", &run.output]);
        command.arg("--state-dir").arg(&run.state_dir);
        command.args(run.config.iter().flat_map(|(key, value)| ["--set".to_owned(), format!("{key}={value}")]));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().expect("the peer can be started");
        let said = BufReader::new(child.stdout.take().expect("it is piped")).lines().map_while(Result::ok);
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let objects = said.filter_map(|line| serde_json::from_str(&line).ok());
            // The peer is gone, or nobody listens to it any more.
            let _sent = objects.map(|object| sender.send(object)).take_while(Result::is_ok).count();
        });
        Peer { child, lines, errors }
    }

    /// The next line with that name.
    ///
    /// # Panics
    /// If it ends first, says an error, or does not say it at all.
    pub fn said(&self, name: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.get("error").is_some() => self.fail(&format!("failed: {}", line["error"])),
                Ok(line) if line.get(name).is_some() => return line[name].clone(),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => self.fail(&format!("did not say `{name}`")),
                Err(RecvTimeoutError::Disconnected) => self.fail(&format!("ended before it said `{name}`")),
            }
        }
    }

    /// What it has said since it was asked last, without waiting.
    pub fn news(&self) -> Vec<Value> {
        self.lines.try_iter().collect()
    }

    /// Sends it a signal, such as `STOP`.
    ///
    /// # Panics
    /// If that cannot be done.
    pub fn signal(&self, name: &str) {
        crate::signal(self.child.id(), name);
    }

    /// How it ended, once it has.
    ///
    /// # Panics
    /// If the operating system does not know it.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is our child")
    }

    /// Waits until it has ended and says what it had to say since it was asked last.
    ///
    /// # Panics
    /// If it does not end.
    pub fn last_words(&mut self) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        while self.ended().is_none() {
            if Instant::now() > deadline {
                self.fail("does not end");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // The thread that hears it ends with its output.
        self.lines.iter().collect()
    }

    /// Waits until all of its tasks run.
    ///
    /// # Panics
    /// As [`said`](Peer::said).
    pub fn wait_until_running(&self) {
        while self.said("state") != "RUNNING" {}
    }

    /// Lets it commit, leave its group and end.
    ///
    /// # Panics
    /// As [`said`](Peer::said).
    pub fn close(mut self) {
        drop(self.child.stdin.take());
        assert_eq!(self.said("closed"), true);
        let status = self.child.wait().expect("it ends");
        if !status.success() {
            self.fail(&format!("ended with {status}"));
        }
    }

    /// Fails with this sentence and the end of what it said on standard error.
    ///
    /// # Panics
    /// Always.
    pub fn fail(&self, what: &str) -> ! {
        let said = fs::read_to_string(&self.errors).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        panic!("the peer {what}\n{}", lines[lines.len().saturating_sub(40)..].join("\n"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
