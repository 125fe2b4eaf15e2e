//! Administration of a Kafka cluster: topics, offsets and records. Groups are in [`groups`](super::groups).
//!
//! librdkafka's questions about metadata and offsets wait, so all of them are asked by one [`Worker`].

use super::context::{AdminContext, ConsumerContext, Trouble};
use super::errors::{self, About};
use super::groups;
use super::insist::{Deletion, insist, is_passing};
use super::settings::{Settings, open};
use super::topics::Topics;
use super::worker::Worker;
use crate::error::{Error, ErrorKind, Result};
use crate::log::{
    Admin, Call, Created, GroupDescription, Isolation, NewTopic, OffsetAt, Offsets, TopicConfig, TopicInfo,
};
use crate::record::{Topic, TopicPartition};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic as NativeTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::metadata::Metadata;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// The longest that one question to the brokers takes.
pub(super) const ANSWER: Duration = Duration::from_secs(10);

/// The pause between two looks for a topic that was just created.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Topics that belong to the brokers.
const INTERNAL: &[&str] = &[
    "__consumer_offsets",
    "__transaction_state",
    "__share_group_state",
    "__cluster_metadata",
    "__remote_log_metadata",
];

/// What is asked of a cluster as a whole; one for each log.
pub(super) struct Cluster {
    settings: Settings,
    worker: Worker,
    topics: Topics,
    trouble: Arc<Trouble>,
    clients: OnceLock<Clients>,
}

/// Opened with the first question.
struct Clients {
    admin: AdminClient<AdminContext>,
    /// Asked for metadata, first offsets, high watermarks.
    uncommitted: BaseConsumer<ConsumerContext>,
    /// Asked for last stable offsets: librdkafka asks in a client's own isolation.
    committed: BaseConsumer<ConsumerContext>,
}

impl Cluster {
    pub(super) fn new(settings: Settings) -> Arc<Self> {
        Arc::new(Cluster {
            settings,
            worker: Worker::new("kafka-admin"),
            topics: Topics::default(),
            trouble: Arc::default(),
            clients: OnceLock::new(),
        })
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn topics(&self) -> &Topics {
        &self.topics
    }

    fn clients(&self) -> Result<&Clients> {
        if let Some(clients) = self.clients.get() {
            return Ok(clients);
        }
        let consumer = || ConsumerContext { trouble: self.trouble.clone(), ..ConsumerContext::default() };
        let clients = Clients {
            admin: open(&self.settings.admin(), AdminContext { trouble: self.trouble.clone() })?,
            uncommitted: open(&self.settings.reader(Isolation::ReadUncommitted), consumer())?,
            committed: open(&self.settings.reader(Isolation::ReadCommitted), consumer())?,
        };
        Ok(self.clients.get_or_init(|| clients))
    }

    /// Does something with the clients on the worker's thread. What brokers refuse for a moment only, as while a leader or a
    /// coordinator moves, is asked again: a question goes on from what it has done.
    pub(super) fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        mut question: impl FnMut(&Cluster) -> Result<T> + Send + 'static,
    ) -> Call<T> {
        let cluster = self.clone();
        self.worker.ask(move || {
            let answer = insist(ANSWER, || {
                let answer = question(&cluster);
                cluster.drain_logs();
                answer.map_err(|error| cluster.trouble.refusal().filter(|_| is_passing(&error)).unwrap_or(error))
            });
            if answer.is_ok() {
                cluster.trouble.clear();
            }
            answer
        })
    }

    /// Log lines of clients that are never polled would be kept for ever.
    fn drain_logs(&self) {
        const LINES_MAX: usize = 100;
        for client in self.clients.get().into_iter().flat_map(|clients| [&clients.uncommitted, &clients.committed]) {
            (0..LINES_MAX).for_each(|_| drop(client.poll(Duration::ZERO)));
        }
    }

    fn error(&self, failed: &KafkaError, about: About<'_>) -> Error {
        // What the client knows about its connections comes with its log.
        self.drain_logs();
        match errors::from_client(failed, about, &self.trouble.text()) {
            error if error.kind() == ErrorKind::Timeout => {
                let sentence = format!("no broker of `{}` answers", self.settings.bootstrap_servers);
                let detail = error.detail().unwrap_or_default().to_owned();
                Error::new(ErrorKind::Timeout, sentence).with_detail(detail).with_hint(unreachable_hint(&error))
            }
            error => error,
        }
    }

    /// The number of partitions of a topic.
    pub(super) fn partitions(self: &Arc<Self>, topic: &Topic) -> Call<i32> {
        let topic = topic.clone();
        self.ask(move |cluster| cluster.partitions_now(&topic))
    }

    fn partitions_now(&self, topic: &Topic) -> Result<i32> {
        let metadata = self.metadata(Some(topic))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic.as_str());
        let found = found.ok_or_else(|| errors::no_topic(topic))?;
        match found.error().map(Code::from) {
            None if !found.partitions().is_empty() => {
                let partitions = found.partitions().len() as i32;
                self.topics.learn(topic, partitions);
                Ok(partitions)
            }
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) | None => {
                self.topics.forget(topic);
                Err(errors::no_topic(topic))
            }
            Some(code) => Err(errors::error(code, About::Topic(topic.as_str()), "")),
        }
    }

    fn metadata(&self, topic: Option<&Topic>) -> Result<Metadata> {
        let fetched = self.clients()?.uncommitted.fetch_metadata(topic.map(Topic::as_str), ANSWER);
        fetched.map_err(|error| self.error(&error, About::Brokers))
    }

    /// All topics that do not belong to the brokers, by name.
    pub(super) fn list(&self) -> Result<Vec<TopicInfo>> {
        let metadata = self.metadata(None)?;
        let listed =
            metadata.topics().iter().filter(|topic| topic.error().is_none() && !INTERNAL.contains(&topic.name()));
        let mut topics: Vec<TopicInfo> = listed
            .map(|topic| TopicInfo { topic: topic.name().into(), partitions: topic.partitions().len() as i32 })
            .filter(|info| info.partitions > 0)
            .collect();
        topics.sort_by(|one, other| one.topic.cmp(&other.topic));
        topics.iter().for_each(|info| self.topics.learn(&info.topic, info.partitions));
        Ok(topics)
    }

    fn create(&self, topics: &[NewTopic]) -> Result<Vec<Created>> {
        topics.iter().map(|topic| self.create_one(topic)).collect()
    }

    fn create_one(&self, topic: &NewTopic) -> Result<Created> {
        check_name(&topic.topic)?;
        let (name, about) = (topic.topic.as_str(), About::Topic(topic.topic.as_str()));
        let replication = TopicReplication::Fixed(i32::from(topic.replication.unwrap_or(-1)));
        let entries = topic.config.entries();
        let new = NativeTopic::new(name, topic.partitions, replication);
        let new = entries.iter().fold(new, |new, (key, value)| new.set(key, value));
        // The broker's answer waits until its metadata shows the topic.
        let options = AdminOptions::new().operation_timeout(Some(ANSWER)).request_timeout(Some(ANSWER));
        let created = block_on(self.clients()?.admin.create_topics([&new], &options));
        let created = created.map_err(|error| self.error(&error, about))?;
        match created.into_iter().next() {
            Some(Err((_, Code::TopicAlreadyExists))) => {
                Ok(Created::Existed { partitions: self.partitions_now(&topic.topic)? })
            }
            Some(Err((_, code))) => Err(self.error(&KafkaError::AdminOp(code), about)),
            Some(Ok(_)) | None => self.await_topic(&topic.topic).map(|()| Created::New),
        }
    }

    /// Waits until a broker's metadata shows a topic that was created: they hear of it a little later.
    fn await_topic(&self, topic: &Topic) -> Result<()> {
        let begun = Instant::now();
        loop {
            match self.partitions_now(topic) {
                Err(error) if error.kind() == ErrorKind::NotFound && begun.elapsed() < ANSWER => {
                    std::thread::sleep(LOOK_AGAIN);
                }
                answer => return answer.map(|_| ()),
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
        let described = described.map_err(|error| self.error(&error, about))?;
        let resource = described.into_iter().next().ok_or_else(|| errors::no_topic(topic))?;
        let resource = resource.map_err(|code| self.error(&KafkaError::AdminOp(code), about))?;
        let entries = resource.entries.iter().filter_map(|entry| Some((entry.name.as_str(), entry.value.as_deref()?)));
        TopicConfig::from_entries(entries)
    }

    fn delete(&self, topic: &Topic) -> Result<()> {
        let options = AdminOptions::new().operation_timeout(Some(ANSWER)).request_timeout(Some(ANSWER));
        let about = About::Topic(topic.as_str());
        let deleted = block_on(self.clients()?.admin.delete_topics(&[topic.as_str()], &options));
        self.topics.forget(topic);
        let deleted = deleted.map_err(|error| self.error(&error, about))?;
        match deleted.into_iter().next() {
            Some(Err((_, code))) => Err(self.error(&KafkaError::AdminOp(code), about)),
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
        let deleted = deleted.map_err(|error| self.error(&error, About::Brokers))?;
        check_each(&deleted)
    }

    /// Fails with `NotFound` if the partition does not exist.
    pub(super) fn require(&self, partition: &TopicPartition) -> Result<()> {
        let is_there = |partitions: i32| (0..partitions).contains(&partition.partition);
        if self.topics.known(&partition.topic).is_some_and(is_there) || is_there(self.partitions_now(&partition.topic)?)
        {
            return Ok(());
        }
        Err(errors::no_partition(partition))
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
        let found = client.offsets_for_times(list, ANSWER).map_err(|error| self.error(&error, About::Brokers))?;
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

    pub(super) fn admin(&self) -> Result<&AdminClient<AdminContext>> {
        Ok(&self.clients()?.admin)
    }

    pub(super) fn reader(&self) -> Result<&BaseConsumer<ConsumerContext>> {
        Ok(&self.clients()?.uncommitted)
    }

    pub(super) fn failed(&self, error: &KafkaError, about: About<'_>) -> Error {
        self.error(error, about)
    }
}

fn unreachable_hint(error: &Error) -> String {
    let detail = error.detail().unwrap_or_default();
    match detail {
        _ if detail.contains("security.protocol") || detail.contains("APIVERSION") => {
            String::from("set `security.protocol` to what the brokers' listener speaks, or use another port")
        }
        _ => error.hint().unwrap_or("check that the brokers run and that the address is right").to_owned(),
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

/// Waits for an answer that librdkafka's own thread gives.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => std::thread::park(),
        }
    }
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
