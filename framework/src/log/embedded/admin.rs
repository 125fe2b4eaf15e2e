//! Administration of the embedded log.

use super::chunk::ChunkReader;
use super::core::Core;
use super::errors;
use super::faults::Operation;
use super::mail::Postbox;
use super::state::State;
use crate::error::Result;
use crate::log::{
    Admin, Call, Created, GroupDescription, GroupMember, Isolation, NewTopic, OffsetAt, Offsets, TopicConfig, TopicInfo,
};
use crate::record::{Topic, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Poll, ready};

/// So much is read at a time in search of a timestamp.
const SEARCH_BYTES: usize = 1024 * 1024;

/// Administers the embedded log.
pub(super) struct EmbeddedAdmin {
    core: Arc<Core>,
}

impl EmbeddedAdmin {
    /// An administrator of that log.
    pub(super) fn new(core: Arc<Core>) -> Self {
        EmbeddedAdmin { core }
    }

    /// A call that is answered from the state, and changes it only through `answer`.
    fn call<T: Send + 'static>(
        &self,
        name: &'static str,
        answer: impl Fn(&mut State) -> Result<T> + Send + Sync + 'static,
    ) -> Call<T> {
        let (core, answer, mut postbox) = (self.core.clone(), Arc::new(answer), Postbox::default());
        Call::new(move |now_ms| {
            let (operation, answer) = (Operation::Admin { call: name }, answer.clone());
            let act = move |state: &mut State| Poll::Ready(answer(state));
            let (answered, told) = ready!(core.request(&mut postbox, &operation, now_ms, act))?;
            core.ring();
            Poll::Ready(told.map(|()| answered))
        })
    }
}

impl Admin for EmbeddedAdmin {
    fn topics(&self) -> Call<Vec<TopicInfo>> {
        self.call("topics", |state| {
            let counts = state.partition_counts();
            Ok(counts.into_iter().map(|(topic, partitions)| TopicInfo { topic, partitions }).collect())
        })
    }

    fn create_topics(&self, topics: &[NewTopic]) -> Call<Vec<Created>> {
        let topics = topics.to_vec();
        self.call("create_topics", move |state| topics.iter().map(|topic| state.create_topic(topic)).collect())
    }

    fn describe_topic(&self, topic: &Topic) -> Call<TopicConfig> {
        let topic = topic.clone();
        self.call("describe_topic", move |state| Ok(state.topic(&topic)?.config.clone()))
    }

    fn delete_topics(&self, topics: &[Topic]) -> Call<()> {
        let topics = topics.to_vec();
        self.call("delete_topics", move |state| topics.iter().try_for_each(|topic| state.delete_topic(topic)))
    }

    fn delete_records(&self, before: &BTreeMap<TopicPartition, i64>) -> Call<()> {
        let before = before.clone();
        self.call("delete_records", move |state| {
            before.iter().try_for_each(|(partition, offset)| delete_before(state, partition, *offset))
        })
    }

    fn offsets(&self, partitions: &[TopicPartition], at: OffsetAt) -> Call<BTreeMap<TopicPartition, i64>> {
        let (core, partitions) = (self.core.clone(), partitions.to_vec());
        let mut known = self.call("offsets", move |state| {
            let offset = |partition: &TopicPartition| Ok((partition.clone(), state.offset(partition, at)?));
            partitions.iter().map(offset).collect::<Result<BTreeMap<_, _>>>()
        });
        Call::new(move |now_ms| {
            let Poll::Ready(offsets) = known.poll(now_ms)? else { return Poll::Pending };
            let searched = |(partition, offset): (TopicPartition, Option<i64>)| {
                let offset = offset.map_or_else(|| search(&core, &partition, at), Ok)?;
                Ok((partition, offset))
            };
            Poll::Ready(offsets.into_iter().map(searched).collect())
        })
    }

    fn groups(&self) -> Call<Vec<String>> {
        self.call("groups", |state| Ok(state.groups.keys().cloned().collect()))
    }

    fn describe_group(&self, group: &str) -> Call<GroupDescription> {
        let name = group.to_owned();
        self.call("describe_group", move |state| describe(state, &name))
    }

    fn alter_offsets(&self, group: &str, offsets: &Offsets) -> Call<()> {
        let (name, offsets) = (group.to_owned(), offsets.clone());
        self.call("alter_offsets", move |state| {
            if state.groups.get(&name).is_some_and(|group| !group.members.is_empty()) {
                return Err(errors::group_in_use(&name));
            }
            state.set_offsets(&name, &offsets);
            Ok(())
        })
    }

    fn delete_group(&self, group: &str) -> Call<()> {
        let name = group.to_owned();
        self.call("delete_group", move |state| state.delete_group(&name))
    }
}

fn describe(state: &State, name: &str) -> Result<GroupDescription> {
    let group = state.group(name)?;
    let members = group.members.iter().map(|(id, member)| GroupMember {
        member: id.clone(),
        client_id: member.introduction.client_id.clone(),
        partitions: member.owned.iter().cloned().collect(),
    });
    Ok(GroupDescription {
        group: name.to_owned(),
        generation: group.generation,
        members: members.collect(),
        offsets: group.offsets.clone(),
    })
}

fn delete_before(state: &mut State, partition: &TopicPartition, offset: i64) -> Result<()> {
    let log = state.partition(partition)?;
    if !(0..=log.end()).contains(&offset) {
        return Err(errors::out_of_range(partition, Some(offset), log.start(), log.end()));
    }
    if offset > log.start() { state.advance_start(partition, offset) } else { Ok(()) }
}

/// The first offset with a timestamp that is not before the one asked for.
fn search(core: &Core, partition: &TopicPartition, at: OffsetAt) -> Result<i64> {
    let OffsetAt::Timestamp(timestamp) = at else {
        return Err(errors::misuse("only timestamps are searched for"));
    };
    let (mut from, end, topic) = {
        let state = core.lock()?;
        let log = state.partition(partition)?;
        (log.search_from(timestamp), log.end(), state.topic(&partition.topic)?.id)
    };
    while from < end {
        let slice =
            core.lock()?.partition(partition)?.read(from, SEARCH_BYTES, Isolation::ReadUncommitted, core.in_memory());
        let slice = super::queue::from_disk(core, (topic, partition.partition), from, SEARCH_BYTES, slice)?;
        for chunk in slice.chunks.into_iter().filter(|chunk| chunk.max_timestamp >= timestamp) {
            let mut reader = ChunkReader::new(chunk);
            while let Some(message) = reader.advance()? {
                if message.timestamp >= timestamp && message.offset >= from {
                    return Ok(message.offset);
                }
            }
        }
        from = slice.next;
    }
    Ok(end)
}
