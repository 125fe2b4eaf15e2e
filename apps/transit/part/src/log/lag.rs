//! How far an application is behind the topics that it reads.

use super::PATIENCE;
use kstreams::error::{ErrorKind, Result};
use kstreams::log::client::wait;
use kstreams::log::{Log, OffsetAt};

/// The offsets between what a group has committed and the end of its partitions. A partition without a committed
/// offset counts in full; a group that does not exist yet has read nothing that it knows of: `None`.
///
/// # Errors
/// What the log answers.
pub fn lag(log: &dyn Log, group: &str) -> Result<Option<i64>> {
    let admin = log.admin()?;
    let described = match wait(log, admin.describe_group(group), PATIENCE) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        described => described?,
    };
    let owned = described.members.iter().flat_map(|member| member.partitions.iter().cloned());
    let mut partitions: Vec<_> = owned.chain(described.offsets.keys().cloned()).collect();
    partitions.sort();
    partitions.dedup();
    let ends = wait(log, admin.offsets(&partitions, OffsetAt::LastStable), PATIENCE)?;
    let behind = ends.iter().map(|(partition, end)| {
        let committed = described.offsets.get(partition).map_or(0, |committed| committed.offset);
        (end - committed).max(0)
    });
    Ok(Some(behind.sum()))
}
