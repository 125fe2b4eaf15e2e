//! One broker for the whole comparison, from `scripts/kafka`. It goes when this process goes, however that ends.

use crate::Result;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A broker that runs as long as this lives.
pub(crate) struct Broker {
    servers: String,
    pid_file: PathBuf,
    script: Child,
}

/// The root of the project.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

impl Broker {
    pub(crate) fn start(directory: &Path, heap: &str) -> Result<Broker> {
        let mut script = Command::new(root().join("scripts/kafka"))
            .args(["run", "--dir"])
            .arg(directory.join("broker"))
            .env("KSTREAMS_KAFKA_HEAP", heap)
            // A broker that runs for long, unlike those of tests.
            .env("KSTREAMS_KAFKA_JAVA", "-XX:+UseG1GC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut servers = String::new();
        if let Some(output) = &mut script.stdout {
            BufReader::new(output).read_line(&mut servers)?;
        }
        match servers.trim() {
            "" => Err(format!("the broker does not start: {}", script.wait()?).into()),
            servers => Ok(Broker { servers: servers.to_owned(), pid_file: directory.join("broker/1/pid"), script }),
        }
    }

    pub(crate) fn servers(&self) -> &str {
        &self.servers
    }

    /// Stops it for a while: connections stay, and nothing is answered.
    pub(crate) fn stop_for(&self, pause: Duration) -> Result<()> {
        let signal = |name: &str| -> Result<()> {
            let pid = std::fs::read_to_string(&self.pid_file)?;
            let sent = Command::new("kill").arg(format!("-{name}")).arg(pid.trim()).status()?;
            if sent.success() { Ok(()) } else { Err(format!("{name} cannot be sent to the broker").into()) }
        };
        signal("STOP")?;
        std::thread::sleep(pause);
        signal("CONT")
    }
}

impl Drop for Broker {
    /// The script waits for its standard input to close.
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        if let Err(error) = self.script.wait() {
            eprintln!("compare: the broker: {error}");
        }
    }
}
