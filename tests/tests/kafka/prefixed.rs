//! A log on which every name begins with a prefix, which the test does not see: tests with the same names share a broker.

use kstreams::error::Result;
use kstreams::log::*;
use kstreams::record::{Clock, Outgoing, Topic, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

static PREFIXES: AtomicU32 = AtomicU32::new(0);

/// A log that adds a prefix to names on their way out, and takes it away on their way in.
pub struct Prefixed {
    log: Arc<dyn Log>,
    prefix: Prefix,
}

#[derive(Clone)]
struct Prefix(String);

impl Prefixed {
    /// The log with a prefix that nobody else has.
    pub fn new(log: Arc<dyn Log>) -> Arc<Self> {
        let number = PREFIXES.fetch_add(1, Ordering::Relaxed);
        let prefix = Prefix(format!("t{}-{}-{number}.", std::process::id(), log.clock().now_ms()));
        Arc::new(Prefixed { log, prefix })
    }
}

impl Prefix {
    /// Names that are none stay what they are.
    fn name(&self, name: &str) -> String {
        if name.is_empty() || name == ".." { name.to_owned() } else { format!("{}{name}", self.0) }
    }

    fn topic(&self, topic: &Topic) -> Topic {
        Topic::from(self.name(topic.as_str()))
    }

    fn partition(&self, partition: &TopicPartition) -> TopicPartition {
        TopicPartition { topic: self.topic(&partition.topic), partition: partition.partition }
    }

    fn partitions(&self, partitions: &[TopicPartition]) -> Vec<TopicPartition> {
        partitions.iter().map(|partition| self.partition(partition)).collect()
    }

    fn by_partition<T: Clone>(&self, map: &BTreeMap<TopicPartition, T>) -> BTreeMap<TopicPartition, T> {
        map.iter().map(|(partition, value)| (self.partition(partition), value.clone())).collect()
    }

    fn bare<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(&self.0)
    }

    fn bare_partition(&self, partition: TopicPartition) -> TopicPartition {
        match self.bare(partition.topic.as_str()) {
            Some(topic) => TopicPartition::new(topic, partition.partition),
            None => partition,
        }
    }

    fn bare_partitions(&self, partitions: Vec<TopicPartition>) -> Vec<TopicPartition> {
        partitions.into_iter().map(|partition| self.bare_partition(partition)).collect()
    }

    fn bare_map<T>(&self, map: BTreeMap<TopicPartition, T>) -> BTreeMap<TopicPartition, T> {
        map.into_iter().map(|(partition, value)| (self.bare_partition(partition), value)).collect()
    }

    fn group(&self, metadata: &GroupMetadata) -> GroupMetadata {
        let mut prefixed = metadata.clone();
        prefixed.group = self.name(&metadata.group);
        prefixed
    }
}

fn map<T: 'static, U: 'static>(mut call: Call<T>, change: impl Fn(T) -> U + Send + 'static) -> Call<U> {
    Call::new(move |now_ms| call.poll(now_ms).map(|answer| answer.map(&change)))
}

impl Log for Prefixed {
    fn consumer(&self, config: &ConsumerConfig) -> Result<Box<dyn Consumer>> {
        let group = config.group.as_deref().map(|group| self.prefix.name(group));
        let inner = self.log.consumer(&ConsumerConfig { group, ..config.clone() })?;
        Ok(Box::new(PrefixedConsumer { inner, prefix: self.prefix.clone() }))
    }

    fn producer(&self, config: &ProducerConfig) -> Result<Box<dyn Producer>> {
        let transactional_id = config.transactional_id.as_deref().map(|id| self.prefix.name(id));
        let inner = self.log.producer(&ProducerConfig { transactional_id, ..config.clone() })?;
        Ok(Box::new(PrefixedProducer { inner, prefix: self.prefix.clone() }))
    }

    fn admin(&self) -> Result<Arc<dyn Admin>> {
        Ok(Arc::new(PrefixedAdmin { inner: self.log.admin()?, prefix: self.prefix.clone() }))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.log.clock()
    }
}

struct PrefixedConsumer {
    inner: Box<dyn Consumer>,
    prefix: Prefix,
}

impl Consumer for PrefixedConsumer {
    fn subscribe(&mut self, topics: &[Topic]) -> Result<()> {
        let topics: Vec<Topic> = topics.iter().map(|topic| self.prefix.topic(topic)).collect();
        self.inner.subscribe(&topics)
    }

    fn poll_event(&mut self, now_ms: i64) -> Result<Option<GroupEvent>> {
        let prefix = &self.prefix;
        Ok(self.inner.poll_event(now_ms)?.map(|event| match event {
            GroupEvent::Assigned(partitions) => GroupEvent::Assigned(prefix.bare_partitions(partitions)),
            GroupEvent::Revoked(partitions) => GroupEvent::Revoked(prefix.bare_partitions(partitions)),
            GroupEvent::Lost(partitions) => GroupEvent::Lost(prefix.bare_partitions(partitions)),
        }))
    }

    fn poll_leave(&mut self, now_ms: i64) -> Poll<Result<()>> {
        self.inner.poll_leave(now_ms)
    }

    fn group_metadata(&self) -> Option<GroupMetadata> {
        let mut metadata = self.inner.group_metadata()?;
        metadata.group = self.prefix.bare(&metadata.group)?.to_owned();
        Some(metadata)
    }

    fn assign(&mut self, partitions: &[(TopicPartition, Start)]) -> Result<()> {
        let prefixed: Vec<_> =
            partitions.iter().map(|(partition, start)| (self.prefix.partition(partition), *start)).collect();
        self.inner.assign(&prefixed)
    }

    fn unassign(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        self.inner.unassign(&self.prefix.partitions(partitions))
    }

    fn assignment(&self) -> Vec<TopicPartition> {
        self.prefix.bare_partitions(self.inner.assignment())
    }

    fn fetch(
        &mut self,
        partition: &TopicPartition,
        budget: Budget,
        now_ms: i64,
        visit: &mut Visit<'_>,
    ) -> Result<Fetched> {
        self.inner.fetch(&self.prefix.partition(partition), budget, now_ms, visit)
    }

    fn position(&self, partition: &TopicPartition) -> Option<i64> {
        self.inner.position(&self.prefix.partition(partition))
    }

    fn lag(&self, partition: &TopicPartition) -> Option<i64> {
        self.inner.lag(&self.prefix.partition(partition))
    }

    fn commit(&mut self, offsets: &Offsets) -> Call<()> {
        self.inner.commit(&self.prefix.by_partition(offsets))
    }

    fn committed(&self, partitions: &[TopicPartition]) -> Call<Offsets> {
        let prefix = self.prefix.clone();
        map(self.inner.committed(&self.prefix.partitions(partitions)), move |offsets| prefix.bare_map(offsets))
    }

    fn wait(&mut self, timeout: Duration) {
        self.inner.wait(timeout);
    }
}

struct PrefixedProducer {
    inner: Box<dyn Producer>,
    prefix: Prefix,
}

impl Producer for PrefixedProducer {
    fn poll_init(&mut self, now_ms: i64) -> Poll<Result<()>> {
        self.inner.poll_init(now_ms)
    }

    fn begin(&mut self) -> Result<()> {
        self.inner.begin()
    }

    fn in_transaction(&self) -> bool {
        self.inner.in_transaction()
    }

    fn send(&mut self, message: &Outgoing<'_>, token: u64, now_ms: i64) -> Result<Sent> {
        let topic = self.prefix.topic(message.topic);
        self.inner.send(&Outgoing { topic: &topic, ..message.clone() }, token, now_ms)
    }

    fn poll_partitions(&mut self, topic: &Topic, now_ms: i64) -> Poll<Result<i32>> {
        self.inner.poll_partitions(&self.prefix.topic(topic), now_ms)
    }

    fn deliveries(&mut self, now_ms: i64, each: &mut dyn FnMut(Delivery)) -> Result<usize> {
        self.inner.deliveries(now_ms, each)
    }

    fn poll_flush(&mut self, now_ms: i64) -> Poll<Result<()>> {
        self.inner.poll_flush(now_ms)
    }

    fn poll_send_offsets(&mut self, offsets: &Offsets, group: &GroupMetadata, now_ms: i64) -> Poll<Result<()>> {
        self.inner.poll_send_offsets(&self.prefix.by_partition(offsets), &self.prefix.group(group), now_ms)
    }

    fn poll_commit(&mut self, now_ms: i64) -> Poll<Result<()>> {
        self.inner.poll_commit(now_ms)
    }

    fn poll_abort(&mut self, now_ms: i64) -> Poll<Result<()>> {
        self.inner.poll_abort(now_ms)
    }
}

struct PrefixedAdmin {
    inner: Arc<dyn Admin>,
    prefix: Prefix,
}

impl Admin for PrefixedAdmin {
    fn topics(&self) -> Call<Vec<TopicInfo>> {
        let prefix = self.prefix.clone();
        let bare = move |info: TopicInfo| {
            prefix.bare(info.topic.as_str()).map(|name| TopicInfo { topic: name.into(), ..info })
        };
        map(self.inner.topics(), move |topics| topics.into_iter().filter_map(&bare).collect())
    }

    fn create_topics(&self, topics: &[NewTopic]) -> Call<Vec<Created>> {
        let prefixed = |topic: &NewTopic| NewTopic { topic: self.prefix.topic(&topic.topic), ..topic.clone() };
        self.inner.create_topics(&topics.iter().map(prefixed).collect::<Vec<_>>())
    }

    fn describe_topic(&self, topic: &Topic) -> Call<TopicConfig> {
        self.inner.describe_topic(&self.prefix.topic(topic))
    }

    fn delete_topics(&self, topics: &[Topic]) -> Call<()> {
        self.inner.delete_topics(&topics.iter().map(|topic| self.prefix.topic(topic)).collect::<Vec<_>>())
    }

    fn delete_records(&self, before: &BTreeMap<TopicPartition, i64>) -> Call<()> {
        self.inner.delete_records(&self.prefix.by_partition(before))
    }

    fn offsets(&self, partitions: &[TopicPartition], at: OffsetAt) -> Call<BTreeMap<TopicPartition, i64>> {
        let prefix = self.prefix.clone();
        map(self.inner.offsets(&self.prefix.partitions(partitions), at), move |offsets| prefix.bare_map(offsets))
    }

    fn groups(&self) -> Call<Vec<String>> {
        let prefix = self.prefix.clone();
        map(self.inner.groups(), move |groups| {
            groups.iter().filter_map(|group| prefix.bare(group).map(str::to_owned)).collect()
        })
    }

    fn describe_group(&self, group: &str) -> Call<GroupDescription> {
        let prefix = self.prefix.clone();
        map(self.inner.describe_group(&self.prefix.name(group)), move |described| GroupDescription {
            group: prefix.bare(&described.group).unwrap_or_default().to_owned(),
            members: described
                .members
                .into_iter()
                .map(|member| GroupMember { partitions: prefix.bare_partitions(member.partitions), ..member })
                .collect(),
            offsets: prefix.bare_map(described.offsets),
            ..described
        })
    }

    fn alter_offsets(&self, group: &str, offsets: &Offsets) -> Call<()> {
        self.inner.alter_offsets(&self.prefix.name(group), &self.prefix.by_partition(offsets))
    }

    fn delete_group(&self, group: &str) -> Call<()> {
        self.inner.delete_group(&self.prefix.name(group))
    }
}
