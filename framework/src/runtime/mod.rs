//! The running application.
/// Handle on a running application.
pub struct Streams;
impl Streams {
    /// Waits.
    pub fn wait(&self) {}
}
