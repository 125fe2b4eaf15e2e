//! The three topologies, each an application with an id of its own, on the one log.

use crate::DemoSettings;
use kstreams::config::{Config, EngineKind};
use kstreams::error::Result;
use kstreams::runtime::{State, Streams};
use kstreams::topology::Topology;
use std::sync::Arc;
use std::time::Duration;
use transit_dashboard::topology::adjusted;
use transit_dashboard::{Health, Hub};
use transit_part::log::lag;
use transit_part::{Connection, start_streams};
use transit_stations::Skipped;

/// Time between two commits.
const COMMIT_INTERVAL: Duration = Duration::from_millis(200);
/// The longest that an application may take to commit and leave.
const CLOSE_PATIENCE: Duration = Duration::from_secs(30);

/// The running topologies, those that others read first.
#[derive(Clone)]
pub(crate) struct Applications(Vec<Arc<Streams>>);

/// Their ids, in the order in which records pass through them.
const IDS: [&str; 3] =
    [transit_stations::APPLICATION_ID, transit_turnstiles::APPLICATION_ID, transit_dashboard::topology::APPLICATION_ID];

impl Applications {
    /// Starts all three.
    ///
    /// # Errors
    /// `InUse` or `Io` from the state directory, `Config` if the engine is not built in.
    pub(crate) fn start(connection: &Connection, settings: &DemoSettings, hub: &Hub) -> Result<Self> {
        let topologies: [Topology; 3] = [
            transit_stations::topology(&Skipped::default())?,
            transit_turnstiles::topology()?,
            transit_dashboard::topology::topology(hub)?,
        ];
        let engine = settings.engine()?;
        let start = |(id, topology)| start_streams(topology, config(id, settings, engine), connection).map(Arc::new);
        IDS.into_iter().zip(&topologies).map(start).collect::<Result<_>>().map(Applications)
    }

    /// The first fatal error of any of them.
    ///
    /// # Errors
    /// That one.
    pub(crate) fn check(&self) -> Result<()> {
        self.0.iter().filter(|streams| streams.state().has_ended()).try_for_each(|streams| streams.wait())
    }

    /// How far all of them together are behind; `None` while one has not begun to read.
    ///
    /// # Errors
    /// What the log answers.
    pub(crate) fn lag(&self, connection: &Connection) -> Result<Option<i64>> {
        // In the order of the records: what an application has done is then counted as the next one's lag.
        let lags = IDS.map(|id| lag(&*connection.log, id));
        lags.into_iter().try_fold(Some(0), |sum, lag| Ok(sum.zip(lag?).map(|(sum, lag)| sum + lag)))
    }

    /// What a probe of the page is told.
    pub(crate) fn health(&self) -> impl Fn() -> Health + Send + Sync + 'static {
        let applications = self.clone();
        move || {
            let states = || IDS.into_iter().zip(applications.0.iter().map(|streams| streams.state()));
            let is_failed = |state| matches!(state, State::PendingError | State::Error);
            if let Some((id, _)) = states().find(|(_, state)| is_failed(*state)) {
                return Health::Failed(format!("{id} has failed"));
            }
            match states().find(|(_, state)| *state != State::Running) {
                Some((id, _)) => Health::Starting(format!("{id} is starting")),
                None => Health::Working,
            }
        }
    }

    /// Commits what was done and ends all of them.
    ///
    /// # Errors
    /// The first fatal error; `Timeout` if one does not end.
    pub(crate) fn close(&self) -> Result<()> {
        self.0.iter().for_each(|streams| streams.request_close());
        let closed: Vec<Result<()>> = self.0.iter().map(|streams| streams.close(CLOSE_PATIENCE)).collect();
        closed.into_iter().collect()
    }
}

fn config(id: &str, settings: &DemoSettings, engine: EngineKind) -> Config {
    // The log is given; the URL is only told.
    let config = Config::new(id, format!("embedded:{}", settings.dir.display()))
        .exactly_once()
        .commit_interval(COMMIT_INTERVAL)
        .state_dir(settings.dir.join("state"))
        .engine(engine);
    if id == transit_dashboard::topology::APPLICATION_ID { adjusted(config) } else { config }
}
