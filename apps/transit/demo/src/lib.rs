//! Transit in one process: every part on one embedded log, and the page in a browser.
//!
//! ```text
//! arrivals, turnstiles ----------------------.
//! weather -> gateway ------------------------+-> log -> stations, turnstiles -> log -> dashboard -> page
//! table `stations` -> stations source -------'
//! ```
//!
//! The parts are those that run as programs of their own on Kafka; here each has a thread, and they share one log in
//! a directory. The demo starts them, tells them to stop, and says what they did; it moves no record itself.

mod applications;
mod page;
mod parts;
mod report;
mod run;
mod settings;
mod sources;
mod usage;
mod watch;

pub use report::{Report, Usage};
pub use run::run;
pub use settings::DemoSettings;
