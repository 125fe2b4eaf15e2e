//! What the operators of one task share: the record context, the error policies, punctuations and requests.

use super::errors::ErrorPolicies;
use super::punctuation::Punctuations;
use crate::config::ErrorPolicy;
use crate::error::{Error, ErrorKind, Result, Scope};
use crate::record::{Headers, Message, NO_TIMESTAMP, Outgoing, RecordContext, RecordMetadata, TaskId, Topic};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// What a sink must know of a topic before it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SinkTopic {
    /// The number of partitions.
    pub(crate) partitions: i32,
    /// The largest message that the topic takes, key and value together, in bytes (`max.message.bytes`).
    pub(crate) message_bytes_max: usize,
}

/// Tells what is known of a topic that is written to; `None` if it does not exist.
pub(crate) type SinkTopics = dyn Fn(&Topic) -> Option<SinkTopic>;

/// The surroundings of one task's operators. Shared by `Rc`; lives as long as the wired chain.
pub struct TaskContext {
    task: TaskId,
    application_id: Arc<str>,
    record: Rc<RecordContext>,
    policies: ErrorPolicies,
    source_message: RefCell<Option<SourceMessage>>,
    punctuations: Punctuations,
    commit_requested: Cell<bool>,
    remembered: RefCell<BTreeMap<String, Rc<Cell<i64>>>>,
    sink_topics: Box<SinkTopics>,
}

/// A copy of the message being processed, kept only where dead letters may need it.
#[derive(Debug, Clone, Default)]
struct SourceMessage {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Headers,
}

impl TaskContext {
    /// The context of `task`. `sink_topics` tells what is known of a topic that is written to.
    pub(crate) fn new(
        task: TaskId,
        application_id: Arc<str>,
        policies: ErrorPolicies,
        sink_topics: impl Fn(&Topic) -> Option<SinkTopic> + 'static,
    ) -> Rc<Self> {
        Rc::new(TaskContext {
            task,
            application_id,
            record: RecordContext::new(),
            policies,
            source_message: RefCell::default(),
            punctuations: Punctuations::default(),
            commit_requested: Cell::new(false),
            remembered: RefCell::default(),
            sink_topics: Box::new(sink_topics),
        })
    }

    /// The task.
    pub fn task(&self) -> TaskId {
        self.task
    }

    /// The application's id.
    pub fn application_id(&self) -> &Arc<str> {
        &self.application_id
    }

    /// The record being processed, and the outbox.
    pub fn record(&self) -> &Rc<RecordContext> {
        &self.record
    }

    pub(crate) fn punctuations(&self) -> &Punctuations {
        &self.punctuations
    }

    /// A number that an operator remembers, [`NO_TIMESTAMP`] at first. It is written with each commit and there
    /// again after a rollback.
    pub(crate) fn remembered(&self, name: &str) -> Rc<Cell<i64>> {
        let mut remembered = self.remembered.borrow_mut();
        remembered.entry(name.to_owned()).or_insert_with(|| Rc::new(Cell::new(NO_TIMESTAMP))).clone()
    }

    /// All remembered numbers, by name.
    pub(crate) fn remembered_numbers(&self) -> BTreeMap<String, i64> {
        self.remembered.borrow().iter().map(|(name, number)| (name.clone(), number.get())).collect()
    }

    /// Whether what cannot be decoded is passed over.
    pub(crate) fn skips_undecodable(&self) -> bool {
        self.policies.deserialization == ErrorPolicy::Continue
    }

    /// Asks the thread to commit soon.
    pub fn request_commit(&self) {
        self.commit_requested.set(true);
    }

    /// Whether a commit was asked for since the last call.
    pub(crate) fn take_commit_request(&self) -> bool {
        self.commit_requested.take()
    }

    /// What is known of a topic that is written to; `None` if it does not exist.
    pub(crate) fn sink_topic(&self, topic: &Topic) -> Option<SinkTopic> {
        (self.sink_topics)(topic)
    }

    /// Begins a source record: from now on errors and metadata refer to it.
    pub(crate) fn begin_record(&self, source: RecordMetadata, timestamp: i64, headers: Headers) {
        self.record.set_source(Some(source));
        self.record.set_timestamp(timestamp);
        self.record.set_headers(headers);
    }

    /// Keeps a copy of the message for dead letters, where they are switched on.
    pub(crate) fn remember_message(&self, message: &Message<'_>) {
        if self.policies.dead_letter_topic.is_some() {
            *self.source_message.borrow_mut() = Some(SourceMessage {
                key: message.key.map(<[u8]>::to_vec),
                value: message.value.map(<[u8]>::to_vec),
                headers: message.headers.clone(),
            });
        }
    }

    /// Forgets the message: what happens next has no source record (punctuations, flushes).
    pub(crate) fn forget_message(&self) {
        self.source_message.replace(None);
    }

    /// Whether dead letters are switched on, so that messages must be remembered.
    pub(crate) fn keeps_messages(&self) -> bool {
        self.policies.dead_letter_topic.is_some()
    }

    /// Answers a record error by the policy of its kind: `Ok` if the record is to be skipped. An error that was
    /// answered further down passes.
    pub(crate) fn record_failed(&self, node: &str, error: Error) -> Result<()> {
        if error.scope() != Scope::Record {
            return Err(error);
        }
        let choice = match error.kind() {
            ErrorKind::Deserialization => self.policies.deserialization,
            ErrorKind::Processing => self.policies.processing,
            _ => self.policies.production,
        };
        self.send_dead_letter(&error);
        match choice {
            ErrorPolicy::Fail => Err(error.context(format!("task {} at `{node}`", self.task)).answered()),
            ErrorPolicy::Continue => {
                tracing::warn!(task = %self.task, node, source = ?self.record.source(), %error, "record skipped");
                self.record.count_dropped();
                Ok(())
            }
        }
    }

    fn send_dead_letter(&self, error: &Error) {
        let Some(topic) = &self.policies.dead_letter_topic else { return };
        let message = self.source_message.borrow().clone().unwrap_or_default();
        let headers = self.dead_letter_headers(message.headers, error);
        self.record.send(&Outgoing {
            topic,
            partition: None,
            key: message.key.as_deref(),
            value: message.value.as_deref(),
            timestamp: Some(self.record.timestamp()),
            headers: &headers,
            changelog: None,
        });
    }

    fn dead_letter_headers(&self, mut headers: Headers, error: &Error) -> Headers {
        headers.push("__streams.errors.exception", Some(error.class().as_bytes()));
        headers.push("__streams.errors.message", Some(error.to_string().as_bytes()));
        headers.push("__streams.errors.stacktrace", Some(format!("{error:?}").as_bytes()));
        if let Some(source) = self.record.source() {
            headers.push("__streams.errors.topic", Some(source.topic.as_str().as_bytes()));
            headers.push("__streams.errors.partition", Some(source.partition.to_string().as_bytes()));
            headers.push("__streams.errors.offset", Some(source.offset.to_string().as_bytes()));
        }
        headers
    }
}

/// A node's name with its task's context: what an operator needs to report an error.
#[derive(Clone)]
pub(crate) struct NodeContext {
    task: Rc<TaskContext>,
    name: Arc<str>,
}

impl NodeContext {
    pub(crate) fn new(task: Rc<TaskContext>, name: impl Into<Arc<str>>) -> Self {
        NodeContext { task, name: name.into() }
    }

    pub(crate) fn task(&self) -> &Rc<TaskContext> {
        &self.task
    }

    pub(crate) fn record(&self) -> &RecordContext {
        self.task.record()
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Hands a record error to the policy; see [`TaskContext::record_failed`].
    pub(crate) fn failed(&self, error: Error) -> Result<()> {
        self.task.record_failed(&self.name, error)
    }

    /// Drops a record by a documented rule: logged and counted.
    pub(crate) fn drop_record(&self, reason: &str) {
        tracing::warn!(task = %self.task.task(), node = %self.name, source = ?self.record().source(), reason, "record dropped");
        self.record().count_dropped();
    }

    /// Runs `f` with the record context showing this timestamp and these headers, and restores it.
    pub(crate) fn with_record<T>(&self, timestamp: i64, headers: &Headers, f: impl FnOnce() -> T) -> T {
        let context = self.record();
        let timestamp_before = context.set_timestamp(timestamp);
        let headers_before = context.set_headers(headers.clone());
        let result = f();
        context.set_timestamp(timestamp_before);
        context.set_headers(headers_before);
        result
    }
}
