//! The errors that clients of the log act on, worded once.

use crate::error::{Error, ErrorKind};
use crate::record::{Topic, TopicPartition};

/// A newer producer has the transactional id, or the coordinator has timed the transaction out.
pub(super) fn fenced() -> Error {
    Error::new(ErrorKind::Fenced, "another producer has taken over this transactional id, or its transaction timed out")
        .with_class("org.apache.kafka.common.errors.ProducerFencedException")
}

/// The group does not know this member in this generation.
pub(super) fn stale_member(group: &str, member: &str) -> Error {
    Error::new(ErrorKind::Fenced, "the group has removed this member or moved on to another generation")
        .with_detail(format!("group {group}, member `{member}`"))
        .with_class("org.apache.kafka.clients.consumer.CommitFailedException")
}

/// The transaction can only be aborted.
pub(super) fn aborted(why: &str) -> Error {
    Error::new(ErrorKind::Aborted, "the transaction can only be aborted")
        .with_detail(why)
        .with_class("org.apache.kafka.common.errors.TransactionAbortedException")
}

/// There is no such topic.
pub(super) fn no_topic(topic: &Topic) -> Error {
    Error::new(ErrorKind::NotFound, format!("topic `{topic}` does not exist"))
}

/// There is no such partition.
pub(super) fn no_partition(partition: &TopicPartition) -> Error {
    Error::new(ErrorKind::NotFound, format!("partition {partition} does not exist"))
}

/// There is no such group.
pub(super) fn no_group(group: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("group `{group}` does not exist"))
}

/// The group is in use.
pub(super) fn group_in_use(group: &str) -> Error {
    Error::new(ErrorKind::InUse, format!("group `{group}` has members"))
}

/// A position outside of the log, or none at all.
pub(super) fn out_of_range(partition: &TopicPartition, offset: Option<i64>, start: i64, end: i64) -> Error {
    let message = match offset {
        Some(offset) => format!("offset {offset} of {partition} is not in the log"),
        None => format!("there is no committed offset for {partition}"),
    };
    Error::new(ErrorKind::OutOfRange, message)
        .with_detail(format!("it holds {start} to {end}"))
        .with_class("org.apache.kafka.clients.consumer.OffsetOutOfRangeException")
}

/// The caller broke the order of calls.
pub(super) fn misuse(what: &str) -> Error {
    Error::new(ErrorKind::Bug, what)
}
