//! Global stores that a processor of the program's own maintains.

use super::builder::add_source;
use super::options::{Consumed, Topics};
use super::process::wire_processor;
use super::steps::Steps;
use super::stream::add_below;
use crate::operator::Processor;
use crate::serde::Nullable;
use crate::store::{StoreBuilder, StoreHandle};
use crate::topology::{GlobalStore, Plan, TopicName};
use std::convert::Infallible;
use std::panic::Location;

/// What a processor of a global store forwards: nothing, as no such value can be made.
pub type Nothing = Infallible;

/// Adds source, processor and store.
pub(super) fn add<K: Nullable, V: Nullable, S: StoreHandle, P: Processor<K, V, Nothing, Nothing>>(
    steps: &Steps,
    at: &'static Location<'static>,
    store: StoreBuilder<S>,
    consumed: Consumed<K, V>,
    supplier: impl Fn() -> P + Send + Sync + 'static,
) {
    let wire = wire_processor::<K, V, Nothing, Nothing, P>(supplier);
    let name = store.name().to_owned();
    // Its topic holds what the processor reads, not what the store keeps: a restore runs the processor again.
    let store = store.with_caching_disabled().with_logging_disabled().build();
    steps.take(at, move |plan, taken| {
        let given = taken.name.or(consumed.name.as_deref());
        let source_name = plan.name(given.map(|name| format!("{name}-source")).as_deref(), "KSTREAM-SOURCE-");
        let node_name = plan.name(given, "KTABLE-SOURCE-");
        let topic = single_topic(plan, &consumed.topics);
        let source = add_source(plan, source_name, &consumed, true);
        plan.add_store(store.clone());
        let node = add_below(plan, node_name, vec![source], vec![name.clone()], wire.clone());
        plan.set_output(taken.step, node);
        plan.add_global(GlobalStore { topic: TopicName::external(topic), store: name.clone(), processed: true });
    });
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
