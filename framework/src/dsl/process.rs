//! Processors within a stream.

use super::stream::{KStream, add_below};
use crate::operator::{FixedKeyProcess, FixedKeyProcessor, Process, Processor, ProcessorContext};
use crate::topology::{Plan, WireOperator, Wiring, boxed};
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

impl<K: Clone + 'static, V: Clone + 'static> KStream<K, V> {
    /// Sends each record through a processor; `supplier` makes one for each task. The stores of these names are
    /// connected: they were added with [`add_state_store`](super::StreamsBuilder::add_state_store), or belong to a
    /// table. The key may change, so that a later grouping or join repartitions.
    #[track_caller]
    pub fn process<K2: Clone + 'static, V2: Clone + 'static, P: Processor<K, V, K2, V2>>(
        self,
        supplier: impl Fn() -> P + Send + Sync + 'static,
        stores: &[&str],
    ) -> KStream<K2, V2> {
        self.with_processor(Location::caller(), "KSTREAM-PROCESSOR-", true, supplier, stores)
    }

    /// Sends each record through a processor that keeps keys, so that nothing needs to be repartitioned afterwards.
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
        let stores: Vec<String> = stores.iter().map(|&store| store.to_owned()).collect();
        let (parent, wire) = (self.step, wire_processor(supplier));
        let step = self.steps.take_node(at, move |plan, taken| {
            let name = plan.name(taken.name, prefix);
            let parent = plan.output(parent);
            refuse_global(plan, &stores);
            add_below(plan, name, vec![parent], stores.clone(), wire.clone())
        });
        KStream::new(self.steps, step, self.key_changed || key_changed)
    }
}

fn refuse_global(plan: &mut Plan, stores: &[String]) {
    for store in stores {
        if plan.is_global(store) {
            plan.problem(format!("global store `{store}` needs no connection: every processor may read it"));
        }
    }
}

fn wire_processor<KIn, VIn, KOut, VOut, P>(supplier: impl Fn() -> P + Send + Sync + 'static) -> WireOperator
where
    KIn: 'static,
    VIn: 'static,
    KOut: Clone + 'static,
    VOut: Clone + 'static,
    P: Processor<KIn, VIn, KOut, VOut>,
{
    Arc::new(move |wiring: &Wiring<'_>, id| {
        let connected = wiring.connected(wiring.blueprint().node(id).stores.clone());
        let context =
            ProcessorContext::<KOut, VOut>::new(wiring.node(id), wiring.below(id), wiring.children(id), connected);
        let process = Process::init::<KIn, VIn>(supplier(), context)?;
        Ok(boxed::<KIn, VIn>(Rc::new(process)))
    })
}
