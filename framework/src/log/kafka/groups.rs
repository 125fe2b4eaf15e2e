//! Groups as tools see them: members, committed offsets.

use super::admin::{add, check_each};
use super::cluster::{ANSWER, Cluster};
use super::context::ConsumerContext;
use super::errors::{self, About};
use super::native_groups;
use super::settings::{GroupProtocol, open};
use super::worker::block_on;
use crate::error::{Error, ErrorKind, Result};
use crate::log::{ConsumerConfig, GroupDescription, GroupMember, Isolation, OffsetAndMetadata, Offsets};
use crate::record::TopicPartition;
use rdkafka::admin::AdminOptions;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{Offset, TopicPartitionList};

/// The generation of a group that the brokers do not tell.
const UNKNOWN_GENERATION: i32 = -1;

/// The names of all groups, in order.
pub(super) fn list(cluster: &Cluster) -> Result<Vec<String>> {
    let groups = cluster.clients()?.uncommitted.fetch_group_list(None, ANSWER);
    let groups = groups.map_err(|error| cluster.failed(&error, About::Brokers))?;
    let mut names: Vec<String> = groups.groups().iter().map(|group| group.name().to_owned()).collect();
    names.sort();
    Ok(names)
}

/// Members of a group.
pub(super) fn members(cluster: &Cluster, group: &str) -> Result<Vec<GroupMember>> {
    let members = native_groups::members(cluster.clients()?.uncommitted.client(), group, ANSWER.as_millis() as i32);
    members.map_err(|code| cluster.failed(&KafkaError::AdminOp(code), About::Group(group)))
}

/// Members and committed offsets of a group.
pub(super) fn describe(cluster: &Cluster, group: &str) -> Result<GroupDescription> {
    let (about, members) = (About::Group(group), members(cluster, group)?);
    let offsets = native_groups::offsets(cluster.clients()?.uncommitted.client(), group, ANSWER.as_millis() as i32);
    let offsets = offsets.map_err(|code| cluster.failed(&KafkaError::AdminOp(code), about))?;
    Ok(GroupDescription { group: group.to_owned(), generation: UNKNOWN_GENERATION, members, offsets })
}

/// Sets committed offsets of a group without members.
pub(super) fn alter_offsets(cluster: &Cluster, group: &str, offsets: &Offsets) -> Result<()> {
    let committed = speaker(cluster, group)?.commit(&list_of(offsets)?, CommitMode::Sync);
    committed.map_err(|error| match cluster.failed(&error, About::Group(group)) {
        error if error.kind() == ErrorKind::Fenced => in_use(group),
        error => error,
    })
}

/// Deletes a group without members.
pub(super) fn delete(cluster: &Cluster, group: &str) -> Result<()> {
    let about = About::Group(group);
    let options = AdminOptions::new().request_timeout(Some(ANSWER));
    let deleted = block_on(cluster.clients()?.admin.delete_groups(&[group], &options));
    let deleted = deleted.map_err(|error| cluster.failed(&error, about))?;
    match deleted.into_iter().next() {
        Some(Err((_, Code::NonEmptyGroup))) => Err(in_use(group)),
        Some(Err((_, code))) => Err(cluster.failed(&KafkaError::AdminOp(code), about)),
        Some(Ok(_)) | None => Ok(()),
    }
}

fn in_use(group: &str) -> Error {
    Error::new(ErrorKind::InUse, format!("group `{group}` has members")).with_hint("stop all its instances first")
}

/// A client that speaks for a group without being its member.
fn speaker(cluster: &Cluster, group: &str) -> Result<BaseConsumer<ConsumerContext>> {
    let config = ConsumerConfig {
        group: Some(group.to_owned()),
        isolation: Isolation::ReadUncommitted,
        ..ConsumerConfig::default()
    };
    let context = ConsumerContext::default();
    context.close();
    open(&cluster.settings().consumer(&config, GroupProtocol::Classic), context)
}

/// The committed offsets of a consumer's group; partitions without one are missing.
pub(super) fn committed(
    consumer: &BaseConsumer<ConsumerContext>,
    partitions: &[TopicPartition],
) -> Result<Result<Offsets>, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition(partition.topic.as_str(), partition.partition);
    }
    if partitions.is_empty() {
        return Ok(Ok(Offsets::new()));
    }
    let list = consumer.committed_offsets(list, ANSWER)?;
    Ok(check_each(&list).map(|()| offsets_of(&list)))
}

fn offsets_of(list: &TopicPartitionList) -> Offsets {
    let elements = list.elements();
    let known = elements.iter().filter_map(|element| match element.offset() {
        Offset::Offset(offset) => {
            let partition = TopicPartition::new(element.topic(), element.partition());
            Some((partition, OffsetAndMetadata { offset, metadata: element.metadata().to_owned() }))
        }
        _ => None,
    });
    known.collect()
}

/// Offsets with their text as librdkafka takes them.
pub(super) fn list_of(offsets: &Offsets) -> Result<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for (partition, committed) in offsets {
        add(&mut list, partition, Offset::Offset(committed.offset))?;
    }
    for (mut element, committed) in list.elements().into_iter().zip(offsets.values()) {
        if !committed.metadata.is_empty() {
            element.set_metadata(&committed.metadata);
        }
    }
    Ok(list)
}

/// What a commit outside of a transaction was answered.
pub(super) fn commit(consumer: &BaseConsumer<ConsumerContext>, group: &str, list: &TopicPartitionList) -> Result<()> {
    match consumer.commit(list, CommitMode::Sync) {
        Ok(()) => Ok(()),
        // There was nothing to commit.
        Err(error) if error.rdkafka_error_code() == Some(Code::NoOffset) => Ok(()),
        Err(error) => Err(errors::from_client(&error, About::Group(group), &consumer.context().trouble.text())),
    }
}
