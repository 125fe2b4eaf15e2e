//! Asking again what brokers refuse for a moment only: while a leader is elected, a coordinator moves, a broker starts.

use crate::error::{Error, ErrorKind, Result};
use std::time::{Duration, Instant};

/// The first pause before a question is asked again.
const PAUSE: Duration = Duration::from_millis(10);

/// It doubles up to this.
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// Something that is to be deleted. It may be gone although the first answer was lost: that it is not there is an answer only
/// to the first question.
pub(super) struct Deletion<T> {
    of: T,
    is_repeated: bool,
}

impl<T> Deletion<T> {
    pub(super) fn of(of: T) -> Self {
        Deletion { of, is_repeated: false }
    }

    pub(super) fn attempt(&mut self, delete: impl FnOnce(&T) -> Result<()>) -> Result<()> {
        match delete(&self.of) {
            Err(error) if error.kind() == ErrorKind::NotFound && self.is_repeated => Ok(()),
            answer => {
                self.is_repeated = true;
                answer
            }
        }
    }
}

/// Whether brokers recover from it by themselves.
pub(super) fn is_passing(error: &Error) -> bool {
    error.kind() == ErrorKind::Timeout
}

/// Asks again what was refused for a moment, after pauses, as long as an answer may take.
pub(super) fn insist<T>(limit: Duration, mut question: impl FnMut() -> Result<T>) -> Result<T> {
    let (begun, mut pause) = (Instant::now(), PAUSE);
    loop {
        match question() {
            Err(error) if is_passing(&error) && begun.elapsed() + pause < limit => {
                tracing::debug!(%error, "asking again");
                std::thread::sleep(pause);
                pause = (pause * 2).min(PAUSE_MAX);
            }
            answer => return answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::errors::{self, About};
    use super::*;
    use rdkafka::error::RDKafkaErrorCode as Code;
    use std::collections::VecDeque;

    const LIMIT: Duration = Duration::from_secs(10);

    fn refused(code: Code) -> Error {
        errors::error(code, About::Brokers, "")
    }

    #[test]
    fn question_that_a_moved_leader_refuses_is_asked_again() {
        let mut refusals = VecDeque::from([Code::FencedLeaderEpoch, Code::NotLeaderForPartition, Code::NotCoordinator]);
        let answer = insist(LIMIT, || refusals.pop_front().map_or(Ok("there"), |code| Err(refused(code))));
        assert_eq!(answer.unwrap(), "there");
    }

    #[test]
    fn refusal_that_stays_is_the_answer_after_a_while_and_every_other_at_once() {
        let limit = Duration::from_millis(50);
        let mut asked = 0;
        let mut ask = |code| {
            insist(limit, || {
                asked += 1;
                Err::<(), _>(refused(code))
            })
        };
        assert_eq!(ask(Code::InvalidConfig).unwrap_err().kind(), ErrorKind::Config);
        assert_eq!(ask(Code::FencedLeaderEpoch).unwrap_err().kind(), ErrorKind::Timeout);
        assert!(asked > 2, "{asked}");
    }

    #[test]
    fn what_is_gone_at_the_second_attempt_is_deleted_and_at_the_first_it_was_never_there() {
        let mut lost = Deletion::of("a topic");
        assert!(lost.attempt(|_| Err(refused(Code::RequestTimedOut))).is_err());
        lost.attempt(|_| Err(refused(Code::UnknownTopicOrPartition))).unwrap();
        let missing = Deletion::of("a topic").attempt(|_| Err(refused(Code::UnknownTopicOrPartition)));
        assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
    }
}
