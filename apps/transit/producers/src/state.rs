//! The state that a producer resumes from, kept on the log beside what it wrote.

use kstreams::error::{Error, ErrorKind, Result};
use kstreams::log::Log;
use kstreams::record::Topic;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use transit_model::names::SIMULATION_STATE;
use transit_part::log::{Outbound, latest_by_key};

/// The format that is written; another one is refused.
const VERSION: u32 = 1;

/// What is written with every step, under the part's name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved<S> {
    /// The format.
    version: u32,
    /// Events produced since the simulation began.
    pub events: u64,
    /// The simulation before its next step.
    pub simulation: S,
}

impl<S> Saved<S> {
    /// A simulation that has produced nothing.
    pub fn new(simulation: S) -> Self {
        Saved { version: VERSION, events: 0, simulation }
    }
}

impl<S: Serialize + DeserializeOwned> Saved<S> {
    /// The last committed state of a part; `None` before its first step.
    ///
    /// # Errors
    /// `Corrupt` if what is there is not a state of this format; what the log answers.
    pub fn load(log: &dyn Log, part: &str) -> Result<Option<Self>> {
        let latest = latest_by_key(log, &Topic::from(SIMULATION_STATE))?;
        let Some(bytes) = latest.get(part.as_bytes()) else { return Ok(None) };
        Saved::read(bytes).map(Some).map_err(|error| error.context(format!("resuming {part} from {SIMULATION_STATE}")))
    }

    /// The message that saves the state.
    ///
    /// # Errors
    /// `Serialization` if the simulation cannot be written as JSON.
    pub fn message(&self, part: &str) -> Result<Outbound> {
        let value = serde_json::to_vec(self)
            .map_err(|error| Error::new(ErrorKind::Serialization, error.to_string()).with_source(error))?;
        Ok(Outbound {
            topic: Topic::from(SIMULATION_STATE),
            partition: Some(0),
            key: Some(part.as_bytes().to_vec()),
            value: Some(value),
        })
    }

    fn read(bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let corrupt = |error: serde_json::Error| Error::new(ErrorKind::Corrupt, error.to_string()).with_source(error);
        let Versioned { version } = serde_json::from_slice(bytes).map_err(corrupt)?;
        if version != VERSION {
            let message = format!("the state has format {version}, this program knows format {VERSION}");
            return Err(Error::new(ErrorKind::Corrupt, message));
        }
        serde_json::from_slice(bytes).map_err(corrupt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use transit_model::simulation::{SimulatedClock, Turnstiles};

    #[test]
    fn state_of_an_unknown_format_is_refused() {
        let saved = Saved::new(Turnstiles::new(SimulatedClock::new(1, 0)));
        let bytes = saved.message("turnstiles").unwrap().value.unwrap();
        assert_eq!(Saved::<Turnstiles>::read(&bytes).unwrap(), saved);
        let text = String::from_utf8(bytes).unwrap().replace("\"version\":1", "\"version\":2");
        let refused = Saved::<Turnstiles>::read(text.as_bytes()).unwrap_err();
        assert_eq!(refused.to_string(), "the state has format 2, this program knows format 1");
        assert_eq!(Saved::<Turnstiles>::read(b"{").unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
