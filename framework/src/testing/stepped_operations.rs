//! What can be done to a stepped instance while it runs, and what becomes of its threads that fail.
//!
//! As in [`Streams`](crate::runtime::Streams), the handler of uncaught errors decides. Without one, a step returns the error.

use super::stepped::{SteppedStreams, counting};
use crate::error::{Error, Result};
use crate::runtime::{
    ABANDON_MS_MAX, GLOBAL, ShutdownRequest, Stepped, StreamThread, ThreadState, Verdict, judge, panicked, unheard,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

/// Threads that have failed, and what is left to do about them.
#[derive(Default)]
pub(super) struct Failed {
    /// Each gives up what it had, until a time.
    abandoned: Vec<(StreamThread, i64)>,
    /// The other instances are asked to end, too.
    asking: Option<(Box<ShutdownRequest>, Error)>,
}

impl SteppedStreams {
    /// Adds a stream thread, which begins with the next step; see
    /// [`Streams::add_stream_thread`](crate::runtime::Streams::add_stream_thread).
    ///
    /// # Errors
    /// `Config` if the log has no such clients.
    ///
    /// ```
    #[doc = counting!()]
    /// assert!(streams.add_stream_thread()?.is_some_and(|name| name.ends_with("-StreamThread-2")));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn add_stream_thread(&mut self) -> Result<Option<String>> {
        let Some(thread) = self.instance.board.add() else { return Ok(None) };
        self.threads.push(StreamThread::new(&self.instance, thread)?);
        Ok(Some(self.instance.board.thread_name(thread)))
    }

    /// Tells a stream thread to leave, which it does in its next steps; see
    /// [`Streams::remove_stream_thread`](crate::runtime::Streams::remove_stream_thread).
    ///
    /// ```
    #[doc = counting!()]
    /// assert!(streams.remove_stream_thread().is_some_and(|name| name.ends_with("-StreamThread-1")));
    /// # run(&mut streams, 0, |streams| streams.threads().is_empty())?;
    /// assert!(streams.threads().is_empty()); // after some steps
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn remove_stream_thread(&mut self) -> Option<String> {
        self.instance.board.dismiss().map(|dismissed| dismissed.name)
    }

    /// Processes nothing from the next step on; see [`Streams::pause`](crate::runtime::Streams::pause).
    ///
    /// ```
    #[doc = counting!()]
    /// streams.pause();
    /// assert!(streams.is_paused());
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn pause(&self) {
        self.instance.board.set_paused(true);
    }

    /// Processes again; see [`Streams::resume`](crate::runtime::Streams::resume).
    ///
    /// ```
    #[doc = counting!()]
    /// streams.pause();
    /// streams.resume();
    /// assert!(!streams.is_paused());
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn resume(&self) {
        self.instance.board.set_paused(false);
    }

    /// Whether nothing is processed for now.
    ///
    /// ```
    #[doc = counting!()]
    /// assert!(!streams.is_paused());
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn is_paused(&self) -> bool {
        self.instance.board.is_paused()
    }

    /// The threads by name, with what they are doing.
    ///
    /// ```
    #[doc = counting!()]
    /// assert_eq!(streams.threads().len(), 1);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn threads(&self) -> Vec<(String, ThreadState)> {
        self.instance.board.threads()
    }

    /// A step of one thread. With a handler, a panic is an error like any other.
    pub(super) fn stepped(&mut self, thread: usize, now_ms: i64) -> Result<Stepped> {
        let is_handled = self.instance.uncaught_error_handler.is_some();
        let (threads, global) = (&mut self.threads, &mut self.global);
        let step = || match (threads.get_mut(thread), global) {
            (Some(thread), _) => thread.step(now_ms),
            (None, Some(global)) => global.step(now_ms),
            (None, None) => Ok(Stepped::Ended),
        };
        if !is_handled {
            return step();
        }
        catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|panic| Err(panicked(&self.at_work(thread), &*panic)))
    }

    fn at_work(&self, thread: usize) -> String {
        self.threads.get(thread).map_or_else(|| "the thread of global tables".to_owned(), StreamThread::at_work)
    }

    /// What follows from a step of one thread.
    pub(super) fn conclude(&mut self, thread: usize, stepped: Result<Stepped>, now_ms: i64) -> Result<Stepped> {
        let number = self.threads.get(thread).map_or(GLOBAL, StreamThread::number);
        match stepped {
            Ok(Stepped::Ended) => {
                self.instance.board.report(number, ThreadState::Dead);
                Ok(Stepped::Ended)
            }
            Err(error) if self.instance.uncaught_error_handler.is_some() => {
                self.carry_out(thread, number, error, now_ms).map(|()| Stepped::Busy)
            }
            stepped => stepped,
        }
    }

    fn carry_out(&mut self, thread: usize, number: usize, error: Error, now_ms: i64) -> Result<()> {
        let verdict = judge(&self.instance, number, error, now_ms);
        if thread < self.threads.len() {
            self.failed.abandoned.push((self.threads.remove(thread), now_ms + ABANDON_MS_MAX));
        }
        if let Verdict::Replace { thread: successor, pause_ms } = verdict {
            let successor = StreamThread::new(&self.instance, successor)?.beginning_at(now_ms + pause_ms);
            self.threads.insert(thread, successor);
        }
        self.instance.board.report(number, ThreadState::Dead);
        match verdict {
            Verdict::Replace { .. } | Verdict::LetGo => Ok(()),
            Verdict::End(error) => Err(self.fail(error)),
            Verdict::EndAll(request, error) => {
                self.failed.asking = Some((request, error));
                Ok(())
            }
        }
    }

    /// The instance fails; the error is for whoever steps it.
    fn fail(&self, error: Error) -> Error {
        self.instance.board.fail(Error::new(error.kind(), error.to_string()));
        error
    }

    /// What is left to do about threads that failed. True if something was done.
    pub(super) fn step_failed(&mut self, now_ms: i64) -> Result<bool> {
        let before = self.failed.abandoned.len();
        self.failed
            .abandoned
            .retain_mut(|(thread, until_ms)| thread.poll_abandon(now_ms).is_pending() && now_ms < *until_ms);
        let did = self.failed.abandoned.len() < before;
        let Some((mut request, error)) = self.failed.asking.take() else { return Ok(did) };
        match request.poll(now_ms) {
            Poll::Pending => {
                self.failed.asking = Some((request, error));
                Ok(did)
            }
            Poll::Ready(Ok(())) => Err(self.fail(error)),
            Poll::Ready(Err(refused)) => Err(self.fail(unheard(error, &refused))),
        }
    }

    /// Threads that were removed and have left are none any more; those of an instance that ends are kept.
    pub(super) fn forget_removed(&mut self) {
        let board = &self.instance.board;
        if !board.is_ending() {
            self.threads.retain(|thread| !thread.has_ended());
        }
    }
}
