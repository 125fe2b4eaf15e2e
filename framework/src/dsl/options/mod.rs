//! Options of steps: which formats, names, stores, partitions.

mod consumed;
mod grouped;
mod joined;
mod materialized;
mod printed;
mod produced;
mod repartitioned;

pub use consumed::Consumed;
pub(crate) use consumed::Topics;
pub use grouped::Grouped;
pub use joined::Joined;
pub use materialized::Materialized;
pub use printed::Printed;
pub(crate) use produced::Destination;
pub use produced::Produced;
pub use repartitioned::Repartitioned;
