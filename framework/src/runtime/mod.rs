//! The running application.

mod metadata;
mod task;

pub(crate) use task::{OpenStores, Progress, Readiness, Task, TaskSettings};

/// Handle on a running application.
pub struct Streams;
impl Streams {
    /// Waits.
    pub fn wait(&self) {}
}
