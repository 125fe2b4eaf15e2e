//! Partitions that the group has given to a member whose client never heard of it.
//!
//! With the new group protocol a broker tells a member once which partitions are its own. If that answer is lost while the member's
//! epoch stays what it is, neither side repeats it: librdkafka 2.12.1 asks for all of it again when the coordinator has moved, not
//! when an answer took too long. Nobody reads these partitions then, as long as the group does not change. So the group
//! is asked now and then, and a member that lacks the same partitions twice has to join anew.

use crate::error::Result;
use crate::log::Call;
use crate::record::TopicPartition;
use std::collections::BTreeSet;
use std::task::Poll;

/// Between two questions, in milliseconds: each is about all members.
const PAUSE_MS: i64 = 60_000;

/// Until the second question, in milliseconds: the client may be about to hear of them.
const SOON_MS: i64 = 10_000;

/// What a member has found out about itself.
#[derive(Default)]
pub(super) struct Unheard {
    due_ms: Option<i64>,
    question: Option<Call<Vec<TopicPartition>>>,
    /// What it lacked at the last look.
    lacked: BTreeSet<TopicPartition>,
}

impl Unheard {
    /// What this member lacks for good. `ask` asks the group what the member is to have; it is called when it is time to.
    pub(super) fn poll(
        &mut self,
        owned: &BTreeSet<TopicPartition>,
        now_ms: i64,
        ask: impl FnOnce() -> Call<Vec<TopicPartition>>,
    ) -> Option<BTreeSet<TopicPartition>> {
        let due_ms = *self.due_ms.get_or_insert(now_ms.saturating_add(PAUSE_MS));
        if self.question.is_none() {
            if now_ms < due_ms {
                return None;
            }
            self.question = Some(ask());
        }
        let Poll::Ready(answer) = self.question.as_mut()?.poll(now_ms) else { return None };
        self.question = None;
        let lacking = lacking(answer, owned);
        let is_lasting = !lacking.is_empty() && lacking == self.lacked;
        self.due_ms = Some(now_ms.saturating_add(if lacking.is_empty() { PAUSE_MS } else { SOON_MS }));
        self.lacked.clone_from(&lacking);
        is_lasting.then_some(lacking)
    }
}

/// What is given, and not owned.
fn lacking(given: Result<Vec<TopicPartition>>, owned: &BTreeSet<TopicPartition>) -> BTreeSet<TopicPartition> {
    match given {
        Ok(given) => given.into_iter().filter(|partition| !owned.contains(partition)).collect(),
        Err(error) => {
            tracing::debug!(target: "kstreams::kafka", %error, "what the group has given to this member");
            BTreeSet::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind};

    fn partitions(numbers: &[i32]) -> BTreeSet<TopicPartition> {
        numbers.iter().map(|number| TopicPartition::new("in", *number)).collect()
    }

    fn given(numbers: &[i32]) -> Call<Vec<TopicPartition>> {
        Call::ready(Ok(partitions(numbers).into_iter().collect()))
    }

    fn never() -> Call<Vec<TopicPartition>> {
        panic!("asked too early")
    }

    #[test]
    fn partitions_that_are_lacking_twice_are_told() {
        let (mut unheard, owned) = (Unheard::default(), partitions(&[1]));
        assert_eq!(unheard.poll(&owned, 0, never), None);
        assert_eq!(unheard.poll(&owned, PAUSE_MS, || given(&[0, 1])), None);
        assert_eq!(unheard.poll(&owned, PAUSE_MS + 1, never), None);
        let lacking = unheard.poll(&owned, PAUSE_MS + SOON_MS, || given(&[0, 1]));
        assert_eq!(lacking, Some(partitions(&[0])));
    }

    #[test]
    fn partitions_that_come_or_change_meanwhile_are_not() {
        let mut unheard = Unheard::default();
        assert_eq!(unheard.poll(&partitions(&[1]), 0, never), None);
        assert_eq!(unheard.poll(&partitions(&[1]), PAUSE_MS, || given(&[0, 1])), None);
        assert_eq!(unheard.poll(&partitions(&[0, 1]), PAUSE_MS + SOON_MS, || given(&[0, 1, 2])), None);
        let now_ms = PAUSE_MS + 2 * SOON_MS;
        assert_eq!(unheard.poll(&partitions(&[0, 1, 2]), now_ms, || given(&[0, 1, 2])), None);
        assert_eq!(unheard.poll(&partitions(&[0, 1, 2]), now_ms + SOON_MS, never), None);
    }

    #[test]
    fn question_without_an_answer_says_nothing() {
        let (mut unheard, owned) = (Unheard::default(), partitions(&[]));
        assert_eq!(unheard.poll(&owned, 0, never), None);
        let refused = || Call::ready(Err(Error::new(ErrorKind::Timeout, "no broker answers")));
        assert_eq!(unheard.poll(&owned, PAUSE_MS, refused), None);
        assert_eq!(unheard.poll(&owned, 2 * PAUSE_MS, refused), None);
    }
}
