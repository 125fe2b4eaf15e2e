//! What every log promises, on a real broker: the framework's own contract tests.
//!
//! Not here are the clauses in which time is moved, or which speak of an embedded log: a dropped member (Kafka's client says
//! goodbye), a member that is not polled for five minutes (see `members`, with seconds), a commit of a removed member
//! that was asked for before (Kafka's client asks at once), and compaction and retention, which are the brokers' own business.

use crate::contract;
use crate::prefixed::Prefixed;
use crate::world::World;
use kstreams::log::connect;
use kstreams::record::SystemClock;
use std::sync::Arc;
use system_tests::kafka::Broker;

/// A log of its own on the broker of all tests; `None` where there is no broker.
pub fn world() -> Option<World> {
    let broker = Broker::shared()?;
    let log = connect(&broker.url(), Arc::new(SystemClock)).expect("the address is one");
    Some(World::real(Prefixed::new(log)))
}

macro_rules! on_a_broker {
    ($($chapter:ident { $($clause:ident,)* })*) => {
        $(mod $chapter {
            $(#[test] fn $clause() {
                let Some(world) = super::world() else { return };
                super::contract::$chapter::$clause(&world);
            })*
        })*
    };
}

contract::clauses_of_any_log! { on_a_broker }
