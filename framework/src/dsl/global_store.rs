//! Global stores that a processor of the program's own maintains.

use super::builder::add_source;
use super::options::{Consumed, Topics};
use super::process::ProcessorNode;
use super::steps::Steps;
use crate::operator::Processor;
use crate::serde::Nullable;
use crate::store::{StoreBlueprint, StoreBuilder, StoreHandle};
use crate::topology::{GlobalStore, NodeId, Plan, TopicName};
use std::convert::Infallible;
use std::panic::Location;
use std::sync::Arc;

/// What a processor of a global store forwards: nothing, as no such value can be made.
pub type Nothing = Infallible;

/// A store, the topic it is filled from, and the processor that does so.
pub(super) struct GlobalFill<K: Nullable, V: Nullable> {
    name: String,
    store: Arc<dyn StoreBlueprint>,
    consumed: Consumed<K, V>,
    processor: ProcessorNode,
}

impl<K: Nullable, V: Nullable> GlobalFill<K, V> {
    pub(super) fn new<S: StoreHandle, P: Processor<K, V, Nothing, Nothing>>(
        store: StoreBuilder<S>,
        consumed: Consumed<K, V>,
        supplier: impl Fn() -> P + Send + Sync + 'static,
    ) -> Self {
        let name = store.name().to_owned();
        let processor = ProcessorNode::new::<K, V, Nothing, Nothing, P>(supplier, &[&name]);
        // Its topic holds what the processor reads, not what the store keeps: a restore runs the processor again.
        let store = store.with_caching_disabled().with_logging_disabled().build();
        GlobalFill { name, store, consumed, processor }
    }

    /// Adds source, processor and store.
    fn add(&self, plan: &mut Plan, source: String, processor: String) -> NodeId {
        let topic = TopicName::external(single_topic(plan, &self.consumed.topics));
        let source = add_source(plan, source, &self.consumed, true);
        plan.add_store(self.store.clone());
        let filled_by = self.processor.add(plan, processor, vec![source]);
        plan.add_global(GlobalStore { topic, store: self.name.clone(), filled_by, processed: true });
        filled_by
    }

    /// Takes the step with names that are given or generated.
    pub(super) fn take(self, steps: &Steps, at: &'static Location<'static>) {
        steps.take_node(at, move |plan, taken| {
            let given = taken.name.or(self.consumed.name.as_deref());
            let source = plan.name(given.map(|name| format!("{name}-source")).as_deref(), "KSTREAM-SOURCE-");
            let processor = plan.name(given, "KTABLE-SOURCE-");
            self.add(plan, source, processor)
        });
    }

    /// Takes the step with names of the program's own.
    pub(super) fn take_named(self, steps: &Steps, at: &'static Location<'static>, source: &str, processor: &str) {
        let (source, processor) = (source.to_owned(), processor.to_owned());
        steps.take_node(at, move |plan, _| {
            plan.checked(Some(&source));
            plan.checked(Some(&processor));
            self.add(plan, source.clone(), processor.clone())
        });
    }
}

/// The one topic of a global table or store.
pub(super) fn single_topic(plan: &mut Plan, topics: &Topics) -> String {
    match topics {
        Topics::Named(names) if names.len() == 1 => names[0].clone(),
        _ => {
            plan.problem("a global table is read from exactly one topic");
            String::new()
        }
    }
}
