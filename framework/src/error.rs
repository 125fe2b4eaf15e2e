//! The crate's one error type.
//!
//! An [`Error`] says what happened in one lower-case sentence, keeps detail and hint apart, collects context
//! on its way up, and knows how far it travels ([`Scope`]): to the programmer before start, to the record
//! policy, to the thread's rollback, or out of the application. It never decides what is done about it.

mod words;

pub(crate) use words::{nearest, type_name};

use std::fmt;

/// Shorthand for a result with the crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as far as the caller can act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A configuration value is unknown, malformed or contradicts another.
    Config,
    /// The topology cannot be built.
    Topology,
    /// Bytes could not be decoded into a value.
    Deserialization,
    /// A value could not be encoded into bytes.
    Serialization,
    /// A step of the user's program failed on a record.
    Processing,
    /// A record could not be sent: too large, refused by the broker.
    Production,
    /// Another instance has taken over (producer epoch, group generation).
    Fenced,
    /// The transaction was aborted and its work must be done again.
    Aborted,
    /// The answer did not come in time; the same call may be tried again.
    Timeout,
    /// The answer is not known yet; ask again in a later step.
    Pending,
    /// Local state does not match what it should be and must be rebuilt.
    Corrupt,
    /// A topic, partition, store or subject that does not exist.
    NotFound,
    /// An offset that the log does not hold (any more), where no reset policy says what to do.
    OutOfRange,
    /// Something that may exist once exists already, or is in use by another.
    InUse,
    /// The broker or registry refused the credentials.
    Unauthorized,
    /// The operating system refused: disk, file, socket.
    Io,
    /// A record has no usable event time and the timestamp extractor does not go on.
    InvalidTimestamp,
    /// The program broke one of its own invariants.
    Bug,
}

/// How far an error travels, and so who acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// To the programmer or operator, before anything runs.
    Start,
    /// To the record-error policy: fail, skip or dead-letter.
    Record,
    /// To the stream thread: roll back and go on.
    Thread,
    /// Out of [`Streams::wait`](crate::runtime::Streams::wait): the process ends with a non-zero status.
    Fatal,
}

/// An error with a sentence, optional detail and hint, its cause and the context it passed through.
///
/// ```
/// use kstreams::error::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::Config, "unknown key `comit.interval.ms`")
///     .with_hint("did you mean `commit.interval.ms`?")
///     .context("reading streams.properties");
/// assert_eq!(error.kind(), ErrorKind::Config);
/// assert_eq!(
///     error.to_string(),
///     "reading streams.properties: unknown key `comit.interval.ms` (did you mean `commit.interval.ms`?)",
/// );
/// ```
pub struct Error(Box<Repr>);

struct Repr {
    kind: ErrorKind,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
    class: Option<String>,
    answered: bool,
    contexts: Vec<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind`; `message` is one lower-case sentence without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(Repr {
            kind,
            message: message.into(),
            detail: None,
            hint: None,
            class: None,
            answered: false,
            contexts: Vec::new(),
            source: None,
        }))
    }

    /// A failure of the user's own step; see the `try_*` methods of the DSL.
    pub fn processing(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Processing, message)
    }

    /// Adds what was seen, for the log: offending bytes, counts, addresses.
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds what the reader may do about it.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Names the class that dead letters carry in `__streams.errors.exception`, where Kafka Streams
    /// writes the exception's class. Without it the [`ErrorKind`]'s counterpart is written.
    pub fn with_class(mut self, class: impl Into<String>) -> Self {
        self.0.class = Some(class.into());
        self
    }

    /// Adds the error that caused this one.
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Says what was being done when the error passed by; the outermost context is printed first.
    pub fn context(mut self, doing: impl Into<String>) -> Self {
        self.0.contexts.push(doing.into());
        self
    }

    /// Whoever acts on it chose to fail, or gave up trying: from here on the error is fatal, whatever its kind.
    pub(crate) fn answered(mut self) -> Self {
        self.0.answered = true;
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The sentence alone, without context, detail and hint.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What was seen.
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// What may be done about it.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The class named by [`Error::with_class`], or Java's counterpart of the kind.
    pub fn class(&self) -> &str {
        self.0.class.as_deref().unwrap_or(match self.0.kind {
            ErrorKind::Deserialization | ErrorKind::Serialization => {
                "org.apache.kafka.common.errors.SerializationException"
            }
            ErrorKind::Production => "org.apache.kafka.common.errors.RecordTooLargeException",
            ErrorKind::Timeout => "org.apache.kafka.common.errors.TimeoutException",
            _ => "org.apache.kafka.streams.errors.StreamsException",
        })
    }

    /// Who acts on it.
    pub fn scope(&self) -> Scope {
        use ErrorKind::*;
        if self.0.answered {
            return Scope::Fatal;
        }
        match self.0.kind {
            Config | Topology => Scope::Start,
            Deserialization | Serialization | Processing | Production => Scope::Record,
            Fenced | Aborted | Timeout | Pending | Corrupt => Scope::Thread,
            NotFound | OutOfRange | InUse | Unauthorized | Io | InvalidTimestamp | Bug => Scope::Fatal,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for context in self.0.contexts.iter().rev() {
            write!(f, "{context}: ")?;
        }
        f.write_str(&self.0.message)?;
        if let Some(detail) = &self.0.detail {
            write!(f, ": {detail}")?;
        }
        if let Some(hint) = &self.0.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)?;
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            write!(f, "; caused by: {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Error::new(ErrorKind::Io, error.to_string()).with_source(error)
    }
}
