//! From flags, a properties file and the environment to an open log.

use crate::Failure;
use clap::Args;
use kstreams::config::{Config, LogUrl};
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::log::client::wait;
use kstreams::log::{Admin, Call, Log, connect_with};
use kstreams::record::SystemClock;
use kstreams::runtime::LocalState;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Which application.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Application and log")]
pub struct ApplicationArgs {
    /// A properties file with Kafka Streams' keys (application.id, bootstrap.servers, sasl.…, state.dir, …)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The application, by its application.id
    #[arg(long, value_name = "ID")]
    pub application_id: Option<String>,

    /// Print JSON for programs
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// Which application, on which log.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Application and log")]
pub struct ConnectionArgs {
    /// Which application
    #[command(flatten)]
    pub application: ApplicationArgs,

    /// The log: kafka://host:port,… or embedded:DIRECTORY, whose application must be stopped
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,

    /// The log by its brokers alone: the same as --url kafka://host:port,…
    #[arg(long, visible_alias = "bootstrap-servers", value_name = "HOST:PORT,…", conflicts_with = "url")]
    pub bootstrap_server: Option<String>,

    /// The longest wait for an answer of the log
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: u64,
}

impl ApplicationArgs {
    /// The configuration of the file, the environment and the flags.
    ///
    /// # Errors
    /// `Usage` for what is not understood.
    pub fn config(&self) -> Result<Config, Failure> {
        let mut config = match &self.config {
            Some(path) => Config::from_properties_file(path).map_err(Failure::Usage)?,
            None => Config::new("", ""),
        };
        config.apply_environment().map_err(Failure::Usage)?;
        if let Some(id) = &self.application_id {
            config.application_id.clone_from(id);
        }
        if config.application_id.is_empty() {
            return Err(Failure::usage(
                "it is not said which application",
                "use --application-id, `application.id` in a file for --config, or the variable KSTREAMS_APPLICATION_ID",
            ));
        }
        Ok(config)
    }
}

impl ConnectionArgs {
    /// The configuration of the file, the environment and the flags, with the address of a log.
    ///
    /// # Errors
    /// `Usage` for what is not understood.
    pub fn config(&self) -> Result<Config, Failure> {
        let mut config = self.application.config()?;
        if let Some(url) = &self.url {
            config.url.clone_from(url);
        }
        if let Some(servers) = &self.bootstrap_server {
            config.url = format!("kafka://{servers}");
        }
        if config.url.is_empty() {
            return Err(Failure::usage(
                "it is not said which log the application runs on",
                "use --url kafka://host:port or --url embedded:DIRECTORY, `bootstrap.servers` or `kstreams.url` in a file for \
                 --config, or the variable KSTREAMS_URL",
            ));
        }
        Ok(config)
    }

    /// Opens the log.
    ///
    /// # Errors
    /// `Usage` for what is not understood or can never be; `Failed` if the log cannot be opened.
    pub fn open(&self) -> Result<Session, Failure> {
        let config = self.config()?;
        check_url(&config.url)?;
        let log = connect_with(&config.url, &config.clients, Arc::new(SystemClock)).map_err(explain)?;
        Ok(Session::new(log, config, Duration::from_secs(self.timeout)))
    }
}

/// A tool is a process of its own: it sees no other's memory, and makes no log where none is.
fn check_url(url: &str) -> Result<(), Failure> {
    match url.parse().map_err(Failure::Usage)? {
        LogUrl::Kafka { .. } => Ok(()),
        LogUrl::EmbeddedMemory { .. } => Err(Failure::usage(
            format!("`{url}` is a log in the memory of the process that uses it"),
            "a tool can look into embedded:DIRECTORY and kafka://host:port",
        )),
        LogUrl::Embedded { directory } => check_directory(&directory),
    }
}

fn check_directory(directory: &Path) -> Result<(), Failure> {
    if directory.join("log").is_dir() {
        return Ok(());
    }
    let sentence = format!("there is no embedded log in `{}`", directory.display());
    Err(Failure::failed(
        ErrorKind::NotFound,
        sentence,
        "name the directory that the application names after `embedded:`",
    ))
}

fn explain(error: Error) -> Error {
    match error.kind() {
        ErrorKind::InUse => error.with_hint(
            "an embedded log belongs to one process at a time: stop the application that runs on it, and ask again",
        ),
        _ => error,
    }
}

/// What an instance left on this machine; `None` if nothing.
///
/// # Errors
/// `InUse` while the instance runs, with what to do about it; what the disk refuses.
pub fn local_state(state_dir: &Path, application_id: &str) -> Result<Option<LocalState>> {
    LocalState::take(state_dir, application_id).map_err(|error| match error.kind() {
        ErrorKind::InUse => error.with_hint("stop the application on this machine, and ask again"),
        _ => error,
    })
}

/// An open log, and the configuration it was found by.
pub struct Session {
    /// The log.
    pub log: Arc<dyn Log>,
    /// The configuration, with application and address.
    pub config: Config,
    timeout: Duration,
}

impl Session {
    /// A session on a log that is open.
    pub fn new(log: Arc<dyn Log>, config: Config, timeout: Duration) -> Self {
        Session { log, config, timeout }
    }

    /// The application.
    pub fn application_id(&self) -> &str {
        &self.config.application_id
    }

    /// The log's address, as it may be shown.
    pub fn url(&self) -> String {
        let url = self.config.settings().into_iter().find(|setting| setting.key == "kstreams.url");
        url.and_then(|setting| setting.value).unwrap_or_default()
    }

    /// The longest wait for an answer.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Asks the log, and waits for the answer.
    ///
    /// # Errors
    /// What the log answers, or `Timeout`.
    pub fn ask<T: 'static>(&self, question: impl FnOnce(&dyn Admin) -> Call<T>) -> Result<T> {
        let answer = wait(&*self.log, question(&*self.log.admin()?), self.timeout);
        answer.map_err(|error| match (error.kind(), error.hint()) {
            (ErrorKind::Timeout, None) => {
                error.with_hint("see whether the brokers run and the address is right, or raise --timeout")
            }
            _ => error,
        })
    }
}
