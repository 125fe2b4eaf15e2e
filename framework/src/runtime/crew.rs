//! The threads of the operating system that an instance's threads run on: starting them, and waiting for them.

use super::driver;
use super::instance::Instance;
use crate::error::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Builder, JoinHandle};

/// Those that were started and not waited for.
#[derive(Default)]
pub(crate) struct Crew(Mutex<Vec<JoinHandle<()>>>);

impl Crew {
    /// Starts the thread of that number, which begins its work after a pause in milliseconds.
    ///
    /// # Errors
    /// `Io` if the operating system gives no thread; the instance has none of that number then.
    pub(crate) fn start(instance: &Arc<Instance>, thread: usize, pause_ms: i64) -> Result<()> {
        let shared = instance.clone();
        let name = instance.board.thread_name(thread);
        let spawned = Builder::new().name(name).spawn(move || driver::run(&shared, thread, pause_ms));
        match spawned {
            Ok(handle) => {
                let mut handles = instance.crew.0.lock().unwrap_or_else(PoisonError::into_inner);
                handles.retain(|handle| !handle.is_finished());
                handles.push(handle);
                Ok(())
            }
            Err(error) => {
                instance.board.give_up(thread);
                Err(Error::new(ErrorKind::Io, "the operating system gives no thread").with_source(error))
            }
        }
    }

    /// Waits for all that have reported their end, but not for the caller.
    pub(crate) fn join(&self) {
        let handles = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for handle in handles.into_iter().filter(|handle| handle.thread().id() != thread::current().id()) {
            // It reports panics itself.
            drop(handle.join());
        }
    }
}
