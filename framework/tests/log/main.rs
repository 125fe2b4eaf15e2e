//! What every log promises (`contract`, written against the port) and what only the embedded one does.

mod contract;
mod durable;
mod faults;
#[cfg(all(feature = "fjall", unix))]
mod kill;
mod late;
mod model;
#[allow(dead_code, reason = "what is for logs in real time is used by the tests on Kafka")]
mod world;

#[cfg(feature = "fjall")]
/// A log in files.
fn on_disk() -> world::World {
    use kstreams::engine::{EngineKind, EngineOptions, open};
    let directory = tempfile::tempdir().unwrap();
    let engine = open(EngineKind::Fjall, directory.path(), &EngineOptions::default()).unwrap();
    world::on_engine(engine, world::NOON).with_directory(directory)
}

/// Runs each clause of the contract against each kind of log.
macro_rules! on_each_log {
    ($($chapter:ident { $($clause:ident,)* })*) => {
        mod in_memory {
            $(mod $chapter { $(#[test] fn $clause() { crate::contract::$chapter::$clause(&crate::world::in_memory()); })* })*
        }
        mod on_memory_engine {
            $(mod $chapter { $(#[test] fn $clause() { crate::contract::$chapter::$clause(&crate::world::on_memory_engine()); })* })*
        }
        #[cfg(feature = "fjall")]
        mod on_disk {
            $(mod $chapter { $(#[test] fn $clause() { crate::contract::$chapter::$clause(&crate::on_disk()); })* })*
        }
    };
}

mod any_log {
    crate::contract::clauses_of_any_log! { on_each_log }
}
mod embedded_log {
    crate::contract::clauses_of_embedded_logs! { on_each_log }
}
