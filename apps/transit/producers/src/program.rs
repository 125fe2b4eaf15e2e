//! What the three programs have in common.

use crate::{PaceSettings, Produced, Production, SimulationSettings, TopicSettings};
use clap::Args;
use kstreams::error::Result;
use std::process::ExitCode;
use transit_part::{ConnectionSettings, Stop, exit_code, start_logging, stop_on_signals};

/// Flags of every producer.
#[derive(Debug, Clone, Args)]
pub struct ProducerArgs {
    #[command(flatten)]
    connection: ConnectionSettings,

    #[command(flatten, next_help_heading = "Simulation")]
    simulation: SimulationSettings,

    #[command(flatten, next_help_heading = "Pace")]
    pace: PaceSettings,

    #[command(flatten, next_help_heading = "Topics")]
    topics: TopicSettings,
}

impl ProducerArgs {
    /// Runs a producer until a signal or its last step, and prints what it produced.
    pub fn run(self, produce: impl FnOnce(&Production) -> Result<Produced>) -> ExitCode {
        start_logging();
        exit_code(self.production().and_then(|production| produce(&production)).map(|produced| println!("{produced}")))
    }

    fn production(self) -> Result<Production> {
        let ProducerArgs { connection, simulation, pace, topics } = self;
        let stop = Stop::default();
        stop_on_signals(&stop)?;
        let connection = connection.open()?;
        Ok(Production { log: connection.log, registry: connection.registry, simulation, pace, topics, stop })
    }
}
