//! The name of a static member that its predecessor still holds.
//!
//! With the new group protocol the brokers keep the name of a static member that was killed until its session is over, and refuse
//! it to whoever comes back under it; with the classic one they give it away at once. So a member that is refused asks again, as
//! long as a predecessor may be taken for alive. Whoever is refused longer has a living namesake.

use super::errors;
use crate::error::Result;

/// The pause between two attempts to join, in milliseconds: each of them takes a client of its own.
const PAUSE_MS: i64 = 500;

/// For so many sessions a name may be held by somebody who is gone: sessions may be longer at the brokers than here, and begin
/// anew when their coordinator moves.
const SESSIONS_MAX: i64 = 6;

/// Whether a member waits for its name, and since when.
#[derive(Default)]
pub(super) struct HeldName {
    /// What the client said to the last attempt; `None` while there is no answer to it.
    refusal: Option<String>,
    since_ms: Option<i64>,
    due_ms: Option<i64>,
}

impl HeldName {
    /// The brokers have refused the name.
    pub(super) fn refused(&mut self, seen: String) {
        self.refusal = Some(seen);
    }

    /// The member has joined.
    pub(super) fn given(&mut self) {
        *self = HeldName::default();
    }

    /// Whether it is time to ask once more after a refusal.
    ///
    /// # Errors
    /// `InUse` if the name was refused for [`SESSIONS_MAX`].
    pub(super) fn is_to_ask_again(&mut self, now_ms: i64, session_timeout_ms: i64) -> Result<bool> {
        let Some(seen) = &self.refusal else { return Ok(false) };
        if self.since_ms.is_none() {
            tracing::warn!(seen, "the group waits for a member of this name: asking again until its session is over");
        }
        let since_ms = *self.since_ms.get_or_insert(now_ms);
        if now_ms.saturating_sub(since_ms) > session_timeout_ms.saturating_mul(SESSIONS_MAX) {
            return Err(errors::same_name(seen));
        }
        let due_ms = *self.due_ms.get_or_insert(now_ms.saturating_add(PAUSE_MS));
        if now_ms < due_ms {
            return Ok(false);
        }
        (self.refusal, self.due_ms) = (None, None);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn refused(name: &mut HeldName) {
        name.refused(String::from("still used by another member"));
    }

    #[test]
    fn refused_name_is_asked_for_again_after_a_pause_once_for_each_refusal() {
        let mut name = HeldName::default();
        assert!(!name.is_to_ask_again(0, 10_000).unwrap());
        refused(&mut name);
        let asked: Vec<i64> = (0..2_000).filter(|now_ms| name.is_to_ask_again(*now_ms, 10_000).unwrap()).collect();
        assert_eq!(asked, [PAUSE_MS]);
        refused(&mut name);
        assert!(!name.is_to_ask_again(2_000, 10_000).unwrap());
        assert!(name.is_to_ask_again(2_000 + PAUSE_MS, 10_000).unwrap());
    }

    #[test]
    fn name_that_stays_refused_has_a_living_owner_and_one_that_was_given_begins_anew() {
        let mut name = HeldName::default();
        refused(&mut name);
        name.is_to_ask_again(0, 10_000).unwrap();
        refused(&mut name);
        assert!(name.is_to_ask_again(SESSIONS_MAX * 10_000, 10_000).unwrap());
        refused(&mut name);
        assert_eq!(name.is_to_ask_again(SESSIONS_MAX * 10_000 + 1, 10_000).unwrap_err().kind(), ErrorKind::InUse);
        name.given();
        refused(&mut name);
        assert!(!name.is_to_ask_again(SESSIONS_MAX * 10_000 + 2, 10_000).unwrap());
    }
}
