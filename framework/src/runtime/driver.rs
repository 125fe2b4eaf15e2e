//! Threads of the operating system, each calling the step function of one thread of the instance.
//!
//! The only place of the runtime that reads a clock, waits or catches panics.

use super::crew::Crew;
use super::global::GlobalThread;
use super::instance::Instance;
use super::listeners::panicked;
use super::roster::GLOBAL;
use super::shutdown_requests::{REQUEST_MS_MAX, ShutdownRequest};
use super::state::ThreadState;
use super::supervision::{self, ABANDON_MS_MAX, Verdict, unheard};
use super::thread::{Stepped, StreamThread};
use crate::error::{Error, ErrorKind, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

/// The longest that a thread is left alone, so that it notices that the instance is to end.
const PARK_MS_MAX: i64 = 50;

/// How long a failed thread tries to tell the log so.
const ABANDON_TIMEOUT: Duration = Duration::from_millis(ABANDON_MS_MAX.unsigned_abs());

/// How long it tries to tell other instances.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(REQUEST_MS_MAX.unsigned_abs());

/// Between two attempts.
const NAP: Duration = Duration::from_millis(1);

/// What a driver drives.
trait Stepping {
    fn step(&mut self, now_ms: i64) -> Result<Stepped>;
    fn wait(&mut self, timeout: Duration);
    /// After an error or a panic.
    fn poll_abandon(&mut self, now_ms: i64) -> Poll<()>;
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

    fn poll_abandon(&mut self, now_ms: i64) -> Poll<()> {
        StreamThread::poll_abandon(self, now_ms)
    }

    fn at_work(&self) -> String {
        StreamThread::at_work(self)
    }
}

impl Stepping for GlobalThread {
    fn step(&mut self, now_ms: i64) -> Result<Stepped> {
        GlobalThread::step(self, now_ms)
    }

    fn wait(&mut self, timeout: Duration) {
        GlobalThread::wait(self, timeout);
    }

    fn poll_abandon(&mut self, _now_ms: i64) -> Poll<()> {
        self.end();
        Poll::Ready(())
    }

    fn at_work(&self) -> String {
        String::from("the thread of global tables")
    }
}

/// Starts the threads of an instance.
///
/// # Errors
/// `Io` if the operating system gives no thread; those that were started end.
pub(crate) fn spawn(instance: &Arc<Instance>) -> Result<()> {
    let globals = instance.has_globals().then_some(GLOBAL);
    let threads: Vec<usize> = (0..instance.config.num_stream_threads).chain(globals).collect();
    for (started, thread) in threads.iter().enumerate() {
        if let Err(error) = Crew::start(instance, *thread, 0) {
            instance.board.fail(Error::new(ErrorKind::Io, error.to_string()));
            threads[started + 1..].iter().for_each(|thread| instance.board.give_up(*thread));
            return Err(error);
        }
    }
    Ok(())
}

/// All that happens on one thread of the operating system, after a pause in milliseconds.
pub(super) fn run(instance: &Arc<Instance>, thread: usize, pause_ms: i64) {
    instance.board.runs_here(thread);
    let begins_ms = instance.clock.now_ms().saturating_add(pause_ms);
    let ended = match thread {
        GLOBAL => GlobalThread::new(instance).map(|global| drive(global, instance)),
        _ => StreamThread::new(instance, thread).map(|stream| drive(stream.beginning_at(begins_ms), instance)),
    };
    if let Err(error) | Ok(Err(error)) = ended {
        carry_out(instance, supervision::judge(instance, thread, error, instance.clock.now_ms()));
    }
    instance.tasks.give_back_all(thread);
    // The successor, if there is one, is among the threads by now: the instance never seems to have ended.
    instance.board.report(thread, ThreadState::Dead);
}

fn carry_out(instance: &Arc<Instance>, verdict: Verdict) {
    match verdict {
        Verdict::Replace { thread, pause_ms } => {
            if let Err(error) = Crew::start(instance, thread, pause_ms) {
                instance.board.fail(error);
            }
        }
        Verdict::LetGo => {}
        Verdict::End(error) => instance.board.fail(error),
        Verdict::EndAll(request, error) => {
            let asked = ask_all(instance, *request);
            instance.board.fail(match asked {
                Ok(()) => error,
                Err(refused) => unheard(error, &refused),
            });
        }
    }
}

/// Waits for the answer to a request; the thread has nothing else to do any more.
fn ask_all(instance: &Instance, mut request: ShutdownRequest) -> Result<()> {
    let begun = Instant::now();
    loop {
        match request.poll(instance.clock.now_ms()) {
            Poll::Ready(answer) => return answer,
            Poll::Pending if begun.elapsed() > REQUEST_TIMEOUT => {
                return Err(Error::new(ErrorKind::Timeout, "the log did not answer"));
            }
            Poll::Pending => thread::sleep(NAP),
        }
    }
}

/// Steps until the end. Whatever happens, the thread is dropped before this returns.
fn drive(mut thread: impl Stepping, instance: &Instance) -> Result<()> {
    let driven = catch_unwind(AssertUnwindSafe(|| until_ended(&mut thread, instance)));
    let outcome = driven.unwrap_or_else(|panic| Err(panicked(&thread.at_work(), &*panic)));
    if outcome.is_err() {
        let abandoned = catch_unwind(AssertUnwindSafe(|| abandon(&mut thread, instance)));
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

/// Until the log has heard of it, so that others need not wait for a timeout; but not for long.
fn abandon(thread: &mut impl Stepping, instance: &Instance) {
    let begun = Instant::now();
    while thread.poll_abandon(instance.clock.now_ms()).is_pending() && begun.elapsed() < ABANDON_TIMEOUT {
        thread.wait(NAP);
    }
}
