//! When the topics of global tables are looked at again.

use crate::error::{ErrorKind, Result};
use crate::log::{Call, TopicInfo};
use std::task::Poll;

/// When to look, and the look under way.
#[derive(Default)]
pub(super) struct Refresh {
    due_ms: i64,
    listing: Option<Call<Vec<TopicInfo>>>,
}

impl Refresh {
    /// The first look is at `due_ms`.
    pub(super) fn begin(&mut self, due_ms: i64) {
        *self = Refresh { due_ms, listing: None };
    }

    /// The topics, every `interval_ms`. An answer that does not come is not missed: the next look will do.
    pub(super) fn poll(
        &mut self,
        now_ms: i64,
        interval_ms: i64,
        list: impl FnOnce() -> Result<Call<Vec<TopicInfo>>>,
    ) -> Result<Option<Vec<TopicInfo>>> {
        if now_ms >= self.due_ms {
            self.due_ms = now_ms.saturating_add(interval_ms);
            self.listing = Some(list()?);
        }
        let Some(call) = &mut self.listing else { return Ok(None) };
        let Poll::Ready(listed) = call.poll(now_ms) else { return Ok(None) };
        self.listing = None;
        match listed {
            Ok(topics) => Ok(Some(topics)),
            Err(error) if error.kind() == ErrorKind::Timeout => {
                tracing::warn!(%error, "looking at the topics of global tables");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
