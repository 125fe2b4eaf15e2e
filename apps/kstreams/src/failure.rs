//! Why a command did not do what was asked, and so its exit status.

use kstreams::error::{Error, ErrorKind};
use std::{fmt, io};

/// What went wrong.
#[derive(Debug)]
pub enum Failure {
    /// The command or the configuration was not understood.
    Usage(Error),
    /// It was understood, and failed.
    Failed(Error),
    /// The output could not be written.
    Output(io::Error),
}

impl Failure {
    /// A command that contradicts itself; `hint` says what to write instead.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Failure::Usage(Error::new(ErrorKind::Config, message).with_hint(hint))
    }

    /// Something that is not so; `hint` says what to do about it.
    pub fn failed(kind: ErrorKind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Failure::Failed(Error::new(kind, message).with_hint(hint))
    }

    /// Whether another command would do.
    pub fn is_usage(&self) -> bool {
        matches!(self, Failure::Usage(_))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(error) | Failure::Failed(error) => error.fmt(f),
            Failure::Output(error) => write!(f, "the output cannot be written: {error}"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Failed(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Output(error)
    }
}
