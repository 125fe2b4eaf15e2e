//! The record context: which record a task is processing right now, and what it sends meanwhile.
//!
//! One per task, shared by its operators and stores through `Rc`. Fields are cells that are read and set,
//! never borrowed across a call, so operators may re-enter one another.

use super::{Headers, NO_TIMESTAMP, Outbox, Outgoing, RecordMetadata};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// What the task is processing: source, timestamp, headers, times, and the outbox.
#[derive(Debug)]
pub struct RecordContext {
    source: RefCell<Option<RecordMetadata>>,
    timestamp: Cell<i64>,
    headers: RefCell<Headers>,
    stream_time: Cell<i64>,
    wall_clock: Cell<i64>,
    dropped: Cell<u64>,
    outbox: RefCell<Outbox>,
}

impl RecordContext {
    /// A context before the first record, shared by the operators and stores of one task.
    pub fn new() -> Rc<Self> {
        Rc::new(RecordContext {
            source: RefCell::new(None),
            timestamp: Cell::new(NO_TIMESTAMP),
            headers: RefCell::default(),
            stream_time: Cell::new(NO_TIMESTAMP),
            wall_clock: Cell::new(0),
            dropped: Cell::new(0),
            outbox: RefCell::default(),
        })
    }

    /// Where the record was read; `None` in wall-clock punctuations and while nothing was read.
    pub fn source(&self) -> Option<RecordMetadata> {
        self.source.borrow().clone()
    }

    /// Sets where the record was read, and returns what was set before.
    pub fn set_source(&self, source: Option<RecordMetadata>) -> Option<RecordMetadata> {
        self.source.replace(source)
    }

    /// The timestamp of the record being processed, in milliseconds since the epoch.
    pub fn timestamp(&self) -> i64 {
        self.timestamp.get()
    }

    /// Sets the timestamp and returns the previous one.
    pub fn set_timestamp(&self, timestamp: i64) -> i64 {
        self.timestamp.replace(timestamp)
    }

    /// The headers of the record being processed.
    pub fn headers(&self) -> Headers {
        self.headers.borrow().clone()
    }

    /// Sets the headers and returns the previous ones.
    pub fn set_headers(&self, headers: Headers) -> Headers {
        self.headers.replace(headers)
    }

    /// The largest timestamp the task has processed; [`NO_TIMESTAMP`] before the first record.
    pub fn stream_time(&self) -> i64 {
        self.stream_time.get()
    }

    /// Advances the stream time; it never goes back.
    pub fn advance_stream_time(&self, timestamp: i64) {
        self.stream_time.set(self.stream_time.get().max(timestamp));
    }

    /// The wall clock as the thread read it for this step, in milliseconds since the epoch.
    pub fn wall_clock(&self) -> i64 {
        self.wall_clock.get()
    }

    /// Sets the wall clock for this step.
    pub fn set_wall_clock(&self, now_ms: i64) {
        self.wall_clock.set(now_ms);
    }

    /// Counts a record that was dropped by a documented rule (`dropped-records`).
    pub fn count_dropped(&self) {
        self.dropped.set(self.dropped.get() + 1);
    }

    /// Records dropped since the task was wired.
    pub fn dropped(&self) -> u64 {
        self.dropped.get()
    }

    /// Puts a copy of the message into the outbox.
    pub fn send(&self, message: &Outgoing<'_>) {
        self.outbox.borrow_mut().push(message);
    }

    /// The outbox, for the thread that drains it.
    pub fn outbox(&self) -> &RefCell<Outbox> {
        &self.outbox
    }
}
