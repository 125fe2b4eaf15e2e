//! What is known of the tables of a topology: who keeps its rows, and who sends old values.
//!
//! A source table is kept in a store only if something needs that; a filter or mapping of a table can answer
//! lookups by asking its parent. Which is which is decided here, while the topology is built and before
//! anything is wired.

use super::wiring::Wiring;
use crate::error::Result;
use crate::operator::Lookup;
use crate::store::StoreBlueprint;
use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;

/// The number of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TableId(pub(crate) usize);

/// Makes a table's lookup; the result is a boxed `Rc<dyn Lookup<K, V>>`.
pub(crate) type WireLookup = Arc<dyn Fn(&Wiring<'_>) -> Result<Box<dyn Any>> + Send + Sync>;

/// Where a table's rows come from.
#[derive(Clone)]
pub(crate) enum Derivation {
    /// Kept in a store of its own.
    Stored { store: String },
    /// Read from a topic; kept in this store if anyone needs that.
    Source { store: Arc<dyn StoreBlueprint>, materialised: bool },
    /// Computed from another table, row by row.
    Computed { parent: TableId },
}

/// A table.
#[derive(Clone)]
pub(crate) struct Table {
    pub(crate) derivation: Derivation,
    pub(crate) sends_old_values: bool,
    pub(crate) lookup: WireLookup,
    /// The table's own parent for old values, if it asks that one (a filter or mapping that is also stored
    /// asks no one).
    pub(crate) node: super::NodeId,
}

/// The tables of a plan.
#[derive(Default)]
pub(crate) struct Tables(pub(crate) Vec<Table>);

impl Tables {
    /// The number of the table that is added next.
    pub(crate) fn next(&self) -> TableId {
        TableId(self.0.len())
    }

    pub(crate) fn add(&mut self, table: Table) -> TableId {
        self.0.push(table);
        TableId(self.0.len() - 1)
    }

    /// Someone looks rows of this table up: returns the stores that it takes.
    pub(crate) fn demand_lookup(&mut self, TableId(id): TableId) -> Vec<String> {
        match &mut self.0[id].derivation {
            Derivation::Stored { store } => vec![store.clone()],
            Derivation::Source { store, materialised } => {
                *materialised = true;
                vec![store.spec().name.to_string()]
            }
            Derivation::Computed { parent } => {
                let parent = *parent;
                self.demand_lookup(parent)
            }
        }
    }

    /// Someone needs old values of this table; false if it cannot give them. With `force` a source table is
    /// kept in a store for it.
    pub(crate) fn demand_old_values(&mut self, TableId(id): TableId, force: bool) -> bool {
        if self.0[id].sends_old_values {
            return true;
        }
        let gives = match &mut self.0[id].derivation {
            Derivation::Stored { .. } => true,
            Derivation::Source { materialised, .. } => {
                *materialised |= force;
                *materialised
            }
            Derivation::Computed { parent } => {
                let parent = *parent;
                self.demand_old_values(parent, force)
            }
        };
        self.0[id].sends_old_values = gives;
        gives
    }
}

/// Boxes a lookup for [`WireLookup`].
pub(crate) fn boxed_lookup<K: 'static, V: 'static>(lookup: Rc<dyn Lookup<K, V>>) -> Box<dyn Any> {
    Box::new(lookup)
}
