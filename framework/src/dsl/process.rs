//! Processors within a stream.

use super::stream::{KStream, add_below};
use crate::operator::{FixedKeyProcess, FixedKeyProcessor, Process, Processor, ProcessorContext};
use crate::topology::{NodeId, Plan, WireOperator, Wiring, boxed};
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

impl<K: Clone + 'static, V: Clone + 'static> KStream<K, V> {
    /// Sends each record through a [`Processor`]; `supplier` makes one for each task. The stores of these names are
    /// connected: they were added with [`add_state_store`](super::StreamsBuilder::add_state_store), or belong to a table.
    ///
    /// The processor forwards what it likes: keys, timestamps and headers are its own to choose, and nulls reach it. The key
    /// may change, so that a later grouping or join repartitions; [`process_values`](Self::process_values) keeps it.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::{operator::ProcessorContext, record::Record, store::TimestampedKeyValueStore};
    /// builder.table_with::<i32, String>("stations", "stations");
    /// builder.stream::<i32, i32>("rides").process(|| |context: &ProcessorContext<String, i32>, ride: Record<i32, i32>| {
    ///     let stations: TimestampedKeyValueStore<i32, String> = context.state_store("stations")?;
    ///     let name = stations.get(&ride.key)?.map_or("unknown".to_owned(), |station| station.value);
    ///     context.forward(ride.with_key(name))
    /// }, &["stations"]).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("stations").pipe(1, "Loop".to_owned())?;
    /// driver.input("rides").pipe_key_values([(1, 5), (2, 50)])?;
    /// let rides = driver.output("out").read_key_values::<String, i32>()?;
    /// assert_eq!(rides, [("Loop".to_owned(), 5), ("unknown".to_owned(), 50)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn process<K2: Clone + 'static, V2: Clone + 'static, P: Processor<K, V, K2, V2>>(
        self,
        supplier: impl Fn() -> P + Send + Sync + 'static,
        stores: &[&str],
    ) -> KStream<K2, V2> {
        self.with_processor(Location::caller(), "KSTREAM-PROCESSOR-", true, supplier, stores)
    }

    /// Sends each record through a [`FixedKeyProcessor`], which keeps keys, so that nothing needs to be repartitioned
    /// afterwards (`processValues`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::operator::{FixedKeyProcessorContext, FixedKeyRecord};
    /// builder.stream::<i32, i32>("in").process_values(|| {
    ///     let mut total = 0; // of this task, until it is rolled back: what must survive belongs into a store
    ///     move |context: &FixedKeyProcessorContext<i32, i32>, record: FixedKeyRecord<i32, i32>| {
    ///         total += record.value();
    ///         context.forward(record.with_value(total))
    ///     }
    /// }, &[]).to("totals");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50)])?;
    /// assert_eq!(driver.output("totals").read_key_values::<i32, i32>()?, [(1, 5), (2, 55)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn process_values<V2: Clone + 'static, P: FixedKeyProcessor<K, V, V2>>(
        self,
        supplier: impl Fn() -> P + Send + Sync + 'static,
        stores: &[&str],
    ) -> KStream<K, V2> {
        let supplier = move || FixedKeyProcess(supplier());
        self.with_processor(Location::caller(), "KSTREAM-PROCESSVALUES-", false, supplier, stores)
    }

    fn with_processor<K2: Clone + 'static, V2: Clone + 'static, P: Processor<K, V, K2, V2>>(
        self,
        at: &'static Location<'static>,
        prefix: &'static str,
        key_changed: bool,
        supplier: impl Fn() -> P + Send + Sync + 'static,
        stores: &[&str],
    ) -> KStream<K2, V2> {
        let (parent, processor) = (self.step, ProcessorNode::new(supplier, stores));
        let step = self.steps.take_node(at, move |plan, taken| {
            let name = plan.name_or_generate(taken.name, prefix);
            let parent = plan.output(parent);
            processor.add(plan, name, vec![parent])
        });
        KStream::new(self.steps, step, self.key_changed || key_changed)
    }
}

/// What a node that runs a processor is made of.
pub(super) struct ProcessorNode {
    wire: WireOperator,
    /// The stores it is connected with.
    stores: Vec<String>,
}

impl ProcessorNode {
    pub(super) fn new<
        KIn: 'static,
        VIn: 'static,
        KOut: Clone + 'static,
        VOut: Clone + 'static,
        P: Processor<KIn, VIn, KOut, VOut>,
    >(
        supplier: impl Fn() -> P + Send + Sync + 'static,
        stores: &[&str],
    ) -> Self {
        let wire: WireOperator = Arc::new(move |wiring: &Wiring<'_>, id| {
            let connected = wiring.connected(wiring.blueprint().node(id).stores.clone());
            let context =
                ProcessorContext::<KOut, VOut>::new(wiring.node(id), wiring.below(id), wiring.children(id), connected);
            let process = Process::init::<KIn, VIn>(supplier(), context)?;
            Ok(boxed::<KIn, VIn>(Rc::new(process)))
        });
        ProcessorNode { wire, stores: stores.iter().map(|&store| store.to_owned()).collect() }
    }

    /// Adds it below the outputs of `parents`.
    pub(super) fn add(&self, plan: &mut Plan, name: String, parents: Vec<NodeId>) -> NodeId {
        add_below(plan, name, parents, self.stores.clone(), self.wire.clone())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::dsl::{Materialized, StreamsBuilder};
    use crate::engine::SharedEngine;
    use crate::engine::memory::MemoryEngine;
    use crate::error::Result;
    use crate::operator::{Processor, ProcessorContext};
    use crate::record::Record;
    use crate::store::TimestampedKeyValueStore;
    use crate::testing::TopologyTestDriver;
    use std::sync::Arc;

    /// Keeps a handle of the store of the table above it.
    #[derive(Default)]
    struct Reader(Option<TimestampedKeyValueStore<String, String>>);

    impl Processor<String, Option<String>, String, bool> for Reader {
        fn init(&mut self, context: &ProcessorContext<String, bool>) -> Result<()> {
            self.0 = Some(context.state_store("words")?);
            Ok(())
        }

        fn process(
            &mut self,
            context: &ProcessorContext<String, bool>,
            record: Record<String, Option<String>>,
        ) -> Result<()> {
            let known = self.0.as_ref().expect("init comes first").get(&record.key)?;
            context.forward(record.with_value(known.is_some()))
        }
    }

    #[test]
    fn processor_that_reads_the_cached_table_above_it_does_not_outlive_its_task() {
        let builder = StreamsBuilder::new();
        let table = builder.table_with::<String, String>("in", Materialized::named("words"));
        table.to_stream().process(Reader::default, &["words"]).to("out");
        let engine: SharedEngine = Arc::new(MemoryEngine::default());
        let config = Config::new("test", "embedded:");
        let mut driver = TopologyTestDriver::with_engine(&builder.build().unwrap(), config, engine.clone(), 0).unwrap();
        driver.input("in").pipe("k".to_owned(), "v".to_owned()).unwrap();
        assert_eq!(driver.output("out").read_values::<bool>().unwrap(), [true]);
        driver.crash().unwrap();
        drop(driver);
        assert_eq!(Arc::strong_count(&engine), 1, "nothing but this test holds the engine");
    }
}
