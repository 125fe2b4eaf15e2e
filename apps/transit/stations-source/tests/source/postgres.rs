//! A PostgreSQL server of the test's own, on loopback, in a temporary directory.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A running server; stopped when dropped.
pub struct Server {
    programs: PathBuf,
    directory: TempDir,
    port: u16,
}

impl Server {
    /// Starts a server with an empty database.
    pub fn start() -> Server {
        let programs = find_programs().expect(
            "PostgreSQL is not installed: these tests need initdb and pg_ctl (apt-get install postgresql; `make test` does)",
        );
        let directory = tempfile::tempdir().unwrap();
        if let Some(user) = postgres_user() {
            std::os::unix::fs::chown(directory.path(), Some(user), Some(user)).unwrap();
        }
        let server = Server { programs, directory, port: free_port() };
        std::fs::write(server.path("password"), "chicago").unwrap();
        server.run(
            "initdb",
            &["--username=cta_admin", "--auth=scram-sha-256", "--no-sync"],
            &[("--pwfile", "password")],
        );
        let options =
            format!("-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories='' -c fsync=off", server.port);
        server.run("pg_ctl", &["start", "--wait", "--options", &options], &[("--log", "server.log")]);
        server
    }

    /// The URL of the server's database.
    pub fn url(&self) -> String {
        format!("postgres://cta_admin:chicago@127.0.0.1:{}/postgres", self.port)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn run(&self, program: &str, arguments: &[&str], files: &[(&str, &str)]) {
        let mut command = Command::new(self.programs.join(program));
        command.arg("--pgdata").arg(self.path("data")).args(arguments).stdout(Stdio::null());
        for (flag, name) in files {
            command.arg(flag).arg(self.path(name));
        }
        // The server refuses to run as root.
        if let Some(user) = postgres_user() {
            command.uid(user).gid(user);
        }
        let status = command.current_dir(self.directory.path()).status().unwrap();
        assert!(status.success(), "{program} failed: {status}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.run("pg_ctl", &["stop", "--wait", "--mode", "immediate"], &[]);
    }
}

/// Debian keeps the programs out of the path; `pg_config` knows where others do.
fn find_programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = versions.map(|version| version.path().join("bin"));
    let mut candidates = std::env::split_paths(&path).chain(configured_programs()).chain(debian);
    candidates.find(|directory| directory.join("initdb").exists() && directory.join("pg_ctl").exists())
}

fn configured_programs() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

/// The user to become if the test runs as root.
fn postgres_user() -> Option<u32> {
    let id = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse::<u32>().ok()
    };
    match id(&["-u"]) {
        Some(0) => id(&["-u", "postgres"]),
        _ => None,
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
