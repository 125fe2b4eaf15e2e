//! CTA Status: the web view of the transit system.
//!
//! ```text
//! topics -> topology -> view -> hub -> server -> browser
//! ```
//!
//! [`view`] is what the page shows, as plain data: it turns events into a picture and two pictures into what changed.
//! [`hub`] shares one view between those who feed it and those who watch it. [`server`] speaks HTTP and knows only the
//! hub. Nothing to the right of the topology knows of topics, serdes or stores.

pub mod hub;
mod part;
pub mod server;
pub mod topology;
pub mod view;

pub use hub::Hub;
pub use part::{Dashboard, DashboardSettings};
pub use server::{Health, Options, Server};
