//! Apache Kafka for test programs: `$KAFKA_BOOTSTRAP_SERVERS`, or brokers of our own from `scripts/kafka`.
//!
//! A cluster of our own lives no longer than the test program, however that ends: `scripts/kafka run` watches the pipe
//! that this process holds. Where Java or Maven are missing a test is skipped and says so; where `$CI` is set that is
//! a failure. Nothing here speaks Kafka's protocol.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// What `scripts/kafka` ends with where Java or Maven are missing.
const NOT_INSTALLED: i32 = 3;

static SHARED: OnceLock<Result<Broker, Missing>> = OnceLock::new();
static CLUSTERS: AtomicU32 = AtomicU32::new(0);

/// What is not installed here, and how to get it.
#[derive(Debug)]
struct Missing(String);

/// A cluster of one or three brokers.
#[derive(Debug)]
pub struct Broker {
    servers: String,
    /// `None` if somebody else runs it.
    own: Option<Own>,
}

/// A cluster that `scripts/kafka run` keeps for as long as we hold its standard input.
#[derive(Debug)]
struct Own {
    directory: PathBuf,
    script: Child,
}

impl Broker {
    /// The broker that all tests of this program share: the one of `$KAFKA_BOOTSTRAP_SERVERS`, or a single one that is
    /// started when it is first asked for. `None` where there is none; then the test is to return.
    ///
    /// ```no_run
    /// use system_tests::kafka::Broker;
    ///
    /// let Some(broker) = Broker::shared() else { return };
    /// assert!(broker.url().starts_with("kafka://"));
    /// ```
    ///
    /// # Panics
    /// If the broker does not start, and if it cannot although `$CI` is set.
    pub fn shared() -> Option<&'static Broker> {
        let broker = SHARED.get_or_init(|| match std::env::var("KAFKA_BOOTSTRAP_SERVERS") {
            Ok(servers) if !servers.is_empty() => Ok(Broker { servers, own: None }),
            _ => run(&[]),
        });
        broker.as_ref().map_err(skip).ok()
    }

    /// A cluster of one or three brokers for one test alone, which may kill them. `None` as in
    /// [`shared`](Broker::shared). Dropping it ends it.
    ///
    /// # Panics
    /// As [`shared`](Broker::shared).
    pub fn start(brokers: u8) -> Option<Broker> {
        Broker::start_with(brokers, &[])
    }

    /// The same with broker properties of its own, such as `("transaction.max.timeout.ms", "60000")`.
    ///
    /// # Panics
    /// As [`shared`](Broker::shared).
    pub fn start_with(brokers: u8, properties: &[(&str, &str)]) -> Option<Broker> {
        let mut options = vec![("--brokers", brokers.to_string())];
        options.extend(properties_of(properties));
        run(&options).map_err(|missing| skip(&missing)).ok()
    }

    /// One broker with a second listener, [`guarded_url`](Broker::guarded_url), that speaks `protocol`. SCRAM-SHA-256 lets these
    /// users in, by name and password.
    ///
    /// # Panics
    /// As [`shared`](Broker::shared).
    pub fn start_guarded(protocol: &str, users: &[(&str, &str)], properties: &[(&str, &str)]) -> Option<Broker> {
        let mut options = vec![("--guarded", protocol.to_owned())];
        options.extend(users.iter().map(|(name, password)| ("--user", format!("{name}={password}"))));
        options.extend(properties_of(properties));
        run(&options).map_err(|missing| skip(&missing)).ok()
    }

    /// The address of the second listener.
    ///
    /// # Panics
    /// If somebody else runs this cluster.
    pub fn guarded_url(&self) -> String {
        let own = self.own.as_ref().expect("only brokers of our own have one");
        let mut command = Command::new(path_of_script());
        let output = command.arg("guarded").arg("--dir").arg(&own.directory).output();
        let output = output.expect("scripts/kafka can be run");
        format!("kafka://{}", String::from_utf8_lossy(&output.stdout).trim())
    }

    /// Where it listens, as clients' `bootstrap.servers`.
    pub fn servers(&self) -> &str {
        &self.servers
    }

    /// The same as a URL of [`kstreams::config::LogUrl`].
    pub fn url(&self) -> String {
        format!("kafka://{}", self.servers)
    }

    /// Kills a broker, 1 or one of 1 to 3, as `kill -9` does.
    ///
    /// # Panics
    /// If somebody else runs this cluster, or it cannot be done.
    pub fn kill(&self, node: u8) {
        self.command("kill", node);
    }

    /// Starts a broker that was killed, and waits until it answers. It has its old address and its data.
    ///
    /// # Panics
    /// As [`kill`](Broker::kill).
    pub fn restart(&self, node: u8) {
        self.command("start", node);
    }

    /// Whether a broker answers.
    ///
    /// # Panics
    /// If somebody else runs this cluster.
    pub fn answers(&self, node: u8) -> bool {
        let status = self.script("status", node).status();
        status.expect("scripts/kafka can be run").success()
    }

    /// The processes of its brokers.
    ///
    /// # Panics
    /// If somebody else runs this cluster.
    pub fn process_ids(&self) -> Vec<u32> {
        let own = self.own.as_ref().expect("only brokers of our own are known as processes");
        let pid = |node: usize| std::fs::read_to_string(own.directory.join(format!("{node}/pid"))).ok();
        (1..).map_while(pid).map(|pid| pid.trim().parse().expect("a process has a number")).collect()
    }

    fn command(&self, what: &str, node: u8) {
        let output = self.script(what, node).output().expect("scripts/kafka can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "broker {node}: {what}: {}", said.trim());
    }

    fn script(&self, what: &str, node: u8) -> Command {
        let own = self.own.as_ref().expect("only brokers that the tests have started are stopped");
        let mut command = Command::new(path_of_script());
        command.arg(what).arg(node.to_string()).arg("--dir").arg(&own.directory).stdout(Stdio::null());
        command
    }
}

impl Own {
    /// What the brokers have said goes with their directory otherwise.
    fn keep_logs(&self) -> std::io::Result<()> {
        let kept = self.directory.with_extension("log");
        std::fs::create_dir_all(&kept)?;
        for node in 1..=3 {
            let log = self.directory.join(format!("{node}/broker.log"));
            if log.exists() {
                std::fs::copy(log, kept.join(format!("{node}.log")))?;
            }
        }
        eprintln!("what the brokers said is in {}", kept.display());
        Ok(())
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Err(error) = self.keep_logs()
        {
            eprintln!("what the brokers said is lost: {error}");
        }
        drop(self.script.stdin.take());
        // What is left to say is said by the next one that finds its port taken.
        drop(self.script.wait());
    }
}

fn path_of_script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").join("scripts/kafka")
}

fn properties_of(properties: &[(&str, &str)]) -> impl Iterator<Item = (&'static str, String)> {
    properties.iter().map(|(key, value)| ("--set", format!("{key}={value}")))
}

fn run(options: &[(&str, String)]) -> Result<Broker, Missing> {
    let number = CLUSTERS.fetch_add(1, Ordering::Relaxed);
    let directory = std::env::temp_dir().join(format!("kstreams-kafka-{}-{number}", std::process::id()));
    let mut command = Command::new(path_of_script());
    command.args(["run", "--dir"]).arg(&directory);
    command.args(options.iter().flat_map(|(option, value)| [*option, value]));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut script = command.spawn().expect("scripts/kafka can be run");

    let mut servers = String::new();
    let stdout = script.stdout.as_mut().expect("it is piped");
    BufReader::new(stdout).read_line(&mut servers).expect("scripts/kafka writes text");
    match servers.trim() {
        "" => Err(missing(script)),
        servers => Ok(Broker { servers: servers.to_owned(), own: Some(Own { directory, script }) }),
    }
}

/// Why there are no brokers, if they are missing; everything else is a failure.
fn missing(mut script: Child) -> Missing {
    let mut said = String::new();
    let stderr = script.stderr.as_mut().expect("it is piped");
    stderr.read_to_string(&mut said).expect("scripts/kafka writes text");
    let status = script.wait().expect("scripts/kafka ends");
    assert_eq!(status.code(), Some(NOT_INSTALLED), "Apache Kafka did not start: {}", said.trim());
    Missing(said.trim().trim_start_matches("kafka: ").to_owned())
}

/// Says so, or fails in CI.
fn skip(missing: &Missing) {
    crate::skip("Apache Kafka", &missing.0);
}
