//! A whole topology as one sub-topology, which one task runs.

use crate::topology::{Blueprint, Subtopology};

/// All sub-topologies of one sort as one: nodes in insertion order.
pub(super) fn merged(blueprint: &Blueprint, global: bool) -> Option<Subtopology> {
    let parts: Vec<&Subtopology> = blueprint.subtopologies.iter().filter(|part| part.is_global == global).collect();
    let mut whole = (*parts.first()?).clone();
    for part in &parts[1..] {
        whole.nodes.extend(&part.nodes);
        whole.sources.extend(&part.sources);
        whole.stores.extend(part.stores.iter().cloned());
    }
    whole.nodes.sort();
    whole.sources.sort();
    whole.id = 0;
    let order = |name: &String| blueprint.stores.iter().position(|store| *store.spec().name == **name);
    whole.stores.sort_by_key(order);
    Some(whole)
}

/// A topology that has nothing to run but global tables.
pub(super) fn empty() -> Subtopology {
    Subtopology { id: 0, nodes: Vec::new(), sources: Vec::new(), stores: Vec::new(), is_global: false }
}
