//! `scripts/demo-kafka` as a process of the test.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use system_tests::{programs, signal, until_or_say};

/// How long something may take to happen. Only a failure waits for so long.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// What the script ends with where something is not installed.
const NOT_INSTALLED: i32 = 3;

/// A part of the demo, as the script tells of it.
#[derive(Debug, Clone)]
pub struct Service {
    pub process: Option<u32>,
    pub address: String,
}

/// A running demo. Dropping it ends it.
pub struct Demo {
    script: Child,
    directory: PathBuf,
    said: Arc<Mutex<Vec<String>>>,
}

/// A directory that PostgreSQL's user may enter, too.
pub fn open_directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
    directory
}

impl Demo {
    /// Starts the demo and waits for its page. `None` if something is not installed: then the test is to return.
    pub fn start(directory: &Path) -> Option<Demo> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it lies in the workspace");
        let mut script = Command::new(script.join("scripts/demo-kafka"))
            .args(["--with-stdin", "--port", "0", "--dir"])
            .arg(directory)
            .arg("--programs")
            .arg(programs())
            .envs([("TRANSIT_SPEED", "20"), ("TRANSIT_SEED", "7"), ("TRANSIT_START", "2026-11-20T07:00")])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("scripts/demo-kafka can be run");
        let said = Arc::new(Mutex::new(Vec::new()));
        let (stderr, hearing) = (script.stderr.take().expect("it is piped"), said.clone());
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                hearing.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        let mut demo = Demo { script, directory: directory.to_owned(), said };
        demo.await_page().then_some(demo)
    }

    fn await_page(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while !self.has_said("the page is at") {
            if let Some(status) = self.script.try_wait().expect("it is our child") {
                assert_eq!(status.code(), Some(NOT_INSTALLED), "the demo did not start: {:#?}", self.said());
                system_tests::skip("Java, Maven and PostgreSQL", &self.said().join("; "));
                return false;
            }
            assert!(Instant::now() < deadline, "there is no page: {:#?}", self.said());
            std::thread::sleep(Duration::from_millis(50));
        }
        true
    }

    /// What the script has said so far.
    pub fn said(&self) -> Vec<String> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether one of its lines holds these words.
    pub fn has_said(&self, words: &str) -> bool {
        self.said().iter().any(|line| line.contains(words))
    }

    /// The parts by name.
    pub fn services(&self) -> BTreeMap<String, Service> {
        let text = fs::read_to_string(self.directory.join("services")).unwrap_or_default();
        let service = |line: &str| {
            let mut words = line.split(' ');
            let (name, process) = (words.next()?.to_owned(), words.next()?.parse().ok());
            Some((name, Service { process, address: words.next()?.to_owned() }))
        };
        text.lines().filter_map(service).collect()
    }

    /// The address of a part, as `host:port`.
    pub fn address(&self, name: &str) -> String {
        let services = self.services();
        let service = services.get(name).unwrap_or_else(|| panic!("there is no {name}: {services:?}"));
        service.address.trim_start_matches("http://").split('/').next().unwrap_or_default().to_owned()
    }

    /// The brokers as a URL.
    pub fn log(&self) -> String {
        let services = self.services();
        let brokers = services.iter().filter(|(name, _)| name.starts_with("broker-"));
        format!("kafka://{}", brokers.map(|(_, broker)| broker.address.as_str()).collect::<Vec<_>>().join(","))
    }

    /// Kills a part, and waits until another process has taken its place.
    pub fn kill(&self, name: &str) {
        let before = self.process(name, None);
        signal(before, "KILL");
        self.process(name, Some(before));
    }

    /// Asks a part to end, and waits until it has.
    pub fn end(&self, name: &str) {
        signal(self.process(name, None), "TERM");
        self.until(&format!("{name} ends"), || self.has_said(&format!("{name} is done")));
    }

    /// The process of a part, once there is one, and another than that.
    fn process(&self, name: &str, other_than: Option<u32>) -> u32 {
        let mut found = None;
        self.until(&format!("{name} runs"), || {
            found = self.services().get(name).and_then(|service| service.process);
            found.is_some() && found != other_than
        });
        found.expect("it was waited for")
    }

    /// Waits until something is so.
    pub fn until(&self, what: &str, is_so: impl FnMut() -> bool) {
        until_or_say(what, PATIENCE, is_so, || format!("{:#?}\n{:#?}", self.said(), self.logs()));
    }

    /// The ends of the logs: what there is to see after a failure.
    fn logs(&self) -> Vec<String> {
        let logs = fs::read_dir(self.directory.join("log")).into_iter().flatten().flatten();
        let end = |path: PathBuf| {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<&str> = text.lines().rev().take(4).collect();
            format!("{}: {}", path.display(), lines.into_iter().rev().collect::<Vec<_>>().join("\n  "))
        };
        logs.map(|log| end(log.path())).collect()
    }

    /// What a part has written into its log.
    pub fn log_of(&self, name: &str) -> String {
        fs::read_to_string(self.directory.join(format!("log/{name}.log"))).unwrap_or_default()
    }

    /// Asks the page's server; `None` while it does not answer.
    pub fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(self.address("dashboard")).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: page\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    /// Kills the script itself: its parts go on, with nobody to look after them.
    pub fn abandon(mut self) {
        self.script.kill().expect("it runs");
        self.script.wait().expect("it is our child");
    }

    /// Ends all of it in order, by the end of the script's standard input.
    pub fn close(&mut self) {
        drop(self.script.stdin.take());
        let Demo { script, said, .. } = self;
        let has_ended = || script.try_wait().expect("it is our child").is_some();
        until_or_say("the demo ends", PATIENCE, has_ended, || format!("{said:#?}"));
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if std::thread::panicking() {
            drop(self.script.stdin.take());
            drop(self.script.wait());
        } else {
            self.close();
        }
    }
}

/// The processes that name this directory.
pub fn left_behind(directory: &Path) -> Vec<String> {
    let directory = directory.to_str().expect("a temporary directory is text");
    let command = |process: fs::DirEntry| {
        let command = fs::read(process.path().join("cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        command.contains(directory).then_some(command)
    };
    fs::read_dir("/proc").expect("Linux tells of processes").flatten().filter_map(command).collect()
}
