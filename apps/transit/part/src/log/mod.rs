//! Writing and reading a log the way transit's sources do: whole transactions, and small compacted topics.
//!
//! What a source writes in one step, its events and the state it resumes from, is one transaction; so a reader of
//! committed messages sees both or neither. Everything here blocks and belongs on a thread of its own.

mod codec;
mod lag;
mod latest;
mod topics;
mod writer;

pub use codec::{Codec, decoded, patiently};
pub use lag::lag;
pub use latest::{latest_by_key, read_to_end};
pub use topics::{create_topics, delete_old, partitions, topic_names};
pub use writer::{Outbound, Writer};

use std::time::Duration;

/// The longest that one answer of the log is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
