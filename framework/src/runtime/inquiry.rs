//! Questions to the log that build on each other and begin with the list of all topics. What goes wrong begins anew after a
//! pause, for a while.
//!
//! ```text
//! Listing --> whatever builds on the list --> answered
//!    ^ '-----------------' went wrong
//! ```

use super::retry::Retry;
use crate::error::{Error, Result};
use crate::log::{Admin, Call, TopicInfo};
use std::sync::Arc;
use std::task::{Poll, ready};

/// Questions under way; `S` is what is asked once the topics are known.
pub(crate) struct Inquiry<S> {
    admin: Arc<dyn Admin>,
    stage: Stage<S>,
    retry: Retry,
}

enum Stage<S> {
    Listing(Call<Vec<TopicInfo>>),
    Further(S),
}

impl<S> Inquiry<S> {
    /// Begins to ask.
    pub(crate) fn new(admin: Arc<dyn Admin>) -> Self {
        let stage = Stage::Listing(admin.topics());
        Inquiry { admin, stage, retry: Retry::default() }
    }

    /// One attempt: `begin` is told the topics, `go_on` asked until it has the answer. `limit_ms` says for how long an error
    /// may come again; `None` makes it the answer.
    pub(crate) fn poll<T>(
        &mut self,
        now_ms: i64,
        limit_ms: impl FnOnce(&Error) -> Option<i64>,
        begin: impl FnOnce(&dyn Admin, Vec<TopicInfo>) -> Result<S>,
        go_on: impl FnOnce(&dyn Admin, &mut S) -> Poll<Result<T>>,
    ) -> Poll<Result<T>> {
        if !self.retry.is_due(now_ms) {
            return Poll::Pending;
        }
        match self.attempt(now_ms, begin, go_on) {
            Poll::Ready(Err(error)) => match self.again(error, limit_ms, now_ms) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            },
            answer => answer,
        }
    }

    fn attempt<T>(
        &mut self,
        now_ms: i64,
        begin: impl FnOnce(&dyn Admin, Vec<TopicInfo>) -> Result<S>,
        go_on: impl FnOnce(&dyn Admin, &mut S) -> Poll<Result<T>>,
    ) -> Poll<Result<T>> {
        match &mut self.stage {
            Stage::Listing(call) => {
                let topics = ready!(call.poll(now_ms))?;
                self.stage = Stage::Further(begin(&*self.admin, topics)?);
                Poll::Pending
            }
            Stage::Further(stage) => go_on(&*self.admin, stage),
        }
    }

    fn again(&mut self, error: Error, limit_ms: impl FnOnce(&Error) -> Option<i64>, now_ms: i64) -> Result<()> {
        let Some(limit_ms) = limit_ms(&error) else { return Err(error) };
        tracing::warn!(%error, "trying again");
        self.retry.failed(error, now_ms, limit_ms)?;
        self.stage = Stage::Listing(self.admin.topics());
        Ok(())
    }
}
