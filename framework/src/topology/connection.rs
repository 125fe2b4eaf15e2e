//! Which nodes use which stores, and whether they may.

use super::problem::Problem;
use super::{GlobalStore, Node, NodeId, NodeKind};
use std::panic::Location;

/// A store that a node uses, with the line of the program that said so.
pub(super) struct Connection {
    pub(super) node: NodeId,
    pub(super) store: String,
    pub(super) at: &'static Location<'static>,
}

/// What is wrong with the connections, once all stores are known: a program may connect a store before it adds it.
pub(super) fn problems(
    connections: &[Connection],
    nodes: &[Node],
    stores: &[&str],
    globals: &[GlobalStore],
) -> Vec<Problem> {
    let problem = |Connection { node, store, at }: &Connection| {
        let user = &nodes[node.0];
        let sentence = match globals.iter().find(|global| global.store == *store) {
            Some(global) if global.filled_by == *node => return None,
            Some(_) => format!("global store `{store}` needs no connection: every processor may read it"),
            None if !matches!(user.kind, NodeKind::Processor(_)) => {
                format!("`{}` is no processor, so that it cannot use store `{store}`", user.name)
            }
            None if stores.contains(&store.as_str()) => return None,
            None => format!("`{}` uses store `{store}`, which was not added", user.name),
        };
        Some(Problem { sentence, at })
    };
    connections.iter().filter_map(problem).collect()
}
