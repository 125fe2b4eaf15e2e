//! Processors that keep keys, so that what follows needs no repartitioning.
//!
//! ```text
//! (k, v) ─> processor ─> any number of records, all with key k
//! ```

use super::processor::{Processor, ProcessorContext};
use super::punctuation::{Cancellable, PunctuationType};
use crate::error::Result;
use crate::record::{Headers, Record, RecordMetadata, TaskId};
use crate::store::StoreHandle;
use std::time::Duration;

/// A record whose key cannot be changed. Kafka Streams: `FixedKeyRecord`.
#[derive(Debug, Clone)]
pub struct FixedKeyRecord<K, V>(Record<K, V>);

impl<K, V> FixedKeyRecord<K, V> {
    /// The key.
    pub fn key(&self) -> &K {
        &self.0.key
    }

    /// The value.
    pub fn value(&self) -> &V {
        &self.0.value
    }

    /// Takes the value out.
    pub fn into_value(self) -> V {
        self.0.value
    }

    /// Event time in milliseconds since the epoch.
    pub fn timestamp(&self) -> i64 {
        self.0.timestamp
    }

    /// The headers.
    pub fn headers(&self) -> &Headers {
        &self.0.headers
    }

    /// The same record with another value.
    pub fn with_value<V2>(self, value: V2) -> FixedKeyRecord<K, V2> {
        FixedKeyRecord(self.0.with_value(value))
    }

    /// The same record with another timestamp in milliseconds since the epoch.
    pub fn with_timestamp(self, timestamp: i64) -> Self {
        FixedKeyRecord(self.0.with_timestamp(timestamp))
    }

    /// The same record with other headers.
    pub fn with_headers(self, headers: Headers) -> Self {
        FixedKeyRecord(self.0.with_headers(headers))
    }
}

/// A processor that cannot change keys, so that what follows needs no repartitioning.
/// Kafka Streams: `org.apache.kafka.streams.processor.api.FixedKeyProcessor`.
///
/// ```
/// # use kstreams::{dsl::*, error::Result, operator::*, serde::Format, store::*, testing::*};
/// /// Sends only what differs from the value before.
/// struct Changes(Option<KeyValueStore<i32, i32>>);
///
/// impl FixedKeyProcessor<i32, i32, i32> for Changes {
///     fn init(&mut self, context: &FixedKeyProcessorContext<i32, i32>) -> Result<()> {
///         self.0 = Some(context.state_store("latest")?);
///         Ok(())
///     }
///
///     fn process(&mut self, context: &FixedKeyProcessorContext<i32, i32>, record: FixedKeyRecord<i32, i32>) -> Result<()> {
///         let latest = self.0.as_ref().expect("init has run");
///         if latest.get(record.key())? == Some(*record.value()) {
///             return Ok(());
///         }
///         latest.put(record.key(), *record.value())?;
///         context.forward(record)
///     }
/// }
/// # let builder = StreamsBuilder::new();
/// # let latest = Stores::persistent_key_value_store("latest");
/// # builder.add_state_store(Stores::key_value_store_builder(latest, Format::i32(), Format::i32()));
/// builder.stream::<i32, i32>("in").process_values(|| Changes(None), &["latest"]).to("out");
/// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
/// driver.input("in").pipe_key_values([(1, 5), (1, 5), (1, 7)])?;
/// assert_eq!(driver.output("out").read_values::<i32>()?, [5, 7]);
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub trait FixedKeyProcessor<K, VIn, VOut>: 'static {
    /// Called once, before the first record.
    ///
    /// # Errors
    /// Ends the application.
    fn init(&mut self, context: &FixedKeyProcessorContext<K, VOut>) -> Result<()> {
        let _ = context;
        Ok(())
    }

    /// Processes one record.
    ///
    /// # Errors
    /// An error of kind [`Processing`](crate::error::ErrorKind::Processing) goes to the record-error policy.
    fn process(&mut self, context: &FixedKeyProcessorContext<K, VOut>, record: FixedKeyRecord<K, VIn>) -> Result<()>;
}

impl<F, K, VIn, VOut> FixedKeyProcessor<K, VIn, VOut> for F
where
    F: FnMut(&FixedKeyProcessorContext<K, VOut>, FixedKeyRecord<K, VIn>) -> Result<()> + 'static,
{
    fn process(&mut self, context: &FixedKeyProcessorContext<K, VOut>, record: FixedKeyRecord<K, VIn>) -> Result<()> {
        self(context, record)
    }
}

/// [`ProcessorContext`] for processors that cannot change keys: the same methods, save that only records with the key
/// they came with can be forwarded. Kafka Streams: `FixedKeyProcessorContext`.
pub struct FixedKeyProcessorContext<K, V>(ProcessorContext<K, V>);

impl<K, V> Clone for FixedKeyProcessorContext<K, V> {
    fn clone(&self) -> Self {
        FixedKeyProcessorContext(self.0.clone())
    }
}

impl<K: 'static, V: 'static> FixedKeyProcessorContext<K, V> {
    /// Sends the record to all children.
    ///
    /// # Errors
    /// As [`ProcessorContext::forward`].
    pub fn forward(&self, record: FixedKeyRecord<K, V>) -> Result<()> {
        self.0.forward(record.0)
    }

    /// Sends the record to the child of that name.
    ///
    /// # Errors
    /// As [`ProcessorContext::forward_to`].
    pub fn forward_to(&self, record: FixedKeyRecord<K, V>, child: &str) -> Result<()> {
        self.0.forward_to(record.0, child)
    }

    /// As [`ProcessorContext::state_store`].
    ///
    /// # Errors
    /// A store that is not connected, or one of another type.
    pub fn state_store<S: StoreHandle>(&self, name: &str) -> Result<S> {
        self.0.state_store(name)
    }

    /// As [`ProcessorContext::schedule`]. Nothing can be forwarded from the punctuation: it has no key.
    ///
    /// # Errors
    /// An interval below one millisecond.
    pub fn schedule(
        &self,
        interval: Duration,
        kind: PunctuationType,
        mut punctuate: impl FnMut(i64) -> Result<()> + 'static,
    ) -> Result<Cancellable> {
        self.0.schedule(interval, kind, move |_, time_ms| punctuate(time_ms))
    }

    /// The application's id.
    pub fn application_id(&self) -> &str {
        self.0.application_id()
    }

    /// The task this instance belongs to.
    pub fn task_id(&self) -> TaskId {
        self.0.task_id()
    }

    /// Where the source record was read; `None` in wall-clock punctuations.
    pub fn record_metadata(&self) -> Option<RecordMetadata> {
        self.0.record_metadata()
    }

    /// As [`ProcessorContext::current_stream_time_ms`].
    pub fn current_stream_time_ms(&self) -> i64 {
        self.0.current_stream_time_ms()
    }

    /// As [`ProcessorContext::current_system_time_ms`].
    pub fn current_system_time_ms(&self) -> i64 {
        self.0.current_system_time_ms()
    }

    /// Asks for a commit after this record.
    pub fn commit(&self) {
        self.0.commit();
    }
}

/// Runs a [`FixedKeyProcessor`] as a [`Processor`].
pub(crate) struct FixedKeyProcess<P>(pub(crate) P);

impl<P, K: 'static, VIn: 'static, VOut: 'static> Processor<K, VIn, K, VOut> for FixedKeyProcess<P>
where
    P: FixedKeyProcessor<K, VIn, VOut>,
{
    fn init(&mut self, context: &ProcessorContext<K, VOut>) -> Result<()> {
        self.0.init(&FixedKeyProcessorContext(context.clone()))
    }

    fn process(&mut self, context: &ProcessorContext<K, VOut>, record: Record<K, VIn>) -> Result<()> {
        self.0.process(&FixedKeyProcessorContext(context.clone()), FixedKeyRecord(record))
    }
}
