//! Threads of the operating system, each calling the step function of one thread of the instance.
//!
//! The only place of the runtime that reads a clock, waits or catches panics.

use super::global::GlobalThread;
use super::instance::Instance;
use super::state::ThreadState;
use super::thread::{Stepped, StreamThread};
use crate::error::{Error, ErrorKind, Result};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// The longest that a thread is left alone, so that it notices that the instance is to end.
const PARK_MS_MAX: i64 = 50;

/// What a driver drives.
trait Stepping {
    fn step(&mut self, now_ms: i64) -> Result<Stepped>;
    fn wait(&mut self, timeout: Duration);
    /// After an error or a panic.
    fn abandon(&mut self, now_ms: i64);
    /// What it was working on, for the report of a panic.
    fn at_work(&self) -> String;
}

impl Stepping for StreamThread {
    fn step(&mut self, now_ms: i64) -> Result<Stepped> {
        StreamThread::step(self, now_ms)
    }

    fn wait(&mut self, timeout: Duration) {
        StreamThread::wait(self, timeout);
    }

    fn abandon(&mut self, now_ms: i64) {
        StreamThread::abandon(self, now_ms);
    }

    fn at_work(&self) -> String {
        match self.current_task() {
            Some(task) => format!("task {task} on thread `{}`", self.name()),
            None => format!("thread `{}`", self.name()),
        }
    }
}

impl Stepping for GlobalThread {
    fn step(&mut self, now_ms: i64) -> Result<Stepped> {
        GlobalThread::step(self, now_ms)
    }

    fn wait(&mut self, timeout: Duration) {
        GlobalThread::wait(self, timeout);
    }

    fn abandon(&mut self, _now_ms: i64) {
        self.end();
    }

    fn at_work(&self) -> String {
        String::from("the thread of global tables")
    }
}

/// Starts the threads of an instance.
///
/// # Errors
/// `Io` if the operating system gives no thread; those that were started end.
pub(crate) fn spawn(instance: &Arc<Instance>) -> Result<Vec<JoinHandle<()>>> {
    let count = instance.config.num_stream_threads + usize::from(instance.has_globals());
    let mut threads = Vec::new();
    for thread in 0..count {
        let shared = instance.clone();
        let spawned = Builder::new().name(instance.thread_name(thread)).spawn(move || run(&shared, thread));
        match spawned {
            Ok(handle) => threads.push(handle),
            Err(error) => {
                let error = Error::new(ErrorKind::Io, "the operating system gives no thread").with_source(error);
                instance.board.fail(Error::new(ErrorKind::Io, error.to_string()));
                (thread..count).for_each(|thread| instance.board.report(thread, ThreadState::Dead));
                return Err(error);
            }
        }
    }
    Ok(threads)
}

fn run(instance: &Arc<Instance>, thread: usize) {
    let is_global = thread >= instance.config.num_stream_threads;
    let ended = match is_global {
        true => GlobalThread::new(instance, thread).map(|global| drive(global, instance)),
        false => StreamThread::new(instance, thread).map(|stream| drive(stream, instance)),
    };
    if let Err(error) | Ok(Err(error)) = ended {
        tracing::error!(thread = instance.thread_name(thread), %error, detail = ?error, "thread failed: the instance ends");
        instance.board.fail(error);
    }
    instance.tasks.give_back_all(thread);
    instance.board.report(thread, ThreadState::Dead);
}

/// Steps until the end. Whatever happens, the thread is dropped before this returns.
fn drive(mut thread: impl Stepping, instance: &Instance) -> Result<()> {
    let driven = catch_unwind(AssertUnwindSafe(|| until_ended(&mut thread, instance)));
    let outcome = driven.unwrap_or_else(|panic| Err(panicked(&thread.at_work(), &*panic)));
    if outcome.is_err() {
        let now_ms = instance.clock.now_ms();
        let abandoned = catch_unwind(AssertUnwindSafe(|| thread.abandon(now_ms)));
        if let Err(panic) = abandoned {
            tracing::error!(error = %panicked(&thread.at_work(), &*panic), "giving up what is not committed");
        }
    }
    // Operators of the user's are dropped here: they may panic, too.
    if let Err(panic) = catch_unwind(AssertUnwindSafe(move || drop(thread))) {
        tracing::error!(error = %panicked("closing a thread", &*panic), "closing");
    }
    outcome
}

fn until_ended(thread: &mut impl Stepping, instance: &Instance) -> Result<()> {
    loop {
        let now_ms = instance.clock.now_ms();
        match thread.step(now_ms)? {
            Stepped::Busy => {}
            Stepped::Ended => return Ok(()),
            Stepped::Idle { until_ms } => {
                let pause_ms = until_ms.saturating_sub(now_ms).clamp(1, PARK_MS_MAX);
                thread.wait(Duration::from_millis(pause_ms.unsigned_abs()));
            }
        }
    }
}

fn panicked(at_work: &str, panic: &(dyn Any + Send)) -> Error {
    let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned());
    Error::new(ErrorKind::Bug, format!("{at_work} panicked")).with_detail(said)
}
