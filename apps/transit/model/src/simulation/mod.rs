//! The simulation: trains, riders and weather, one step at a time.
//!
//! Each part is plain data that can be saved and read back; a step is a pure function of that data and the
//! seed. So the same seed gives the same events, also when a run is interrupted and resumed. Nothing here
//! knows the real time.

mod clock;
mod trains;
mod turnstiles;
mod weather;

pub use clock::{SimulatedClock, StepMinutes};
pub use trains::{Arrival, Incidents, Train, Trains};
pub use turnstiles::{Rider, Turnstiles};
pub use weather::{Weather, WeatherReport};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Trains on each line.
pub const TRAINS_PER_LINE: usize = 10;

/// Random numbers of one part in one step: nothing has to be saved between steps, and parts do not disturb each other.
fn rng_of(seed: u64, part: &str, step: u64) -> ChaCha8Rng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&step.to_le_bytes());
    for (place, letter) in bytes[16..].iter_mut().zip(part.bytes()) {
        *place = letter;
    }
    ChaCha8Rng::from_seed(bytes)
}
