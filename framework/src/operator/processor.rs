//! The Processor API: steps written by hand, with stores and punctuations.
//!
//! ```text
//! (k, v) ─> processor ─> any number of records, to all children or to one
//! ```

use super::punctuation::{Cancellable, PunctuationType};
use super::{Edge, Forward, NodeContext};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Headers, Record, RecordMetadata, TaskId};
use crate::store::{QuerySource, StoreBlueprint, StoreHandle, TaskStores, other_type};
use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

/// A step that may hold state of its own, read and write stores, and forward at will.
/// Kafka Streams: `org.apache.kafka.streams.processor.api.Processor`.
///
/// One instance runs per task; a rollback makes a new one, so what must survive belongs into a store. A closure that
/// takes a context and a record is a processor without [`init`](Self::init).
///
/// ```
/// use kstreams::dsl::StreamsBuilder;
/// use kstreams::error::Result;
/// use kstreams::operator::{Processor, ProcessorContext, PunctuationType};
/// use kstreams::record::Record;
/// use kstreams::serde::Format;
/// use kstreams::store::{KeyValueStore, Stores};
/// use kstreams::testing::TopologyTestDriver;
/// use std::time::Duration;
///
/// /// Counts keys, and tells the counts once a minute of stream time.
/// struct Totals;
///
/// impl Processor<String, i64, String, i64> for Totals {
///     fn init(&mut self, context: &ProcessorContext<String, i64>) -> Result<()> {
///         context.schedule(Duration::from_secs(60), PunctuationType::StreamTime, |context, now_ms| {
///             let totals: KeyValueStore<String, i64> = context.state_store("totals")?;
///             for row in totals.all()? {
///                 let (key, total) = row?;
///                 context.forward(Record::new(key, total, now_ms))?;
///             }
///             Ok(())
///         })?;
///         Ok(())
///     }
///
///     fn process(&mut self, context: &ProcessorContext<String, i64>, record: Record<String, i64>) -> Result<()> {
///         let totals: KeyValueStore<String, i64> = context.state_store("totals")?;
///         let total = totals.get(&record.key)?.unwrap_or(0) + record.value;
///         totals.put(&record.key, total)
///     }
/// }
///
/// let builder = StreamsBuilder::new();
/// let totals = Stores::persistent_key_value_store("totals");
/// builder.add_state_store(Stores::key_value_store_builder(totals, Format::string(), Format::i64()));
/// builder.stream::<String, i64>("in").process(|| Totals, &["totals"]).to("out");
///
/// let mut driver = TopologyTestDriver::new(&builder.build()?)?;
/// for (value, time_ms) in [(1_i64, 0), (2, 30_000), (4, 60_000)] {
///     driver.input("in").pipe_at("a".to_owned(), value, time_ms)?;
/// }
/// let totals = driver.output("out").read_values::<i64>()?;
/// assert_eq!(totals, [1, 7]); // due with the first record, and at 60 s
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub trait Processor<KIn, VIn, KOut, VOut>: 'static {
    /// Called once, before the first record: fetch stores, schedule punctuations.
    ///
    /// # Errors
    /// Ends the application.
    fn init(&mut self, context: &ProcessorContext<KOut, VOut>) -> Result<()> {
        let _ = context;
        Ok(())
    }

    /// Processes one record.
    ///
    /// # Errors
    /// An error of kind [`Processing`](ErrorKind::Processing) goes to the record-error policy.
    fn process(&mut self, context: &ProcessorContext<KOut, VOut>, record: Record<KIn, VIn>) -> Result<()>;
}

impl<F, KIn, VIn, KOut, VOut> Processor<KIn, VIn, KOut, VOut> for F
where
    F: FnMut(&ProcessorContext<KOut, VOut>, Record<KIn, VIn>) -> Result<()> + 'static,
{
    fn process(&mut self, context: &ProcessorContext<KOut, VOut>, record: Record<KIn, VIn>) -> Result<()> {
        self(context, record)
    }
}

/// What a processor may do: look around, forward, reach its stores, schedule punctuations. Cheap to clone.
/// Kafka Streams: `org.apache.kafka.streams.processor.api.ProcessorContext`.
///
/// ```
/// # use kstreams::{dsl::*, operator::ProcessorContext, record::Record, testing::*};
/// # let builder = StreamsBuilder::new();
/// builder.stream::<i32, i32>("in").process(|| |context: &ProcessorContext<i32, String>, record: Record<i32, i32>| {
///     let source = context.record_metadata().expect("a record is being processed");
///     let place = format!("{} in task {}: {}-{}", record.value, context.task_id(), source.topic, source.offset);
///     context.forward(record.with_value(place))
/// }, &[]).to("out");
/// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
/// driver.input("in").pipe_key_values([(1, 5), (2, 7)])?;
/// assert_eq!(driver.output("out").read_values::<String>()?, ["5 in task 0_0: in-0", "7 in task 0_0: in-1"]);
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub struct ProcessorContext<K, V> {
    shared: Rc<Shared<K, V>>,
}

struct Shared<K, V> {
    node: NodeContext,
    all: Edge<K, V>,
    children: Vec<(String, Edge<K, V>)>,
    stores: ConnectedStores,
}

/// The stores that a processor may use.
#[derive(Clone)]
pub(crate) struct ConnectedStores {
    pub(crate) names: Vec<String>,
    /// Weak, because a store may forward to the very processor that reads it: the two would keep each other alive, and
    /// the engine with them.
    pub(crate) stores: Weak<TaskStores>,
    /// The global stores, which every processor may read, and where their rows are.
    pub(crate) globals: Vec<Arc<dyn StoreBlueprint>>,
    pub(crate) global_source: Option<QuerySource>,
}

impl ConnectedStores {
    /// A view of a global store's committed rows that stays up to date.
    pub(crate) fn global<S: StoreHandle>(&self, name: &str) -> Result<S::ReadOnly> {
        let known = self.globals.iter().find(|store| *store.spec().name == *name);
        let (Some(blueprint), Some(source)) = (known, &self.global_source) else {
            return Err(Error::new(ErrorKind::NotFound, format!("there is no global store `{name}`")));
        };
        let view = blueprint.read_only(&source.live())?;
        view.downcast::<S::ReadOnly>().map(|view| *view).map_err(|_| other_type::<S>(name, &blueprint.type_name()))
    }
}

impl<K, V> Clone for ProcessorContext<K, V> {
    fn clone(&self) -> Self {
        ProcessorContext { shared: self.shared.clone() }
    }
}

impl<K: 'static, V: 'static> ProcessorContext<K, V> {
    pub(crate) fn new(
        node: NodeContext,
        all: Edge<K, V>,
        children: Vec<(String, Edge<K, V>)>,
        stores: ConnectedStores,
    ) -> Self {
        ProcessorContext { shared: Rc::new(Shared { node, all, children, stores }) }
    }

    /// The application's id.
    pub fn application_id(&self) -> &str {
        self.shared.node.task().application_id()
    }

    /// The task this instance belongs to.
    pub fn task_id(&self) -> TaskId {
        self.shared.node.task().task()
    }

    /// Where the source record was read; `None` in wall-clock punctuations.
    pub fn record_metadata(&self) -> Option<RecordMetadata> {
        self.shared.node.record().source()
    }

    /// The headers of the record being processed.
    pub fn headers(&self) -> Headers {
        self.shared.node.record().headers()
    }

    /// The largest timestamp the task has processed, in milliseconds since the epoch; -1 before the first record.
    pub fn current_stream_time_ms(&self) -> i64 {
        self.shared.node.record().stream_time()
    }

    /// The wall clock as the thread last read it, in milliseconds since the epoch.
    pub fn current_system_time_ms(&self) -> i64 {
        self.shared.node.record().wall_clock()
    }

    /// Sends the record to all children, in the order they were attached. It goes through everything below before this
    /// returns.
    ///
    /// # Errors
    /// A negative timestamp; what the record-error policy did not absorb below.
    ///
    /// ```
    /// # use kstreams::{dsl::*, operator::ProcessorContext, record::Record, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").process(|| |context: &ProcessorContext<i32, i32>, record: Record<i32, i32>| {
    ///     context.forward(record.clone())?;
    ///     context.forward(record.with_timestamp(7_000))
    /// }, &[]).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_at(1, 5, 1_000)?;
    /// let records = driver.output("out").read_records::<i32, i32>()?;
    /// assert_eq!(records.iter().map(|record| record.timestamp).collect::<Vec<_>>(), [1_000, 7_000]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn forward(&self, record: Record<K, V>) -> Result<()> {
        self.send(&self.shared.all, record)
    }

    /// Sends the record to the child of that name (`forward` with a child name): the name given to the step after this one.
    ///
    /// # Errors
    /// An unknown child; a negative timestamp; what the record-error policy did not absorb below.
    ///
    /// ```
    /// # use kstreams::{dsl::*, operator::ProcessorContext, record::Record, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let routed = builder.stream::<i32, i32>("in").process(|| |context: &ProcessorContext<i32, i32>, record: Record<i32, i32>| {
    ///     let child = if record.value > 10 { "large" } else { "small" };
    ///     context.forward_to(record, child)
    /// }, &[]);
    /// routed.clone().to("large").named("large");
    /// routed.to("small").named("small");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50)])?;
    /// assert_eq!(driver.output("large").read_values::<i32>()?, [50]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn forward_to(&self, record: Record<K, V>, child: &str) -> Result<()> {
        match self.shared.children.iter().find(|(name, _)| name == child) {
            Some((_, edge)) => self.send(edge, record),
            None => Err(self.unknown("child", child, self.shared.children.iter().map(|(name, _)| name.as_str()))),
        }
    }

    fn send(&self, edge: &Edge<K, V>, record: Record<K, V>) -> Result<()> {
        if record.timestamp < 0 {
            let sentence = format!("a record with the negative timestamp {} cannot be forwarded", record.timestamp);
            return Err(Error::new(ErrorKind::InvalidTimestamp, sentence));
        }
        let (timestamp, headers) = (record.timestamp, record.headers.clone());
        self.shared.node.with_record(timestamp, &headers, || edge.record(record))
    }

    /// The store of that name, which must have been connected to this processor.
    ///
    /// # Errors
    /// A store that is not connected, or one of another type.
    pub fn state_store<S: StoreHandle>(&self, name: &str) -> Result<S> {
        let connected = &self.shared.stores;
        if connected.names.iter().any(|known| known == name) {
            let stores = connected.stores.upgrade().ok_or_else(|| {
                Error::new(ErrorKind::Bug, format!("store `{name}` was asked for after its task had been closed"))
            })?;
            return stores.store(name);
        }
        Err(self.unknown("store", name, connected.names.iter().map(String::as_str)))
    }

    /// The committed rows of a global store, kept up to date; `S` is the kind of store it is kept in. They are only read:
    ///
    /// ```compile_fail,E0599
    /// # use kstreams::{error::Result, operator::ProcessorContext, store::KeyValueStore};
    /// fn spoil(context: &ProcessorContext<i32, i32>) -> Result<()> {
    ///     context.global_store::<KeyValueStore<i32, i32>>("shared")?.put(&1, 2)
    /// }
    /// ```
    ///
    /// # Errors
    /// No global store has that name, or it is of another kind.
    pub fn global_store<S: StoreHandle>(&self, name: &str) -> Result<S::ReadOnly> {
        self.shared.stores.global::<S>(name)
    }

    fn unknown<'a>(&self, what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Error {
        let known: Vec<&str> = known.collect();
        let sentence = format!("processor `{}` has no {what} `{name}`", self.shared.node.name());
        Error::new(ErrorKind::NotFound, sentence).with_hint(format!("it has [{}]", known.join(", ")))
    }

    /// Calls `punctuate` every `interval` (at least a millisecond) with the time at which it fires. What it forwards goes to
    /// the children like anything else; it has no source record. A call that was missed is not made up for more than once.
    ///
    /// # Errors
    /// An interval below one millisecond.
    ///
    /// ```
    /// # use kstreams::{dsl::*, operator::*, record::Record, testing::*};
    /// # use std::time::Duration;
    /// struct Clocks;
    ///
    /// impl Processor<i32, i32, i32, i64> for Clocks {
    ///     fn init(&mut self, context: &ProcessorContext<i32, i64>) -> kstreams::error::Result<()> {
    ///         let second = Duration::from_secs(1);
    ///         context.schedule(second, PunctuationType::StreamTime, |context, time_ms| {
    ///             context.forward(Record::new(1, time_ms, time_ms))
    ///         })?;
    ///         context.schedule(second, PunctuationType::WallClockTime, |context, time_ms| {
    ///             context.forward(Record::new(2, time_ms, time_ms))
    ///         })?;
    ///         Ok(())
    ///     }
    ///
    ///     fn process(&mut self, _: &ProcessorContext<i32, i64>, _: Record<i32, i32>) -> kstreams::error::Result<()> {
    ///         Ok(())
    ///     }
    /// }
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").process(|| Clocks, &[]).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_at(0, 0, 500)?;
    /// driver.input("in").pipe_at(0, 0, 3_100)?;
    /// driver.advance_wall_clock(Duration::from_millis(2_500))?;
    /// let fired = driver.output("out").read_key_values::<i32, i64>()?;
    /// assert_eq!(fired, [(1, 500), (1, 3_100), (2, 2_500)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn schedule(
        &self,
        interval: Duration,
        kind: PunctuationType,
        punctuate: impl FnMut(&ProcessorContext<K, V>, i64) -> Result<()> + 'static,
    ) -> Result<Cancellable> {
        // The queue must not keep the chain alive that it is part of.
        let weak = Rc::downgrade(&self.shared);
        let punctuate = RefCell::new(punctuate);
        let callback = move |time_ms| match weak.upgrade() {
            None => Ok(()),
            Some(shared) => {
                let context = ProcessorContext { shared };
                let node = &context.shared.node;
                (punctuate.borrow_mut())(&context, time_ms).or_else(|error| node.failed(error))
            }
        };
        let task = self.shared.node.task();
        task.punctuations().schedule(interval, kind, task.record().wall_clock(), Rc::new(callback))
    }

    /// Asks for a commit after this record.
    pub fn commit(&self) {
        self.shared.node.task().request_commit();
    }
}

/// Runs a [`Processor`].
pub(crate) struct Process<P, K, V> {
    processor: RefCell<P>,
    context: ProcessorContext<K, V>,
}

impl<P, KOut: 'static, VOut: 'static> Process<P, KOut, VOut> {
    /// Initialises the processor.
    pub(crate) fn init<KIn, VIn>(mut processor: P, context: ProcessorContext<KOut, VOut>) -> Result<Self>
    where
        P: Processor<KIn, VIn, KOut, VOut>,
    {
        processor.init(&context)?;
        Ok(Process { processor: RefCell::new(processor), context })
    }
}

impl<P, KIn, VIn, KOut: 'static, VOut: 'static> Forward<KIn, VIn> for Process<P, KOut, VOut>
where
    P: Processor<KIn, VIn, KOut, VOut>,
{
    fn record(&self, record: Record<KIn, VIn>) -> Result<()> {
        let node = &self.context.shared.node;
        let Ok(mut processor) = self.processor.try_borrow_mut() else {
            let sentence = format!("processor `{}` was entered again while it processes a record", node.name());
            return Err(Error::new(ErrorKind::Bug, sentence)
                .with_hint("it writes to a store whose cache forwards to it: switch the cache off for that store"));
        };
        processor.process(&self.context, record).or_else(|error| node.failed(error))
    }
}
