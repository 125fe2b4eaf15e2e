//! What a thread hears from its instance, and how it ends: in order, or after an error.

use super::{Phase, Stepped, StreamThread};
use crate::error::Result;
use std::task::Poll;

/// What a thread that failed has told the log.
#[derive(Default)]
pub(super) struct GivenUp {
    transaction: bool,
    membership: bool,
}

impl StreamThread {
    /// At the beginning of each step: its share of what threads share, and whether all instances are to end.
    pub(super) fn heed_instance(&mut self, now_ms: i64) {
        self.budget.resize(self.instance.cache_bytes_per_thread());
        let Some(resolved) = &self.resolved else { return };
        if self.instance.uncaught_error_handler.is_none() || self.has_ended() {
            return;
        }
        let topics = || resolved.plan.subscription();
        if let Some(asked) = self.instance.shutdown_requests.poll(&self.instance, &topics, now_ms) {
            tracing::error!(thread = self.name, error = %asked, "the instance ends");
            self.instance.board.fail(asked);
        }
    }

    /// Whether a request to all instances would be heard. Before, the thread does not become a member: so whoever is one ends.
    pub(super) fn hears_requests(&self) -> bool {
        self.instance.uncaught_error_handler.is_none() || self.instance.shutdown_requests.is_listening()
    }

    /// Whether the thread is to end, with its instance or alone.
    pub(super) fn is_ending(&self) -> bool {
        self.instance.board.is_ending_for(self.thread)
    }

    /// Before it has joined, a thread that is to end just ends.
    pub(super) fn ends_early(&mut self) -> bool {
        let ends = self.is_ending();
        if ends {
            self.phase = Phase::Leaving;
        }
        ends
    }

    pub(super) fn leave(&mut self, now_ms: i64) -> Result<Stepped> {
        self.close_tasks();
        let left = match self.instance.board.leaves_group(self.thread) {
            true => self.consumer.poll_leave(now_ms),
            // The group waits for it until its session is over.
            false => Poll::Ready(Ok(())),
        };
        let Poll::Ready(left) = left else { return Ok(Stepped::soon(now_ms)) };
        self.phase = Phase::Dead;
        tracing::info!(thread = self.name, "ended");
        match left {
            Err(error) if broken!(LeaveInsisted) => return Err(error),
            // Everything is committed: the others only hear of it later.
            Err(error) => tracing::warn!(thread = self.name, %error, "the group is left to its session timeout"),
            Ok(()) => {}
        }
        Ok(Stepped::Ended)
    }

    /// After an error that ends the thread, or a panic: gives up what is not committed, and the membership, so that others take
    /// over at once. Ready when the log has heard both; what it refuses is left to its timeouts.
    pub(crate) fn poll_abandon(&mut self, now_ms: i64) -> Poll<()> {
        self.phase = Phase::Dead;
        self.close_tasks();
        // A transaction that may have been committed must not be aborted.
        if !self.given_up.transaction && !self.is_outcome_unknown {
            let aborted = self.outlet.producer().poll_abort(now_ms);
            self.given_up.transaction = self.is_answered(aborted, "the transaction is left to its timeout");
        }
        if !self.given_up.membership {
            let left = self.consumer.poll_leave(now_ms);
            self.given_up.membership = self.is_answered(left, "the group is left to its session timeout");
        }
        match (self.given_up.transaction || self.is_outcome_unknown) && self.given_up.membership {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    fn is_answered(&self, answer: Poll<Result<()>>, otherwise: &str) -> bool {
        if let Poll::Ready(Err(error)) = &answer {
            tracing::warn!(thread = self.name, %error, "{otherwise}");
        }
        answer.is_ready()
    }

    /// Drops all tasks as they are.
    fn close_tasks(&mut self) {
        self.tasks.clear();
        self.instance.tasks.give_back_all(self.thread);
    }

    /// What it was working on, for the report of a panic.
    pub(crate) fn at_work(&self) -> String {
        match self.current {
            Some(task) => format!("task {task} on thread `{}`", self.name),
            None => format!("thread `{}`", self.name),
        }
    }

    /// Whether nothing happens any more.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Dead)
    }
}
