//! Sending by a topic's handle: the crate `rdkafka` looks the topic up by its name for each message, and copies the name to do so.
//!
//! As in `native`, every block of unsafe code says why it is sound.
#![allow(unsafe_code)]

use super::connection::Aside;
use super::context::ProducerContext;
use rdkafka::bindings as sys;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, Producer as _};
use std::ffi::{CString, c_void};
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// The producer that handles belong to.
pub(super) type NativeProducer = Aside<BaseProducer<ProducerContext>>;

/// A topic that is written to, as librdkafka knows it.
pub(super) struct TopicHandle {
    topic: NonNull<sys::rd_kafka_topic_t>,
    /// Outlives the handle: fields are dropped after `drop` has run.
    producer: Arc<NativeProducer>,
}

// SAFETY: librdkafka's topics may be used from any thread; the pointer is not shared with anybody.
unsafe impl Send for TopicHandle {}

/// A message without headers.
pub(super) struct Bare<'a> {
    pub(super) partition: i32,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    /// Milliseconds since the epoch; librdkafka takes 0 for "now".
    pub(super) timestamp: i64,
    /// Comes back with the delivery.
    pub(super) token: usize,
}

impl TopicHandle {
    /// The handle of a topic; `None` for a name that no topic can have.
    pub(super) fn open(producer: &Arc<NativeProducer>, topic: &str) -> Option<Self> {
        let name = CString::new(topic).ok()?;
        let client = producer.client().native_ptr();
        // SAFETY: `client` lives as long as `producer`; the name is copied; no configuration means the client's.
        let topic = unsafe { sys::rd_kafka_topic_new(client, name.as_ptr(), ptr::null_mut()) };
        Some(TopicHandle { topic: NonNull::new(topic)?, producer: producer.clone() })
    }

    /// Queues a copy of the message. Never waits.
    ///
    /// # Errors
    /// What librdkafka refuses it for; then nothing was queued.
    pub(super) fn send(&self, message: &Bare<'_>) -> Result<(), RDKafkaErrorCode> {
        use sys::rd_kafka_vtype_t as Tag;
        let ((key, key_bytes), (value, value_bytes)) = (parts(message.key), parts(message.value));
        // SAFETY: producer and topic live as long as `self`; each tag is followed by arguments of its own types (`rdkafka.h`), and
        // the list ends with `END`. Key and value live during the call, which copies them because of the flag.
        let answer = unsafe {
            sys::rd_kafka_producev(
                self.producer.client().native_ptr(),
                Tag::RD_KAFKA_VTYPE_RKT,
                self.topic.as_ptr(),
                Tag::RD_KAFKA_VTYPE_PARTITION,
                message.partition,
                Tag::RD_KAFKA_VTYPE_MSGFLAGS,
                sys::RD_KAFKA_MSG_F_COPY,
                Tag::RD_KAFKA_VTYPE_VALUE,
                value,
                value_bytes,
                Tag::RD_KAFKA_VTYPE_KEY,
                key,
                key_bytes,
                Tag::RD_KAFKA_VTYPE_OPAQUE,
                ptr::without_provenance_mut::<c_void>(message.token),
                Tag::RD_KAFKA_VTYPE_TIMESTAMP,
                message.timestamp,
                Tag::RD_KAFKA_VTYPE_END,
            )
        };
        match answer {
            sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
            error => Err(error.into()),
        }
    }
}

impl Drop for TopicHandle {
    fn drop(&mut self) {
        // SAFETY: the handle is ours and not used again; its producer is still there.
        unsafe { sys::rd_kafka_topic_destroy(self.topic.as_ptr()) };
    }
}

/// Start and length; null is null.
fn parts(bytes: Option<&[u8]>) -> (*mut c_void, usize) {
    bytes.map_or((ptr::null_mut(), 0), |bytes| (bytes.as_ptr().cast_mut().cast(), bytes.len()))
}
