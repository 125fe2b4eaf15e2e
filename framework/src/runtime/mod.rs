//! The running application: [`Streams`], its threads and tasks, commit, rollback, restore and queries.
//!
//! ```text
//! Streams --> Instance <-- StreamThread::step --> tasks (operators, stores)
//!               board                        '--> log: consumer, producer, restore consumer
//! ```
//!
//! A stream thread owns everything it works with; threads share only the `Instance`. Nothing in here knows a log or an
//! engine by its name.

mod announcer;
mod assigned;
mod board;
mod close;
mod counters;
mod crew;
mod directory;
mod driver;
mod global;
mod inquiry;
mod instance;
mod listeners;
mod local_state;
mod metadata;
mod operations;
mod options;
mod outlet;
mod query;
mod resolve;
mod restore;
mod retry;
mod roster;
mod shutdown_requests;
mod state;
mod streams;
mod supervision;
mod task;
mod task_table;
mod thread;
mod topic_plan;
mod uncaught;

pub use close::CloseOptions;
pub use counters::Counts;
pub(crate) use global::GlobalThread;
pub(crate) use instance::Instance;
pub use listeners::StateRestoreListener;
pub(crate) use listeners::panicked;
pub use local_state::LocalState;
pub use options::StartOptions;
pub use query::StoreView;
pub(crate) use query::{StoreRows, store_rows, view};
pub(crate) use roster::GLOBAL;
pub(crate) use shutdown_requests::ShutdownRequest;
pub use state::{State, ThreadState};
pub use streams::Streams;
pub(crate) use supervision::{ABANDON_MS_MAX, Verdict, judge, unheard};
pub(crate) use task::{OpenStores, Task, TaskSettings};
pub use thread::CommitStage;
pub(crate) use thread::{Stepped, StreamThread};
pub use uncaught::UncaughtErrorResponse;
