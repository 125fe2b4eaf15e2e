//! The clients that ask a cluster as a whole, and what they have to say about its topics.
//!
//! librdkafka's questions about metadata and offsets wait, so all of them are asked by one [`Worker`].

use super::context::{AdminContext, ConsumerContext, Trouble};
use super::errors::{self, About};
use super::insist::{insist, is_passing};
use super::settings::{Settings, open};
use super::topics::Topics;
use super::worker::Worker;
use crate::error::{Error, ErrorKind, Result};
use crate::log::{Call, Isolation, TopicInfo};
use crate::record::{Topic, TopicPartition};
use rdkafka::admin::AdminClient;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::metadata::Metadata;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The longest that one question to the brokers takes; one that is asked again may take twice as long.
pub(super) const ANSWER: Duration = Duration::from_secs(10);

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
pub(super) struct Clients {
    pub(super) admin: AdminClient<AdminContext>,
    /// Asked for metadata, first offsets, high watermarks.
    pub(super) uncommitted: BaseConsumer<ConsumerContext>,
    /// Asked for last stable offsets: librdkafka asks in a client's own isolation.
    pub(super) committed: BaseConsumer<ConsumerContext>,
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

    pub(super) fn clients(&self) -> Result<&Clients> {
        if let Some(clients) = self.clients.get() {
            return Ok(clients);
        }
        let consumer = || ConsumerContext { trouble: self.trouble.clone(), ..ConsumerContext::default() };
        let clients = Clients {
            admin: open(
                &self.settings.admin(),
                AdminContext { trouble: self.trouble.clone(), ..AdminContext::default() },
            )?,
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

    /// Log lines of clients that are polled for nothing else would be kept until the next question, with what they say of trouble.
    fn drain_logs(&self) {
        const LINES_MAX: usize = 10_000;
        for client in self.clients.get().into_iter().flat_map(|clients| [&clients.uncommitted, &clients.committed]) {
            for _ in 0..LINES_MAX {
                let told = client.context().lines.told();
                let is_quiet = client.poll(Duration::ZERO).is_none();
                if is_quiet && client.context().lines.told() == told {
                    break;
                }
            }
        }
    }

    /// What brokers answer, or that none does.
    pub(super) fn failed(&self, failed: &KafkaError, about: About<'_>) -> Error {
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

    pub(super) fn partitions_now(&self, topic: &Topic) -> Result<i32> {
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
        fetched.map_err(|error| self.failed(&error, About::Brokers))
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

    /// Fails with `NotFound` if the partition does not exist.
    pub(super) fn require(&self, partition: &TopicPartition) -> Result<()> {
        let is_there = |partitions: i32| (0..partitions).contains(&partition.partition);
        if self.topics.known(&partition.topic).is_some_and(is_there) || is_there(self.partitions_now(&partition.topic)?)
        {
            return Ok(());
        }
        Err(errors::no_partition(partition))
    }
}

fn unreachable_hint(error: &Error) -> String {
    let detail = error.detail().unwrap_or_default();
    let another_protocol = ["security.protocol", "APIVERSION", "SSL handshake failed", "SSL_HANDSHAKE"];
    match another_protocol.iter().any(|sign| detail.contains(sign)) {
        true => String::from("set `security.protocol` to what the brokers' listener speaks, or use another port"),
        false => error.hint().unwrap_or("check that the brokers run and that the address is right").to_owned(),
    }
}
