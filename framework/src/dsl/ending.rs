//! Steps that end a stream.

use super::options::{Destination, Printed, Produced};
use super::steps::Steps;
use super::stream::KStream;
use crate::error::Result;
use crate::operator::{Edge, ForEach, Forward, KeyPart, Partitioning, Print, Serdes, Sink, Target};
use crate::record::Topic;
use crate::serde::{Nullable, SerdeContext};
use crate::topology::{NewNode, NodeId, NodeKind, Plan, SinkTarget, StepId, TopicName, WireOperator, Wiring, boxed};
use std::cell::RefCell;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

impl<K: Clone + 'static, V: Clone + 'static> KStream<K, V> {
    /// Takes each record; the end of the stream. What the closure does outside the application is not part of a transaction:
    /// it is done again when a record is processed again after a failure.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use std::sync::{Arc, Mutex};
    /// let taken = Arc::new(Mutex::new(Vec::new()));
    /// let list = taken.clone();
    /// builder.stream::<i32, i32>("in").for_each(move |k, v| list.lock().unwrap().push((k, v)));
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50)])?;
    /// assert_eq!(*taken.lock().unwrap(), [(1, 5), (2, 50)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn for_each(self, take: impl Fn(K, V) + Send + Sync + 'static) -> Ended {
        self.try_for_each(move |key, value| {
            take(key, value);
            Ok(())
        })
    }

    /// [`for_each`](Self::for_each) with a closure that may fail. A record that it fails on goes to the policy for processing
    /// errors.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").try_for_each(|_, v| match v {
    ///     0.. => Ok(()),
    ///     _ => Err(kstreams::error::Error::processing("a negative amount")),
    /// });
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.input("in").pipe(1, -5).unwrap_err().message(), "a negative amount");
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn try_for_each(self, take: impl Fn(K, V) -> Result<()> + Send + Sync + 'static) -> Ended {
        let take = Arc::new(take);
        let ended = self.operator(Location::caller(), "KSTREAM-FOREACH-", false, move |node, _: Edge<K, V>| {
            Rc::new(ForEach { take: take.clone(), node })
        });
        Ended { steps: ended.steps, step: ended.step }
    }

    /// Prints each record on a line of its own; the end of the stream. See [`Printed`] for where and how.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").print(Printed::to_sys_out().with_label("in"));
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?; // prints `[in]: 1, 5`
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn print(self, printed: Printed<K, V>) -> Ended {
        let ended = self.operator(Location::caller(), "KSTREAM-PRINTER-", false, move |node, _: Edge<K, V>| {
            let (line, label) = (printed.line.clone(), printed.label.clone());
            let label = label.unwrap_or_else(|| node.name().to_string());
            let line = Arc::new(move |key: &K, value: &V| line(&label, key, value));
            Rc::new(Print { line, output: printed.output.clone(), node })
        });
        Ended { steps: ended.steps, step: ended.step }
    }
}

impl<K, V> KStream<K, V> {
    /// Writes the stream to a topic, which must exist; the end of the stream. Key, value, timestamp and headers are written
    /// as they are, `None` as null; the partition is chosen by the key unless [`Produced`] says otherwise.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_at(1, 5, 1_000)?;
    /// let record = driver.output("out").read_record::<i32, i32>()?.expect("one record was sent");
    /// assert_eq!((record.key, record.value, record.timestamp), (1, 5, 1_000));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    ///
    /// A type without a format of its own needs one here, or the program does not compile:
    ///
    /// ```compile_fail
    /// # use kstreams::dsl::StreamsBuilder;
    /// #[derive(Clone)]
    /// struct Opaque;
    ///
    /// StreamsBuilder::new().stream::<i32, i32>("in").map_values(|_| Opaque).to("out");
    /// ```
    #[track_caller]
    pub fn to(self, produced: impl Into<Produced<K, V>>) -> Ended
    where
        K: Nullable,
        V: Nullable,
    {
        let produced = produced.into();
        let parent = self.step;
        let step = self.steps.take_node(Location::caller(), move |plan, taken| {
            let name = plan.name(taken.name, "KSTREAM-SINK-");
            let parent = plan.output(parent);
            let target = match &produced.destination {
                Destination::Topic(topic) => SinkTarget::Topic(TopicName::external(topic)),
                Destination::Extracted(_) => SinkTarget::Extracted,
            };
            add_sink(plan, name, vec![parent], target, KeyPart::Inner, &produced)
        });
        Ended { steps: self.steps, step }
    }
}

/// Adds a sink node.
pub(super) fn add_sink<K: Nullable, V: Nullable>(
    plan: &mut Plan,
    name: String,
    parents: Vec<NodeId>,
    target: SinkTarget,
    key_part: KeyPart,
    produced: &Produced<K, V>,
) -> NodeId {
    let wire = wire_sink(target.clone(), key_part, produced);
    plan.add(NewNode { name, kind: NodeKind::Sink(target, wire), parents, stores: Vec::new() })
}

fn wire_sink<K: Nullable, V: Nullable>(
    target: SinkTarget,
    key_part: KeyPart,
    produced: &Produced<K, V>,
) -> WireOperator {
    let (key, value) = (produced.key.clone(), produced.value.clone());
    let (destination, partitioner) = (produced.destination.clone(), produced.partitioner.clone());
    Arc::new(move |wiring: &Wiring<'_>, id| {
        let registry = wiring.registry();
        let (key, value) = (key.clone(), value.clone());
        let make = move |topic: &Topic| -> Result<Serdes<K, V>> {
            let context = |is_key| SerdeContext { topic: topic.clone(), is_key, registry: registry.clone() };
            Ok(Serdes { key: key.serde(&context(true))?, value: value.serde(&context(false))? })
        };
        let target = match (&target, &destination) {
            (SinkTarget::Extracted, Destination::Extracted(extractor)) => {
                Target::Extracted { extractor: extractor.clone(), make: Box::new(make), made: RefCell::default() }
            }
            (SinkTarget::Topic(topic), _) => {
                let topic = topic.full(wiring.context().application_id());
                Target::Fixed { serdes: make(&topic)?, topic }
            }
            (SinkTarget::Extracted, Destination::Topic(topic)) => {
                let topic = Topic::from(topic);
                Target::Fixed { serdes: make(&topic)?, topic }
            }
        };
        let partitioning = Partitioning { partitioner: partitioner.clone(), key: key_part };
        let sink: Rc<dyn Forward<K, V>> = Rc::new(Sink::new(target, partitioning, wiring.node(id)));
        Ok(boxed(sink))
    })
}

/// The end of a stream: nothing comes after it, but it can be named.
///
/// ```
/// # use kstreams::dsl::*;
/// # let builder = StreamsBuilder::new();
/// builder.stream::<i32, i32>("in").to("out").named("the-end");
/// assert!(builder.build()?.describe().to_string().contains("Sink: the-end (topic: out)"));
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub struct Ended {
    steps: Steps,
    step: StepId,
}

impl Ended {
    /// Names the step that ended the stream (`Named.as`).
    ///
    /// ```
    /// # use kstreams::dsl::*;
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").for_each(|_, _| {}).named("ignore");
    /// assert!(builder.build()?.describe().to_string().contains("Processor: ignore"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn named(self, name: &str) {
        self.steps.name(self.step, name);
    }
}
