//! Administration of a Kafka cluster: topics, offsets and records. Groups are in [`groups`](super::groups), the clients that ask
//! in [`cluster`](super::cluster).

use super::cluster::{ANSWER, Cluster};
use super::errors::{self, About};
use super::groups;
use super::insist::Deletion;
use super::worker::block_on;
use crate::error::{Error, ErrorKind, Result};
use crate::log::{Admin, Call, Created, GroupDescription, NewTopic, OffsetAt, Offsets, TopicConfig, TopicInfo};
use crate::record::{Topic, TopicPartition};
use rdkafka::admin::{AdminOptions, NewTopic as NativeTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The pause between two looks for a topic that was just created.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

impl Cluster {
    fn create(&self, topics: &[NewTopic]) -> Result<Vec<Created>> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        topics.iter().try_for_each(|topic| check_name(&topic.topic))?;
        let entries: Vec<_> = topics.iter().map(|topic| topic.config.entries()).collect();
        // Brokers refuse a topic that is named twice: the second time it exists.
        let is_first = |place: usize| topics[..place].iter().all(|before| before.topic != topics[place].topic);
        let first = topics.iter().zip(&entries).enumerate().filter(|(place, _)| is_first(*place));
        let natives = first.map(|(_, (topic, entries))| {
            let replication = TopicReplication::Fixed(i32::from(topic.replication.unwrap_or(-1)));
            let native = NativeTopic::new(topic.topic.as_str(), topic.partitions, replication);
            entries.iter().fold(native, |native, (key, value)| native.set(key, value))
        });
        let natives: Vec<NativeTopic<'_>> = natives.collect();
        // The broker's answer waits until its metadata shows the topics.
        let options = AdminOptions::new().operation_timeout(Some(ANSWER)).request_timeout(Some(ANSWER));
        let answers = block_on(self.clients()?.admin.create_topics(&natives, &options));
        let answers = answers.map_err(|error| self.failed(&error, About::Topic(topics[0].topic.as_str())))?;
        let refusals = answers.into_iter().filter_map(std::result::Result::err).collect::<BTreeMap<String, Code>>();
        let created = |(place, NewTopic { topic, .. }): (usize, &NewTopic)| match refusals.get(topic.as_str()) {
            Some(Code::TopicAlreadyExists) => Ok(Created::Existed { partitions: self.await_topic(topic)? }),
            Some(code) => Err(self.failed(&KafkaError::AdminOp(*code), About::Topic(topic.as_str()))),
            None => self.await_topic(topic).map(|partitions| match is_first(place) {
                true => Created::New,
                false => Created::Existed { partitions },
            }),
        };
        topics.iter().enumerate().map(created).collect()
    }

    /// Waits until a broker's metadata shows the partitions of a topic that was just created, by whomever: they hear of it a
    /// little later.
    fn await_topic(&self, topic: &Topic) -> Result<i32> {
        let begun = Instant::now();
        loop {
            match self.partitions_now(topic) {
                Err(error) if error.kind() == ErrorKind::NotFound && begun.elapsed() < ANSWER => {
                    std::thread::sleep(LOOK_AGAIN);
                }
                answer => return answer,
            }
        }
    }

    fn describe(&self, topic: &Topic) -> Result<TopicConfig> {
        // Brokers describe a topic that does not exist as one without settings.
        self.partitions_now(topic)?;
        let about = About::Topic(topic.as_str());
        let resource = ResourceSpecifier::Topic(topic.as_str());
        let options = AdminOptions::new().request_timeout(Some(ANSWER));
        let described = block_on(self.clients()?.admin.describe_configs([&resource], &options));
        let described = described.map_err(|error| self.failed(&error, about))?;
        let resource = described.into_iter().next().ok_or_else(|| errors::no_topic(topic))?;
        let resource = resource.map_err(|code| self.failed(&KafkaError::AdminOp(code), about))?;
        let entries = resource.entries.iter().filter_map(|entry| Some((entry.name.as_str(), entry.value.as_deref()?)));
        TopicConfig::from_entries(entries)
    }

    fn delete(&self, topic: &Topic) -> Result<()> {
        let options = AdminOptions::new().operation_timeout(Some(ANSWER)).request_timeout(Some(ANSWER));
        let about = About::Topic(topic.as_str());
        let deleted = block_on(self.clients()?.admin.delete_topics(&[topic.as_str()], &options));
        self.topics().forget(topic);
        let deleted = deleted.map_err(|error| self.failed(&error, about))?;
        match deleted.into_iter().next() {
            Some(Err((_, code))) => Err(self.failed(&KafkaError::AdminOp(code), about)),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    fn delete_records(&self, before: &BTreeMap<TopicPartition, i64>) -> Result<()> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in before {
            self.require(partition)?;
            add(&mut list, partition, Offset::Offset(*offset))?;
        }
        let options = AdminOptions::new().operation_timeout(Some(ANSWER)).request_timeout(Some(ANSWER));
        let deleted = block_on(self.clients()?.admin.delete_records(&list, &options));
        let deleted = deleted.map_err(|error| self.failed(&error, About::Brokers))?;
        check_each(&deleted)
    }

    /// Offsets of partitions, asked of all leaders at once.
    pub(super) fn offsets_now(
        &self,
        partitions: &[TopicPartition],
        at: OffsetAt,
    ) -> Result<BTreeMap<TopicPartition, i64>> {
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            self.require(partition)?;
            let wanted = match at {
                OffsetAt::Beginning => Offset::Beginning,
                OffsetAt::End | OffsetAt::LastStable => Offset::End,
                OffsetAt::Timestamp(timestamp) => Offset::Offset(timestamp),
            };
            add(&mut list, partition, wanted)?;
        }
        let clients = self.clients()?;
        let client = if at == OffsetAt::LastStable { &clients.committed } else { &clients.uncommitted };
        if partitions.is_empty() {
            return Ok(BTreeMap::new());
        }
        let found = client.offsets_for_times(list, ANSWER).map_err(|error| self.failed(&error, About::Brokers))?;
        check_each(&found)?;
        let mut offsets = BTreeMap::new();
        let mut behind = Vec::new();
        for element in found.elements() {
            let partition = TopicPartition::new(element.topic(), element.partition());
            match element.offset() {
                Offset::Offset(offset) => drop(offsets.insert(partition, offset)),
                // Nothing is that young.
                _ => behind.push(partition),
            }
        }
        if !behind.is_empty() && at != OffsetAt::End {
            offsets.extend(self.offsets_now(&behind, OffsetAt::End)?);
        }
        Ok(offsets)
    }
}

fn check_name(topic: &Topic) -> Result<()> {
    let name = topic.as_str();
    let is_legal = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    if !name.is_empty() && name.len() <= 249 && name != "." && name != ".." && name.chars().all(is_legal) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Config, format!("`{name}` cannot be the name of a topic"))
        .with_hint("a name has up to 249 letters, digits, `.`, `_` and `-`"))
}

/// Adds a partition with an offset to a list.
pub(super) fn add(list: &mut TopicPartitionList, partition: &TopicPartition, offset: Offset) -> Result<()> {
    list.add_partition_offset(partition.topic.as_str(), partition.partition, offset)
        .map_err(|error| Error::new(ErrorKind::OutOfRange, format!("{offset:?} is no offset")).with_source(error))
}

/// The first error in a list.
pub(super) fn check_each(list: &TopicPartitionList) -> Result<()> {
    for element in list.elements() {
        if let Err(error) = element.error() {
            let name = format!("{}-{}", element.topic(), element.partition());
            return Err(errors::from_client(&error, About::Topic(&name), ""));
        }
    }
    Ok(())
}

/// Administers a Kafka cluster.
pub(super) struct KafkaAdmin(pub(super) Arc<Cluster>);

impl Admin for KafkaAdmin {
    fn topics(&self) -> Call<Vec<TopicInfo>> {
        self.0.ask(Cluster::list)
    }

    fn create_topics(&self, topics: &[NewTopic]) -> Call<Vec<Created>> {
        let topics = topics.to_vec();
        self.0.ask(move |cluster| cluster.create(&topics))
    }

    fn describe_topic(&self, topic: &Topic) -> Call<TopicConfig> {
        let topic = topic.clone();
        self.0.ask(move |cluster| cluster.describe(&topic))
    }

    fn delete_topics(&self, topics: &[Topic]) -> Call<()> {
        let mut deletions: VecDeque<Deletion<Topic>> = topics.iter().cloned().map(Deletion::of).collect();
        self.0.ask(move |cluster| {
            while let Some(next) = deletions.front_mut() {
                next.attempt(|topic| cluster.delete(topic))?;
                deletions.pop_front();
            }
            Ok(())
        })
    }

    fn delete_records(&self, before: &BTreeMap<TopicPartition, i64>) -> Call<()> {
        let before = before.clone();
        self.0.ask(move |cluster| cluster.delete_records(&before))
    }

    fn offsets(&self, partitions: &[TopicPartition], at: OffsetAt) -> Call<BTreeMap<TopicPartition, i64>> {
        let partitions = partitions.to_vec();
        self.0.ask(move |cluster| cluster.offsets_now(&partitions, at))
    }

    fn groups(&self) -> Call<Vec<String>> {
        self.0.ask(groups::list)
    }

    fn describe_group(&self, group: &str) -> Call<GroupDescription> {
        let group = group.to_owned();
        self.0.ask(move |cluster| groups::describe(cluster, &group))
    }

    fn alter_offsets(&self, group: &str, offsets: &Offsets) -> Call<()> {
        let (group, offsets) = (group.to_owned(), offsets.clone());
        self.0.ask(move |cluster| groups::alter_offsets(cluster, &group, &offsets))
    }

    fn delete_group(&self, group: &str) -> Call<()> {
        let mut deletion = Deletion::of(group.to_owned());
        self.0.ask(move |cluster| deletion.attempt(|group| groups::delete(cluster, group)))
    }
}
