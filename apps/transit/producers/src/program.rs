//! What the three programs have in common.

use crate::{PaceSettings, Produced, Production, SimulationSettings, TopicSettings};
use clap::Args;
use kstreams::error::Result;
use transit_part::{ConnectionSettings, Stop, VitalsSettings};

/// Flags of every producer.
#[derive(Debug, Clone, Args)]
pub struct ProducerArgs {
    #[command(flatten)]
    connection: ConnectionSettings,

    #[command(flatten)]
    vitals: VitalsSettings,

    #[command(flatten, next_help_heading = "Simulation")]
    simulation: SimulationSettings,

    #[command(flatten, next_help_heading = "Pace")]
    pace: PaceSettings,

    #[command(flatten, next_help_heading = "Topics")]
    topics: TopicSettings,
}

impl ProducerArgs {
    /// Runs a producer until the stop or its last step, and prints what it produced.
    ///
    /// # Errors
    /// What opening the log answers; what the producer fails with.
    pub fn run(self, stop: &Stop, produce: impl FnOnce(&Production) -> Result<Produced>) -> Result<()> {
        let ProducerArgs { connection, simulation, pace, topics, vitals } = self;
        let _served = vitals.serve()?;
        let connection = connection.open()?;
        let (log, registry) = (connection.log, connection.registry);
        let production = Production { log, registry, simulation, pace, topics, stop: stop.clone() };
        println!("{}", produce(&production)?);
        Ok(())
    }
}
