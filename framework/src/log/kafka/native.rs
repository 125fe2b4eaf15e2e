//! The few calls into librdkafka that the crate `rdkafka` does not offer: messages of one partition, many with one call and with the
//! offset of its end, watermarks as they are known, and who a member is.
//!
//! With `native_groups` and `native_producer` the only module of the framework with unsafe code. Every block states why it is
//! sound; whatever can be done with the safe crate is done elsewhere. It never calls the batch functions: with `enable.partition.eof` they lose messages (see
//! `docs/decisions/0005-kafka-client.md`).
#![allow(unsafe_code)]

use super::connection::Aside;
use super::context::ConsumerContext;
use super::signal::Signal;
use crate::log::GroupMetadata;
use crate::record::{Headers, NO_TIMESTAMP, TopicPartition};
use rdkafka::TopicPartitionList;
use rdkafka::bindings as sys;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::RDKafkaErrorCode;
use std::any::Any;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// The consumer that queues belong to.
pub(super) type NativeConsumer = Aside<BaseConsumer<ConsumerContext>>;

/// Something of librdkafka's that is given back when dropped.
pub(super) struct Owned<T>(NonNull<T>, unsafe extern "C" fn(*mut T));

impl<T> Owned<T> {
    pub(super) fn new(given: *mut T, back: unsafe extern "C" fn(*mut T)) -> Result<Self, RDKafkaErrorCode> {
        NonNull::new(given).map(|given| Owned(given, back)).ok_or(RDKafkaErrorCode::CriticalSystemResource)
    }

    pub(super) fn raw(&self) -> *mut T {
        self.0.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: it was given to us with this function to give it back, and is not used again.
        unsafe { (self.1)(self.0.as_ptr()) };
    }
}

/// The messages of one partition, apart from all others.
pub(super) struct PartitionQueue {
    queue: NonNull<sys::rd_kafka_queue_t>,
    /// Rung by librdkafka's threads as long as the queue exists.
    signal: Arc<Signal>,
    /// Outlives the queue: fields are dropped after `drop` has run.
    consumer: Arc<NativeConsumer>,
}

// SAFETY: librdkafka's queues may be used from any thread; the pointer is not shared with anybody.
unsafe impl Send for PartitionQueue {}

impl PartitionQueue {
    /// Splits the partition's messages off the consumer's common queue, for good: to be done before the partition is assigned.
    /// `None` for a name that no topic can have.
    pub(super) fn split(
        consumer: &Arc<NativeConsumer>,
        partition: &TopicPartition,
        signal: &Arc<Signal>,
    ) -> Option<Self> {
        let topic = CString::new(partition.topic.as_str()).ok()?;
        let client = consumer.client().native_ptr();
        // SAFETY: `client` lives as long as `consumer`; `topic` is a C string that is copied.
        let queue = unsafe { sys::rd_kafka_queue_get_partition(client, topic.as_ptr(), partition.partition) };
        let queue = NonNull::new(queue)?;
        // SAFETY: the queue was just given to us; a null destination means that it is forwarded nowhere.
        unsafe { sys::rd_kafka_queue_forward(queue.as_ptr(), ptr::null_mut()) };
        let opaque = Arc::as_ptr(signal).cast_mut().cast::<c_void>();
        // SAFETY: `opaque` points to a `Signal` that `self` keeps; `drop` takes the callback back before it lets go of it, and
        // librdkafka calls and takes back under the queue's lock.
        unsafe { sys::rd_kafka_queue_cb_event_enable(queue.as_ptr(), Some(ring), opaque) };
        Some(PartitionQueue { queue, signal: signal.clone(), consumer: consumer.clone() })
    }

    /// Hands out the messages and events that are there, in order, until `visit` breaks; the others stay. Never waits.
    ///
    /// The whole queue is taken with one lock, and what is left is put back in front with another. librdkafka counts a message as
    /// read when it is handed out here, as with `rd_kafka_consume_queue`, and the end of a partition not at all.
    pub(super) fn hand_out(&mut self, visit: &mut dyn FnMut(&Taken<'_>) -> ControlFlow<()>) {
        let mut visiting = Visiting { visit, client: self.consumer.client().native_ptr(), panic: None };
        let opaque = (&raw mut visiting).cast::<c_void>();
        // SAFETY: the queue lives as long as `self`; `opaque` points to a `Visiting` that outlives the call and is touched by nobody
        // else meanwhile, and `take` is called on this thread before the call returns.
        unsafe { sys::rd_kafka_consume_callback_queue(self.queue.as_ptr(), 0, Some(take), opaque) };
        if let Some(panic) = visiting.panic {
            resume_unwind(panic);
        }
    }

    /// The high watermark as the last fetch told it, without asking a broker.
    pub(super) fn known_end(&self, partition: &TopicPartition) -> Option<i64> {
        let topic = CString::new(partition.topic.as_str()).ok()?;
        let (mut low, mut high) = (0, 0);
        let client = self.consumer.client().native_ptr();
        // SAFETY: `client` lives as long as `consumer`; the numbers are written before the call returns.
        let answer = unsafe {
            sys::rd_kafka_get_watermark_offsets(
                client,
                topic.as_ptr(),
                partition.partition,
                &raw mut low,
                &raw mut high,
            )
        };
        (answer == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
    }
}

impl Drop for PartitionQueue {
    fn drop(&mut self) {
        // SAFETY: the queue is ours and not used again; the callback is taken back first, so that `signal` may go.
        unsafe {
            sys::rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, ptr::null_mut());
            sys::rd_kafka_queue_destroy(self.queue.as_ptr());
        }
        self.signal.ring();
    }
}

/// Called by librdkafka when an empty queue gets something.
unsafe extern "C" fn ring(_client: *mut sys::rd_kafka_t, opaque: *mut c_void) {
    // SAFETY: `opaque` is the `Signal` of a `PartitionQueue` that has not taken the callback back; it is only shared.
    let signal = unsafe { &*opaque.cast::<Signal>() };
    signal.ring();
}

/// What [`take`] works with.
struct Visiting<'a> {
    visit: &'a mut dyn FnMut(&Taken<'_>) -> ControlFlow<()>,
    client: *mut sys::rd_kafka_t,
    /// A panic must not go through librdkafka: it goes on behind it.
    panic: Option<Box<dyn Any + Send>>,
}

/// Called by librdkafka for each message that is handed out.
unsafe extern "C" fn take(message: *mut sys::rd_kafka_message_t, opaque: *mut c_void) {
    // SAFETY: `opaque` is the `Visiting` of the `hand_out` that is running on this thread, and nobody else's.
    let visiting = unsafe { &mut *opaque.cast::<Visiting<'_>>() };
    let Some(message) = NonNull::new(message) else { return };
    let taken = Taken { message, borrowed: PhantomData };
    let visited = catch_unwind(AssertUnwindSafe(|| (visiting.visit)(&taken)));
    if !matches!(visited, Ok(ControlFlow::Continue(()))) {
        // SAFETY: the client lives as long as the queue. Nothing more is handed out in this call; the rest goes back.
        unsafe { sys::rd_kafka_yield(visiting.client) };
    }
    visiting.panic = visited.err();
}

/// A message of a partition, or an event about it. It is librdkafka's, which takes it back after the visit.
pub(super) struct Taken<'a> {
    message: NonNull<sys::rd_kafka_message_t>,
    borrowed: PhantomData<&'a sys::rd_kafka_message_t>,
}

impl Taken<'_> {
    fn raw(&self) -> &sys::rd_kafka_message_t {
        // SAFETY: librdkafka lends the message for the visit, and `self` does not outlive it.
        unsafe { self.message.as_ref() }
    }

    /// What happened instead of a message, if it is none.
    pub(super) fn error(&self) -> Option<RDKafkaErrorCode> {
        let error = self.raw().err;
        (error != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| error.into())
    }

    /// The text of an error.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(self.value().unwrap_or_default()).into_owned()
    }

    /// The message's offset; at the end of the partition, the offset that the next message will have at least.
    pub(super) fn offset(&self) -> i64 {
        self.raw().offset
    }

    /// The key; `None` is null.
    pub(super) fn key(&self) -> Option<&[u8]> {
        // SAFETY: the bytes live as long as the message.
        unsafe { bytes(self.raw().key, self.raw().key_len) }
    }

    /// The value; `None` is null.
    pub(super) fn value(&self) -> Option<&[u8]> {
        // SAFETY: as for the key.
        unsafe { bytes(self.raw().payload, self.raw().len) }
    }

    /// Milliseconds since the epoch, or [`NO_TIMESTAMP`].
    pub(super) fn timestamp(&self) -> i64 {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is lent to us; `kind` is written before the call returns.
        let timestamp = unsafe { sys::rd_kafka_message_timestamp(self.message.as_ptr(), &raw mut kind) };
        if kind == sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE { NO_TIMESTAMP } else { timestamp }
    }

    /// Copies of the headers, in order.
    pub(super) fn headers(&self) -> Headers {
        let mut headers = Headers::default();
        let mut list = ptr::null_mut();
        // SAFETY: the message is lent to us; the list that is written belongs to it.
        let answer = unsafe { sys::rd_kafka_message_headers(self.message.as_ptr(), &raw mut list) };
        if answer != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return headers;
        }
        for index in 0.. {
            let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
            // SAFETY: the list lives as long as the message; an index behind its end is answered with an error.
            let answer =
                unsafe { sys::rd_kafka_header_get_all(list, index, &raw mut name, &raw mut value, &raw mut size) };
            if answer != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                break;
            }
            // SAFETY: name and value are part of the list; the name ends with a zero.
            let (name, value) = unsafe { (CStr::from_ptr(name), bytes(value, size)) };
            headers.push(&name.to_string_lossy(), value);
        }
        headers
    }
}

/// # Safety
/// `start` is null, or points to `length` bytes that live as long as the answer.
unsafe fn bytes<'a>(start: *const c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start.cast(), length) })
}

/// Which member of which generation a consumer is at this moment; `None` without a group.
pub(super) fn group_metadata(consumer: &NativeConsumer, group: &str) -> Option<GroupMetadata> {
    // SAFETY: the client lives as long as `consumer`; null means that it has no group.
    let metadata = unsafe { sys::rd_kafka_consumer_group_metadata(consumer.client().native_ptr()) };
    let metadata = Owned::new(metadata, sys::rd_kafka_consumer_group_metadata_destroy).ok()?;
    let raw = metadata.raw();
    // SAFETY: both answers are read before `metadata` is dropped.
    let (generation, member) = unsafe {
        let member = sys::rd_kafka_consumer_group_metadata_member_id(raw);
        (sys::rd_kafka_consumer_group_metadata_generation_id(raw), text(member))
    };
    Some(GroupMetadata { group: group.to_owned(), generation, member })
}

/// Puts offsets into a producer's transaction in the name of `speaker`; waits at most `timeout_ms`.
///
/// `client` is the producer's own pointer, which lives during the call.
pub(super) fn send_offsets<C, P>(
    producer: &rdkafka::producer::BaseProducer<C, P>,
    offsets: &TopicPartitionList,
    speaker: &GroupMetadata,
    timeout_ms: c_int,
) -> Result<(), TransactionError>
where
    P: rdkafka::producer::Partitioner,
    C: rdkafka::producer::ProducerContext<P>,
{
    use rdkafka::producer::Producer as _;
    let name = |text: &str| CString::new(text).unwrap_or_default();
    let (group, member) = (name(&speaker.group), name(&speaker.member));
    // SAFETY: the strings are copied; no instance id is given.
    let metadata = unsafe {
        sys::rd_kafka_consumer_group_metadata_new_with_genid(
            group.as_ptr(),
            speaker.generation,
            member.as_ptr(),
            ptr::null(),
        )
    };
    let metadata = Owned::new(metadata, sys::rd_kafka_consumer_group_metadata_destroy)
        .map_err(|_| TransactionError::out_of_memory())?;
    // SAFETY: producer, offsets and metadata live during the call.
    let error = unsafe {
        sys::rd_kafka_send_offsets_to_transaction(
            producer.client().native_ptr(),
            offsets.ptr(),
            metadata.raw(),
            timeout_ms,
        )
    };
    // SAFETY: the error is ours; what is read is copied before it is destroyed.
    unsafe { TransactionError::taken(error) }
}

/// Why a call about a transaction failed, and what may be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TransactionError {
    pub(super) code: RDKafkaErrorCode,
    pub(super) text: String,
    pub(super) is_fatal: bool,
    pub(super) is_retriable: bool,
    pub(super) requires_abort: bool,
}

impl TransactionError {
    /// # Safety
    /// `error` is null (nothing failed), or an error that is ours.
    unsafe fn taken(error: *mut sys::rd_kafka_error_t) -> Result<(), Self> {
        if error.is_null() {
            return Ok(());
        }
        // SAFETY: the caller's promise; the text is copied before the error is destroyed.
        unsafe {
            let taken = TransactionError {
                code: sys::rd_kafka_error_code(error).into(),
                text: text(sys::rd_kafka_error_string(error)),
                is_fatal: sys::rd_kafka_error_is_fatal(error) != 0,
                is_retriable: sys::rd_kafka_error_is_retriable(error) != 0,
                requires_abort: sys::rd_kafka_error_txn_requires_abort(error) != 0,
            };
            sys::rd_kafka_error_destroy(error);
            Err(taken)
        }
    }

    fn out_of_memory() -> Self {
        TransactionError {
            code: RDKafkaErrorCode::CriticalSystemResource,
            text: String::from("out of memory"),
            is_fatal: false,
            is_retriable: true,
            requires_abort: false,
        }
    }
}

/// # Safety
/// `text` is null, or points to a C string.
pub(super) unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
