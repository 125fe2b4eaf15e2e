//! The simulation's producers: arrivals and turnstiles write to a log, weather is posted to the gateway.
//!
//! A step of the simulation is one transaction that holds the step's events and the state the next step begins
//! with. So whatever ends a producer, the next one goes on exactly behind what a reader of committed messages has.
//! No producer reads what it has written, its own state excepted.

mod arrivals;
mod produced;
mod program;
mod run;
mod settings;
mod state;
mod turnstiles;
mod weather;

pub use arrivals::{ArrivalsSettings, arrivals_topics, run_arrivals};
pub use produced::Produced;
pub use program::ProducerArgs;
pub use settings::{PaceSettings, Production, SimulationSettings, TopicSettings};
pub use state::Saved;
pub use turnstiles::run_turnstiles;
pub use weather::{WeatherSettings, run_weather, weather_topic};
