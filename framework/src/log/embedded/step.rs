//! What is due by itself: delayed requests, markers, timeouts, sessions, rebalances, retention, compaction.
//!
//! In real use whoever calls the log runs it on the way; a simulator runs it in explicit steps. There is no thread.

use super::core::Core;
use super::state::State;
use crate::error::Result;

/// How often timeouts are looked at.
const TIMER_INTERVAL_MS: i64 = 20;

impl Core {
    /// Does what is due, unless it is left to explicit steps.
    pub(super) fn drive(&self, now_ms: i64) -> Result<()> {
        if self.stepped { self.lock_at(now_ms).map(|_| ()) } else { self.step(now_ms).map(|_| ()) }
    }

    /// Does what is due at `now_ms`. True if anything was done.
    pub(super) fn step(&self, now_ms: i64) -> Result<bool> {
        let (changed, housekeeping) = {
            let mut state = self.lock_at(now_ms)?;
            (state.coordinate(), state.housekeeping_due(self.housekeeping_interval_ms))
        };
        if changed {
            self.ring();
        }
        let mut done = changed;
        if housekeeping {
            done |= self.lock()?.retain();
            done |= self.compact()?;
        }
        if done {
            self.persist()?;
        }
        Ok(done)
    }
}

impl State {
    fn coordinate(&mut self) -> bool {
        let mut changed = self.deliver();
        changed |= self.write_markers();
        if self.now_ms >= self.timers_ms.saturating_add(TIMER_INTERVAL_MS) {
            self.timers_ms = self.now_ms;
            changed |= self.time_out_transactions();
            changed |= self.expire_members();
        }
        // After the members: who is gone gets nothing.
        changed | self.settle_groups()
    }

    fn housekeeping_due(&mut self, interval_ms: i64) -> bool {
        let due = self.now_ms >= self.housekeeping_ms.saturating_add(interval_ms);
        if due {
            self.housekeeping_ms = self.now_ms;
        }
        due
    }
}
