//! A group as it is now: members, committed offsets, and how far it is behind.

use crate::output::{Side, Table, alternatives, counted, or_dash};
use crate::{Failure, Session};
use kstreams::error::{ErrorKind, Result};
use kstreams::log::{GroupDescription, OffsetAt, Offsets, TopicInfo};
use kstreams::record::{Topic, TopicPartition};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

/// A member and what it reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Its id.
    pub member: String,
    /// The name of the client, which names instance and thread.
    pub client_id: String,
    /// The partitions it owns, as `topic-0`.
    pub partitions: Vec<String>,
}

/// Where a group is in a partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Position {
    /// The topic.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// The committed offset: the next message to read.
    pub committed: Option<i64>,
    /// One behind the last message; `None` if the partition is gone.
    pub end: Option<i64>,
    /// Messages that are to be read: from the committed offset, or without one from the first that is still there.
    pub lag: i64,
    /// The client that owns it.
    pub client_id: Option<String>,
}

/// A group with its members and positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupView {
    /// The generation, where the log tells it.
    pub generation: Option<i32>,
    /// Members by id.
    pub members: Vec<Member>,
    /// All partitions of the topics that the group reads or has read.
    pub positions: Vec<Position>,
}

/// The group of the session's application; `None` if there is none.
///
/// # Errors
/// What the log answers.
pub fn find(session: &Session) -> Result<Option<GroupDescription>> {
    let name = session.application_id();
    match session.ask(|admin| admin.describe_group(name)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        // Kafka describes a group that it does not know as one without members.
        Ok(group) if group.members.is_empty() && group.offsets.is_empty() => {
            let is_known = session.ask(|admin| admin.groups())?.iter().any(|known| known == name);
            Ok(is_known.then_some(group))
        }
        answer => answer.map(Some),
    }
}

/// What to say of an application that nothing is known of.
pub fn unknown(session: &Session) -> Failure {
    let name = session.application_id();
    let groups = match session.ask(|admin| admin.groups()) {
        Ok(groups) => groups,
        Err(error) => return error.into(),
    };
    let none = || String::from("there are no groups at all: has the application run on this log?");
    let hint = alternatives(groups.iter().map(String::as_str)).unwrap_or_else(none);
    Failure::failed(ErrorKind::NotFound, format!("there is no group `{name}`"), hint)
}

impl GroupView {
    /// Looks up where the group is.
    ///
    /// # Errors
    /// What the log answers.
    pub fn of(session: &Session, group: &GroupDescription, topics: &[TopicInfo]) -> Result<Self> {
        let owners: BTreeMap<&TopicPartition, &str> = group
            .members
            .iter()
            .flat_map(|member| member.partitions.iter().map(|partition| (partition, member.client_id.as_str())))
            .collect();
        let partitions = partitions_read(group, topics);
        let ends = offsets_of_existing(session, &partitions, topics, OffsetAt::End)?;
        let begins = offsets_of_existing(session, &partitions, topics, OffsetAt::Beginning)?;
        let position = |partition: &TopicPartition| {
            let (begin, end) = (begins.get(partition), ends.get(partition).copied());
            position(partition, &group.offsets, begin.copied(), end, owners.get(partition).copied())
        };
        Ok(GroupView {
            generation: (group.generation >= 0).then_some(group.generation),
            members: group.members.iter().map(member).collect(),
            positions: partitions.iter().map(position).collect(),
        })
    }

    /// Messages to be read, over all partitions.
    pub fn lag(&self) -> i64 {
        self.positions.iter().map(|position| position.lag).sum()
    }

    /// Prints the positions as a table, with the sum.
    pub fn print_positions(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let mut table = Table::new([
            ("TOPIC", Side::Left),
            ("PARTITION", Side::Right),
            ("COMMITTED", Side::Right),
            ("END", Side::Right),
            ("LAG", Side::Right),
            ("CLIENT", Side::Left),
        ]);
        for position in &self.positions {
            table.row([
                position.topic.clone(),
                position.partition.to_string(),
                or_dash(position.committed),
                or_dash(position.end),
                position.lag.to_string(),
                or_dash(position.client_id.as_ref()),
            ]);
        }
        table.print(out)?;
        let partitions = counted(self.positions.len(), "partition", "partitions");
        Ok(writeln!(out, "lag in all: {} in {partitions}", counted(self.lag() as u64, "message", "messages"))?)
    }
}

fn member(member: &kstreams::log::GroupMember) -> Member {
    let partitions = member.partitions.iter().map(|one| format!("{}-{}", one.topic, one.partition));
    Member { member: member.member.clone(), client_id: member.client_id.clone(), partitions: partitions.collect() }
}

fn position(
    partition: &TopicPartition,
    offsets: &Offsets,
    begin: Option<i64>,
    end: Option<i64>,
    client_id: Option<&str>,
) -> Position {
    let committed = offsets.get(partition).map(|committed| committed.offset);
    // What was deleted meanwhile is not read any more.
    let next = committed.into_iter().chain(begin).max();
    Position {
        topic: partition.topic.as_str().to_owned(),
        partition: partition.partition,
        committed,
        end,
        lag: end.zip(next).map_or(0, |(end, next)| (end - next).max(0)),
        client_id: client_id.map(str::to_owned),
    }
}

/// Every partition of every topic that the group has committed or that a member owns.
fn partitions_read(group: &GroupDescription, topics: &[TopicInfo]) -> BTreeSet<TopicPartition> {
    let owned = group.members.iter().flat_map(|member| &member.partitions);
    let touched: BTreeSet<TopicPartition> = group.offsets.keys().chain(owned).cloned().collect();
    let read: BTreeSet<&Topic> = touched.iter().map(|partition| &partition.topic).collect();
    let whole = topics.iter().filter(|info| read.contains(&info.topic)).flat_map(partitions_of);
    whole.chain(touched.iter().cloned()).collect()
}

/// The partitions of a topic.
pub fn partitions_of(info: &TopicInfo) -> impl Iterator<Item = TopicPartition> + use<> {
    let topic = info.topic.clone();
    (0..info.partitions).map(move |partition| TopicPartition::new(topic.clone(), partition))
}

/// The offsets of those partitions that exist: a topic may be gone whose offsets are still committed.
fn offsets_of_existing(
    session: &Session,
    partitions: &BTreeSet<TopicPartition>,
    topics: &[TopicInfo],
    at: OffsetAt,
) -> Result<BTreeMap<TopicPartition, i64>> {
    let exists = |partition: &TopicPartition| {
        topics.iter().any(|info| info.topic == partition.topic && partition.partition < info.partitions)
    };
    let existing: Vec<TopicPartition> = partitions.iter().filter(|partition| exists(partition)).cloned().collect();
    session.ask(|admin| admin.offsets(&existing, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kstreams::log::OffsetAndMetadata;

    fn lag(committed: Option<i64>, begin: Option<i64>, end: Option<i64>) -> i64 {
        let partition = TopicPartition::new("in", 0);
        let offsets = committed.map(|offset| (partition.clone(), OffsetAndMetadata::new(offset))).into_iter().collect();
        position(&partition, &offsets, begin, end, None).lag
    }

    #[test]
    fn lag_counts_what_is_there_to_be_read() {
        assert_eq!(lag(Some(7), Some(0), Some(10)), 3);
        assert_eq!(lag(None, Some(2), Some(10)), 8, "without an offset it is read from its beginning");
        assert_eq!(lag(Some(1), Some(4), Some(10)), 6, "what was deleted is not read any more");
        assert_eq!(lag(Some(12), Some(0), Some(10)), 0, "the topic was made anew");
        assert_eq!(lag(Some(12), None, None), 0, "the topic is gone");
    }
}
