//! What is done about a thread that has failed: asked of the program, decided here, carried out by whoever drives the threads.

use super::instance::Instance;
use super::roster::GLOBAL;
use super::shutdown_requests::ShutdownRequest;
use super::uncaught::{self, UncaughtErrorResponse};
use crate::error::Error;
use std::sync::{Arc, PoisonError};

/// How long a thread that failed tries to tell the log so, in milliseconds.
pub(crate) const ABANDON_MS_MAX: i64 = 2_000;

/// What is to be done.
pub(crate) enum Verdict {
    /// The thread of that number is to begin, after a pause in milliseconds.
    Replace { thread: usize, pause_ms: i64 },
    /// Nothing: it was to leave anyway, and others do again what it had not committed.
    LetGo,
    /// The instance is to end, with this error.
    End(Error),
    /// The same, once all other instances are asked to end, too.
    EndAll(Box<ShutdownRequest>, Error),
}

/// Decides about a thread that failed, and notes what is decided on the board.
pub(crate) fn judge(instance: &Arc<Instance>, thread: usize, error: Error, now_ms: i64) -> Verdict {
    let name = instance.board.thread_name(thread);
    instance.board.count_failure();
    match uncaught::response(instance.uncaught_error_handler.as_ref(), &error, &name) {
        UncaughtErrorResponse::ReplaceThread => replace(instance, thread, &name, error, now_ms),
        UncaughtErrorResponse::ShutdownClient => {
            tracing::error!(thread = name, %error, detail = ?error, "thread failed: the instance ends");
            Verdict::End(error)
        }
        UncaughtErrorResponse::ShutdownApplication => {
            tracing::error!(thread = name, %error, detail = ?error, "thread failed: all instances are to end");
            match ShutdownRequest::new(instance, &error, &name) {
                Ok(request) => Verdict::EndAll(Box::new(request), error),
                Err(refused) => Verdict::End(unheard(error, &refused)),
            }
        }
    }
}

fn replace(instance: &Instance, thread: usize, name: &str, error: Error, now_ms: i64) -> Verdict {
    if thread == GLOBAL {
        tracing::error!(thread = name, %error, "the thread of global tables cannot be replaced: the instance ends");
        return Verdict::End(error);
    }
    if !instance.board.is_ending() && instance.board.is_ending_for(thread) {
        tracing::error!(thread = name, %error, "thread failed while it was removed");
        return Verdict::LetGo;
    }
    let Some(successor) = instance.board.replace(thread) else {
        tracing::error!(thread = name, %error, "thread failed while the instance ends: it is not replaced");
        return Verdict::End(error);
    };
    let pause_ms = instance.respite.lock().unwrap_or_else(PoisonError::into_inner).after_failure(now_ms);
    let successor_name = instance.board.thread_name(successor);
    tracing::error!(thread = name, %error, detail = ?error, successor = successor_name, pause_ms, "thread failed: replacing it");
    Verdict::Replace { thread: successor, pause_ms }
}

/// The error of an instance that could not tell the others.
pub(crate) fn unheard(error: Error, refused: &Error) -> Error {
    tracing::error!(error = %refused, "the other instances could not be asked to end: they go on");
    error.context(format!("the other instances go on, because they could not be asked to end ({refused})"))
}
