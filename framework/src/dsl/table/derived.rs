//! What all tables have in common that are computed from another one, row by row.

use super::KTable;
use crate::dsl::materialize::{self, stored_table};
use crate::dsl::options::Materialized;
use crate::dsl::stream::add_below;
use crate::error::Result;
use crate::operator::{Edge, Forwarder, Lookup, NodeContext, StoredTable};
use crate::record::Change;
use crate::serde::Datum;
use crate::store::TimestampedKeyValueStore;
use crate::topology::{Derivation, NodeId, Table, TableId, WireOperator, Wiring, boxed, boxed_lookup};
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

impl<K: Datum, V: Datum> KTable<K, V> {
    /// A table computed from this one row by row, in a store of its own if options are given that name one.
    pub(super) fn derive<V2: Datum, O, L>(
        self,
        at: &'static Location<'static>,
        prefix: &'static str,
        materialized: Option<Materialized<K, V2>>,
        recipe: impl Fn(TableId) -> (O, L) + 'static,
    ) -> KTable<K, V2>
    where
        O: Fn(Option<StoredTable<K, V2>>, bool, NodeContext, Edge<K, Change<V2>>) -> Edge<K, Change<V>>
            + Send
            + Sync
            + 'static,
        L: Fn(&Wiring<'_>) -> Result<Rc<dyn Lookup<K, V2>>> + Send + Sync + 'static,
    {
        let parent = self.step;
        let step = self.steps.take(at, move |plan, taken| {
            let given = materialized.as_ref().and_then(|materialized| materialized.name.clone());
            if materialized.is_some() && given.is_none() {
                plan.generate(prefix);
            }
            let name = plan.name(taken.name, prefix);
            let (parent_node, parent_table) = (plan.output(parent), plan.table(parent));
            let (operator, lookup) = recipe(parent_table);
            let wire = wire_derived(given.clone(), plan.tables.next(), operator);
            let node = add_below(plan, name, vec![parent_node], given.iter().cloned().collect(), wire);
            let table = match (&materialized, given) {
                (Some(options), Some(store)) => {
                    plan.add_store(materialize::key_value(&store, options).build());
                    stored_table::<TimestampedKeyValueStore<K, V2>, _, _>(node, store)
                }
                _ => computed_table(node, parent_table, lookup),
            };
            plan.add_table(taken.step, table);
        });
        KTable::new(self.steps, step)
    }
}

fn computed_table<K: 'static, V: 'static>(
    node: NodeId,
    parent: TableId,
    lookup: impl Fn(&Wiring<'_>) -> Result<Rc<dyn Lookup<K, V>>> + Send + Sync + 'static,
) -> Table {
    let lookup = move |wiring: &Wiring<'_>| lookup(wiring).map(boxed_lookup);
    Table { derivation: Derivation::Computed { parent }, sends_old_values: false, lookup: Arc::new(lookup), node }
}

fn wire_derived<K: Datum, V: Datum, V2: Datum, O>(store: Option<String>, table: TableId, operator: O) -> WireOperator
where
    O: Fn(Option<StoredTable<K, V2>>, bool, NodeContext, Edge<K, Change<V2>>) -> Edge<K, Change<V>>
        + Send
        + Sync
        + 'static,
{
    Arc::new(move |wiring: &Wiring<'_>, id| {
        let (node, down) = (wiring.node(id), wiring.below::<K, Change<V2>>(id));
        let sends_old_values = wiring.sends_old_values(table);
        let stored = match &store {
            None => None,
            Some(name) => {
                let store: TimestampedKeyValueStore<K, V2> = wiring.store(name)?;
                let forwarder = Forwarder::new(node.clone(), down.clone(), sends_old_values, Some(&store));
                Some(StoredTable { store, forwarder })
            }
        };
        Ok(boxed(operator(stored, sends_old_values, node, down)))
    })
}
