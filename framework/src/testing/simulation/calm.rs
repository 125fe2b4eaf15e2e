//! The calm after the storm: faults have stopped, and everything that is still to come must come to an end.

use super::failure::Finding;
use super::world::World;
use crate::runtime::{State, Stepped};

/// How long nothing may happen before nothing more is expected, beyond what the log waits for, in milliseconds.
const QUIET_MS: i64 = 1_000;

/// The longest leap of the clock while nothing happens, in milliseconds.
const LEAP_MS_MAX: i64 = 100;

/// What is not over by then does not end, in milliseconds.
const LIMIT_MS: i64 = 600_000;

/// What punctuates commits all the time: so long a moment without a transaction is waited for, in milliseconds.
const COMMITTING_MS: i64 = 500;

/// Punctuations with a longer interval are not waited for, in milliseconds.
pub(super) const PUNCTUATION_MS_MAX: i64 = 3_600_000;

/// A run must not take more rounds than this.
const ROUNDS_MAX: usize = 200_000;

impl World<'_> {
    /// Runs undisturbed, with all the input, until nothing is left to do and everything is committed.
    /// `is_haunted` if some may have gone without leaving: the log must find out first.
    pub(super) fn settle(&mut self, instances: u8, is_haunted: bool) -> Result<(), Finding> {
        let line = || {
            let run =
                if instances == 1 { "one instance runs".to_owned() } else { format!("{instances} instances run") };
            match is_haunted {
                true => format!("nothing goes wrong any more; {run}, and the rest of the input comes"),
                false => format!("nothing goes wrong; {run}, and the input comes"),
            }
        };
        self.adversary.note(self.now_ms, instances, line);
        self.resume_all();
        for instance in 0..instances {
            self.start(instance)?;
        }
        self.produce(usize::MAX).map_err(Finding::of_the_log)?;
        let (until_ms, mut quiet_since_ms) = (self.now_ms + LIMIT_MS, self.now_ms);
        let config = &self.config;
        let timeout_ms = if is_haunted { config.session_timeout_ms.max(config.transaction_timeout_ms) } else { 0 };
        // A topic that has just come is found at the next look.
        let look_ms = if self.simulation.has_later_topics() { 2 * config.metadata_max_age_ms } else { 0 };
        let quiet_ms =
            timeout_ms + look_ms + config.max_task_idle_ms.max(0) + QUIET_MS.max(3 * config.commit_interval_ms());
        let mut appends = self.adversary.appends();
        for _ in 0..ROUNDS_MAX {
            // Somebody who was leaving may have left meanwhile; the first always stays.
            self.start(0)?;
            self.round(i64::MAX)?;
            // A punctuation may still have something to say.
            let punctuation_ms = self.running().map(|(_, streams)| streams.longest_punctuation_ms()).max().unwrap_or(0);
            let quiet_ms = quiet_ms + punctuation_ms.min(PUNCTUATION_MS_MAX);
            let before = std::mem::replace(&mut appends, self.adversary.appends());
            if appends != before || !self.is_running() || self.now_ms < self.adversary.delayed_until_ms() {
                quiet_since_ms = self.now_ms;
            }
            let since_ms = self.now_ms - quiet_since_ms;
            if since_ms >= quiet_ms && (self.has_ended_transactions()? || since_ms >= quiet_ms + COMMITTING_MS) {
                return Ok(());
            }
            if self.now_ms > until_ms + quiet_ms {
                break;
            }
        }
        Err(Finding::restless(self.states()))
    }

    /// The log and everybody who runs go on undisturbed for so long.
    pub(super) fn calm(&mut self, ms: i64) -> Result<(), Finding> {
        let until_ms = self.now_ms + ms;
        while self.now_ms < until_ms {
            self.round(until_ms)?;
        }
        Ok(())
    }

    /// The log steps once, then every thread. The clock goes on to when something is due, but not beyond `until_ms`.
    fn round(&mut self, until_ms: i64) -> Result<(), Finding> {
        let (mut did, mut next_ms) = (self.step_log(0)?, self.now_ms + LEAP_MS_MAX);
        for instance in 0..self.slots.len() as u8 {
            let threads =
                self.slots[usize::from(instance)].streams.as_ref().map_or(0, |streams| streams.thread_count());
            for thread in 0..threads as u8 {
                match self.step(instance, thread, 0)? {
                    Some(Stepped::Busy) => did = true,
                    Some(Stepped::Idle { until_ms }) => next_ms = next_ms.min(until_ms),
                    Some(Stepped::Ended) | None => {}
                }
            }
        }
        let leap_ms = if did { 1 } else { next_ms.min(until_ms) - self.now_ms };
        self.pass(leap_ms.max(1));
        Ok(())
    }

    fn has_ended_transactions(&mut self) -> Result<bool, Finding> {
        let is_open = self.running().any(|(_, streams)| streams.is_in_transaction());
        Ok(!is_open && self.log.open_transactions().map_err(Finding::of_the_log)?.is_empty())
    }

    fn is_running(&mut self) -> bool {
        self.running().all(|(_, streams)| streams.state() == State::Running)
    }

    fn states(&mut self) -> String {
        let states = self.running().map(|(instance, streams)| format!("instance {instance} is {}", streams.state()));
        states.collect::<Vec<_>>().join(", ")
    }
}
