//! A thread for the calls of librdkafka that can only wait: metadata, offsets, committed offsets, the steps of a transaction.
//!
//! They are done one after another, in the order in which they were asked, each with a timeout. Whoever asks polls for the
//! answer and never waits. The thread is started with the first question and ends with the last who could ask.

use crate::error::{Error, ErrorKind, Result};
use crate::log::Call;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

/// The most questions that wait for their turn; one more waits with whoever asks it.
const QUESTIONS_MAX: usize = 64;

type Job = Box<dyn FnOnce() + Send>;

/// Asks on a thread of its own.
pub(super) struct Worker {
    name: String,
    jobs: Mutex<Option<SyncSender<Job>>>,
}

impl Worker {
    /// A worker whose thread will have this name.
    pub(super) fn new(name: impl Into<String>) -> Self {
        Worker { name: name.into(), jobs: Mutex::new(None) }
    }

    /// Does `question` after those that were asked before.
    pub(super) fn ask<T: Send + 'static>(&self, question: impl FnOnce() -> Result<T> + Send + 'static) -> Call<T> {
        let jobs = match self.jobs() {
            Ok(jobs) => jobs,
            Err(error) => return Call::ready(Err(error)),
        };
        let (answer, answered) = sync_channel(1);
        // Nobody may listen any more: the effect counts, not the answer.
        let mut waiting: Option<Job> = Some(Box::new(move || drop(answer.send(question()))));
        hand_over(&jobs, &mut waiting);
        Call::new(move |_now_ms| {
            if !hand_over(&jobs, &mut waiting) {
                return Poll::Pending;
            }
            listen(&answered)
        })
    }

    /// Does `last` behind everything that was asked; its answer interests nobody.
    pub(super) fn finish(&self, last: impl FnOnce() + Send + 'static) {
        let Ok(jobs) = self.jobs() else { return last() };
        if let Err(TrySendError::Full(last) | TrySendError::Disconnected(last)) = jobs.try_send(Box::new(last)) {
            last();
        }
    }

    fn jobs(&self) -> Result<SyncSender<Job>> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(jobs) = &*jobs {
            return Ok(jobs.clone());
        }
        let (sender, receiver) = sync_channel(QUESTIONS_MAX);
        let thread = std::thread::Builder::new().name(self.name.clone()).spawn(move || work(&receiver));
        thread.map_err(|error| Error::new(ErrorKind::Io, "the operating system gives no thread").with_source(error))?;
        *jobs = Some(sender.clone());
        Ok(sender)
    }
}

fn work(jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!("a question to Kafka panicked");
        }
    }
}

/// Whether the question is with the thread.
fn hand_over(jobs: &SyncSender<Job>, waiting: &mut Option<Job>) -> bool {
    let Some(job) = waiting.take() else { return true };
    match jobs.try_send(job) {
        Ok(()) => true,
        Err(TrySendError::Full(job)) => {
            *waiting = Some(job);
            false
        }
        // The answer's channel is closed with the job: whoever listens hears of it.
        Err(TrySendError::Disconnected(_)) => true,
    }
}

fn listen<T>(answered: &Receiver<Result<T>>) -> Poll<Result<T>> {
    match answered.try_recv() {
        Ok(answer) => Poll::Ready(answer),
        Err(TryRecvError::Empty) => Poll::Pending,
        Err(TryRecvError::Disconnected) => {
            Poll::Ready(Err(Error::new(ErrorKind::Bug, "a question to Kafka ended without an answer")))
        }
    }
}

/// Waits for an answer that librdkafka's own thread gives.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Barrier};

    fn wait<T: 'static>(call: &mut Call<T>) -> Result<T> {
        loop {
            if let Poll::Ready(answer) = call.poll(0) {
                return answer;
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn questions_are_answered_in_their_order() {
        let (worker, said) = (Worker::new("test"), Arc::new(Mutex::new(Vec::new())));
        let mut calls: Vec<Call<usize>> = (0..3)
            .map(|number| {
                let said = said.clone();
                worker.ask(move || {
                    said.lock().unwrap().push(number);
                    Ok(number)
                })
            })
            .collect();
        assert_eq!(wait(&mut calls[2]).unwrap(), 2);
        assert_eq!(*said.lock().unwrap(), [0, 1, 2]);
        assert_eq!(wait(&mut calls[0]).unwrap(), 0);
    }

    #[test]
    fn question_waits_its_turn_when_too_many_were_asked() {
        let (worker, gate) = (Worker::new("test"), Arc::new(Barrier::new(2)));
        let held = gate.clone();
        let mut first = worker.ask(move || {
            held.wait();
            Ok(())
        });
        let mut calls: Vec<Call<()>> = (0..QUESTIONS_MAX + 5).map(|_| worker.ask(|| Ok(()))).collect();
        assert!(calls.iter_mut().all(|call| call.poll(0).is_pending()));
        gate.wait();
        wait(&mut first).unwrap();
        calls.iter_mut().for_each(|call| wait(call).unwrap());
    }

    #[test]
    fn panic_is_an_answer_and_the_thread_goes_on() {
        let worker = Worker::new("test");
        let mut broken: Call<()> = worker.ask(|| panic!("as the test wants"));
        assert_eq!(wait(&mut broken).unwrap_err().kind(), ErrorKind::Bug);
        assert_eq!(wait(&mut worker.ask(|| Ok(1))).unwrap(), 1);
    }
}
