//! The running application: [`Streams`], its threads and tasks, commit, rollback, restore and queries.
//!
//! ```text
//! Streams --> Instance <-- StreamThread::step --> tasks (operators, stores)
//!               board                        '--> log: consumer, producer, restore consumer
//! ```
//!
//! A stream thread owns everything it works with; threads share only the `Instance`. Nothing in here knows a log or an
//! engine by its name.

mod assigned;
mod board;
mod counters;
mod directory;
mod driver;
mod global;
mod instance;
mod local_state;
mod metadata;
mod options;
mod outlet;
mod query;
mod resolve;
mod restore;
mod retry;
mod state;
mod streams;
mod task;
mod task_table;
mod thread;
mod topic_plan;

pub use board::StateListener;
pub use counters::Counts;
pub(crate) use global::GlobalThread;
pub(crate) use instance::Instance;
pub use local_state::LocalState;
pub use options::StartOptions;
pub use query::StoreView;
pub(crate) use query::{StoreRows, store_rows, view};
pub use state::{State, ThreadState};
pub use streams::Streams;
pub(crate) use task::{OpenStores, Task, TaskSettings};
pub use thread::CommitStage;
pub(crate) use thread::{Stepped, StreamThread};
