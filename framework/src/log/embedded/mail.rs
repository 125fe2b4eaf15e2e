//! Requests under way: what was sent and reaches the log later, whether or not its sender is still there to hear the answer.
//!
//! Only a fault plan delays anything. A request that arrives finds the log as it is then: a newer producer may have fenced its
//! sender, the group may have removed it, its transaction may have timed out.

use super::state::State;
use crate::error::Result;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

type Arrive = Box<dyn FnOnce(&mut State) + Send>;

/// What is on its way to the log, in the order in which it was sent.
#[derive(Default)]
pub(super) struct Mail(Vec<(i64, Arrive)>);

impl Mail {
    /// Takes the first of what is due.
    fn take_due(&mut self, now_ms: i64) -> Option<Arrive> {
        let due = self.0.iter().enumerate().filter(|(_, (due_ms, _))| *due_ms <= now_ms);
        let (first, _) = due.min_by_key(|(_, (due_ms, _))| *due_ms)?;
        Some(self.0.remove(first).1)
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(due_ms, _)| due_ms)).finish()
    }
}

impl State {
    /// Lets arrive what is due. True if there was something.
    pub(super) fn deliver(&mut self) -> bool {
        let mut delivered = false;
        while let Some(arrive) = self.mail.take_due(self.now_ms) {
            arrive(self);
            delivered = true;
        }
        self.version += u64::from(delivered);
        delivered
    }
}

/// A request under way, as its sender sees it. Dropping it loses the answer, not the request.
#[derive(Debug)]
pub(super) struct Letter<T>(Arc<Mutex<Option<Poll<Result<T>>>>>);

impl<T: Send + 'static> Letter<T> {
    /// Sends a request that arrives at `due_ms`.
    pub(super) fn send(
        state: &mut State,
        due_ms: i64,
        act: impl FnOnce(&mut State) -> Poll<Result<T>> + Send + 'static,
    ) -> Self {
        let answer = Arc::new(Mutex::new(None));
        let theirs = answer.clone();
        let arrive = move |state: &mut State| {
            tracing::info!("a delayed request arrives");
            let answered = act(state);
            *theirs.lock().unwrap_or_else(PoisonError::into_inner) = Some(answered);
        };
        state.mail.0.push((due_ms, Box::new(arrive)));
        Letter(answer)
    }

    /// The answer: `None` while the request is under way, `Pending` if it came too early and is to be sent again.
    pub(super) fn open(&self) -> Option<Poll<Result<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Where a client awaits the answer to one kind of request.
#[derive(Debug)]
pub(super) struct Postbox<T>(Option<Letter<T>>);

impl<T> Default for Postbox<T> {
    fn default() -> Self {
        Postbox(None)
    }
}

impl<T: Send + 'static> Postbox<T> {
    /// Awaits the answer to this one.
    pub(super) fn expect(&mut self, letter: Letter<T>) {
        self.0 = Some(letter);
    }

    /// Whether a request is under way, or its answer was not taken.
    pub(super) fn awaits(&self) -> bool {
        self.0.is_some()
    }

    /// Takes the answer; `Pending` while the request is under way. `None` if there is none under way: it may be sent.
    pub(super) fn take(&mut self) -> Option<Poll<Result<T>>> {
        let answer = self.0.as_ref()?.open();
        match answer {
            None => Some(Poll::Pending),
            Some(answered) => {
                self.0 = None;
                answered.is_ready().then_some(answered)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::core::Core;
    use super::*;
    use std::sync::atomic::AtomicU64;

    fn state() -> State {
        Core::empty_state(None, 0, Arc::new(AtomicU64::new(0)))
    }

    #[test]
    fn request_arrives_when_it_is_due_though_its_sender_is_gone() {
        let mut state = state();
        state.now_ms = 0;
        drop(Letter::send(&mut state, 10, |state| Poll::Ready(Ok(state.new_producer()))));
        let before = state.ids.producer;
        assert!(!state.deliver());
        state.now_ms = 10;
        assert!(state.deliver() && !state.deliver());
        assert_eq!(state.ids.producer, before + 1);
    }

    #[test]
    fn what_is_due_first_arrives_first() {
        let mut state = state();
        let mut late = Postbox::default();
        late.expect(Letter::send(&mut state, 20, |state| Poll::Ready(Ok(state.new_producer()))));
        let mut early = Postbox::default();
        early.expect(Letter::send(&mut state, 10, |state| Poll::Ready(Ok(state.new_producer()))));
        assert!(matches!(late.take(), Some(Poll::Pending)));
        state.now_ms = 20;
        state.deliver();
        let number = |postbox: &mut Postbox<i64>| match postbox.take() {
            Some(Poll::Ready(Ok(number))) => number,
            other => panic!("{other:?}"),
        };
        assert!(number(&mut early) < number(&mut late));
        assert!(!early.awaits() && early.take().is_none());
    }

    #[test]
    fn request_that_came_too_early_is_sent_again() {
        let mut state = state();
        let mut postbox = Postbox::<()>::default();
        postbox.expect(Letter::send(&mut state, 0, |_| Poll::Pending));
        state.now_ms = 0;
        state.deliver();
        assert!(postbox.take().is_none());
    }
}
