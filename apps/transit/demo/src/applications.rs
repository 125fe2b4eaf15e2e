//! The three topologies, each an application with an id of its own, on the one log.

use crate::DemoSettings;
use kstreams::config::Config;
use kstreams::error::Result;
use kstreams::runtime::{StartOptions, State, Streams};
use kstreams::topology::Topology;
use prometheus::Registry;
use std::sync::Arc;
use transit_dashboard::topology::adjusted;
use transit_dashboard::{Health, Hub};
use transit_part::log::lag;
use transit_part::{CLOSE_PATIENCE, Connection, start_streams};
use transit_stations::Skipped;

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
        let start = |(id, topology)| {
            let streams = start_streams(topology, config(id, settings)?, connection, StartOptions::new());
            streams.map(Arc::new)
        };
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
            let is_failed = State::has_failed;
            if let Some((id, _)) = states().find(|(_, state)| is_failed(*state)) {
                return Health::Failed(format!("{id} has failed"));
            }
            match states().find(|(_, state)| *state != State::Running) {
                Some((id, _)) => Health::Starting(format!("{id} is starting")),
                None => Health::Working,
            }
        }
    }

    /// The metrics of each.
    pub(crate) fn metrics(&self) -> Vec<Registry> {
        self.0.iter().map(|streams| streams.metrics().registry().clone()).collect()
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

fn config(id: &str, settings: &DemoSettings) -> Result<Config> {
    // The log is given; the URL is only told.
    let config = settings.streams().config(id, &settings.log_url())?;
    Ok(if id == transit_dashboard::topology::APPLICATION_ID { adjusted(config) } else { config })
}
