//! The settings of librdkafka's clients: what the runtime decides, with its reasons, and what users set, under Kafka's names or
//! librdkafka's.

use super::errors::{self, About};
use crate::config::ClientKeys;
use crate::error::Result;
use crate::log::{ConsumerConfig, ConsumerRole, Isolation, OffsetReset, ProducerConfig};
use rdkafka::ClientConfig;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use std::collections::BTreeMap;

/// A setting of librdkafka, its value here, and why.
pub(super) type Setting = (&'static str, &'static str, &'static str);

/// For every client. Users may set them otherwise.
pub(super) const COMMON: &[Setting] = &[
    ("socket.keepalive.enable", "true", "a connection that a firewall has forgotten is noticed"),
    ("reconnect.backoff.max.ms", "1000", "a broker that is back is found within a second, not within ten"),
];

/// For consumers. Users may set them otherwise.
pub(super) const CONSUMER: &[Setting] = &[
    ("fetch.wait.max.ms", "100", "a partition that comes or is moved waits for the fetch under way, so that is short"),
    ("fetch.error.backoff.ms", "100", "a leader that moves is followed soon"),
    (
        "fetch.queue.backoff.ms",
        "5",
        "the queues are small, and a full one is fetched for again as soon as there is room",
    ),
];

/// For consumers, whatever users say.
pub(super) const CONSUMER_FIXED: &[Setting] = &[
    ("enable.auto.commit", "false", "offsets are committed with what they stand for"),
    ("enable.auto.offset.store", "false", "the same"),
    (
        "enable.partition.eof",
        "true",
        "the end is what tells that a changelog is restored, and the offset behind control records",
    ),
    ("allow.auto.create.topics", "false", "a topic that is missing is an error"),
];

/// For producers. Users may set them otherwise.
pub(super) const PRODUCER: &[Setting] = &[
    ("linger.ms", "5", "batches fill under load; a commit waits for the last of them, every 100 ms under exactly-once"),
    ("message.max.bytes", "1000000000", "the topic's limit counts, and is checked before a message is sent"),
    ("batch.size", "1000000", "a full batch is below the limit that topics have by default"),
];

/// For producers, whatever users say.
pub(super) const PRODUCER_FIXED: &[Setting] =
    &[("enable.idempotence", "true", "a message that is sent again is not there twice, and none overtakes another")];

/// Kafka's names for what librdkafka calls otherwise, with the factor between the units.
pub(super) const TRANSLATED: &[(&str, &str, u64)] = &[
    ("fetch.max.wait.ms", "fetch.wait.max.ms", 1),
    ("max.request.size", "message.max.bytes", 1),
    ("receive.buffer.bytes", "socket.receive.buffer.bytes", 1),
    ("send.buffer.bytes", "socket.send.buffer.bytes", 1),
    ("request.timeout.ms", "socket.timeout.ms", 1),
    ("buffer.memory", "queue.buffering.max.kbytes", 1024),
];

/// Kafka's names that have no meaning for librdkafka, with the reason.
pub(super) const WITHOUT_MEANING: &[(&str, &str)] =
    &[("max.poll.records", "a step takes as many records as it has time for"), ("max.block.ms", "no call waits")];

/// Opens clients of one cluster.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) bootstrap_servers: String,
    keys: ClientKeys,
}

/// Which protocol a member speaks with its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GroupProtocol {
    /// KIP-848: the brokers assign, step by step.
    Consumer,
    /// The first one: a member assigns, and everybody stops.
    Classic,
}

impl Settings {
    pub(super) fn new(bootstrap_servers: &str, keys: &ClientKeys) -> Self {
        for (key, why) in WITHOUT_MEANING {
            if [&keys.common, &keys.consumer, &keys.producer].iter().any(|keys| keys.contains_key(*key)) {
                tracing::warn!("`{key}` is ignored: {why}");
            }
        }
        Settings { bootstrap_servers: bootstrap_servers.to_owned(), keys: keys.clone() }
    }

    /// Whether librdkafka takes the settings, before anything is opened with them.
    ///
    /// # Errors
    /// `Config` for the first that it does not take.
    pub(super) fn check(&self) -> Result<()> {
        let consumer = |role| {
            self.consumer(
                &ConsumerConfig { role, group: Some(String::from("g")), ..ConsumerConfig::default() },
                self.group_protocol(),
            )
        };
        let roles = [ConsumerRole::Main, ConsumerRole::Restore, ConsumerRole::Global];
        let clients = roles.map(consumer).into_iter().chain([self.producer(&ProducerConfig::default()), self.admin()]);
        for client in clients {
            client.create_native_config().map_err(|error| errors::from_client(&error, About::Brokers, ""))?;
        }
        Ok(())
    }

    /// Which protocol a member begins with: the newest, unless users say otherwise.
    pub(super) fn group_protocol(&self) -> GroupProtocol {
        let chosen = self.keys.consumer.get("group.protocol").or_else(|| self.keys.common.get("group.protocol"));
        match chosen.map(|name| name.to_ascii_lowercase()).as_deref() {
            Some("classic") => GroupProtocol::Classic,
            _ => GroupProtocol::Consumer,
        }
    }

    /// A consumer's settings. One without a group gets a name for the group that it never joins: librdkafka wants one.
    pub(super) fn consumer(&self, config: &ConsumerConfig, protocol: GroupProtocol) -> ClientConfig {
        let mut client = self.client("consumer", CONSUMER);
        let set = |client: &mut ClientConfig, key: &str, value: &str| {
            client.set(key, value);
        };
        set(&mut client, "client.id", &config.client_id);
        set(&mut client, "max.poll.interval.ms", &config.max_poll_interval_ms.to_string());
        let kbytes = (config.prefetch_bytes_max / 1024).max(1);
        set(&mut client, "queued.max.messages.kbytes", &kbytes.to_string());
        if protocol == GroupProtocol::Classic || config.group.is_none() {
            set(&mut client, "session.timeout.ms", &config.session_timeout_ms.to_string());
        }
        apply(&mut client, &self.keys_of(config.role), |key| protocol == GroupProtocol::Consumer && is_of_classic(key));
        fix(&mut client, CONSUMER_FIXED);
        set(&mut client, "group.id", config.group.as_deref().unwrap_or(&config.client_id));
        set(&mut client, "isolation.level", isolation(config.isolation));
        set(&mut client, "auto.offset.reset", reset(config.offset_reset));
        client.remove("group.instance.id");
        if let (Some(_), Some(instance)) = (&config.group, &config.group_instance_id) {
            set(&mut client, "group.instance.id", instance);
        }
        match protocol {
            _ if config.group.is_none() => set(&mut client, "group.protocol", "classic"),
            GroupProtocol::Consumer => {
                set(&mut client, "group.protocol", "consumer");
                set(&mut client, "group.remote.assignor", "range");
            }
            GroupProtocol::Classic => {
                set(&mut client, "group.protocol", "classic");
                set(&mut client, "partition.assignment.strategy", "range");
            }
        }
        client
    }

    /// A producer's settings.
    pub(super) fn producer(&self, config: &ProducerConfig) -> ClientConfig {
        let mut client = self.client("producer", PRODUCER);
        client.set("client.id", &config.client_id);
        // The port counts what is queued itself; these limits lie behind it.
        client.set(
            "queue.buffering.max.messages",
            config.queue_records_max.saturating_mul(2).clamp(1, 10_000_000).to_string(),
        );
        client.set("queue.buffering.max.kbytes", (config.queue_bytes_max / 512 + 1024).min(2_097_151).to_string());
        apply(&mut client, &[&self.keys.producer], |_| false);
        fix(&mut client, PRODUCER_FIXED);
        if let Some(id) = &config.transactional_id {
            client.set("transactional.id", id);
            client.set("transaction.timeout.ms", config.transaction_timeout_ms.to_string());
        }
        client
    }

    /// Settings of a client that administers.
    pub(super) fn admin(&self) -> ClientConfig {
        let mut client = self.client("admin", &[]);
        apply(&mut client, &[&self.keys.admin], |_| false);
        client
    }

    /// Settings of a consumer that is asked for offsets and metadata and reads nothing.
    pub(super) fn reader(&self, isolation_level: Isolation) -> ClientConfig {
        let mut client = self.admin();
        client.set("isolation.level", isolation(isolation_level));
        client.set("allow.auto.create.topics", "false");
        client
    }

    fn client(&self, name: &str, settings: &[Setting]) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("client.id", format!("kstreams-{name}"));
        client.set_log_level(RDKafkaLogLevel::Info);
        fix(&mut client, COMMON);
        fix(&mut client, settings);
        apply(&mut client, &[&self.keys.common], is_of_consumer_groups);
        client.set("bootstrap.servers", &self.bootstrap_servers);
        client
    }

    fn keys_of(&self, role: ConsumerRole) -> [&BTreeMap<String, String>; 2] {
        let own = match role {
            ConsumerRole::Main => &self.keys.consumer,
            ConsumerRole::Restore => &self.keys.restore_consumer,
            ConsumerRole::Global => &self.keys.global_consumer,
        };
        [&self.keys.consumer, own]
    }
}

fn apply(client: &mut ClientConfig, keys: &[&BTreeMap<String, String>], is_left_out: impl Fn(&str) -> bool) {
    for (key, value) in keys.iter().flat_map(|keys| keys.iter()) {
        if is_left_out(key) || WITHOUT_MEANING.iter().any(|(name, _)| name == key) {
            continue;
        }
        let (key, value) = translate(key, value);
        client.set(key, value);
        if key == "debug" {
            client.set_log_level(RDKafkaLogLevel::Debug);
        }
    }
}

fn fix(client: &mut ClientConfig, settings: &[Setting]) {
    for (key, value, _) in settings {
        client.set(*key, *value);
    }
}

/// A key and its value as librdkafka knows them.
fn translate<'a>(key: &'a str, value: &str) -> (&'a str, String) {
    match TRANSLATED.iter().find(|(theirs, _, _)| *theirs == key) {
        None => (key, value.to_owned()),
        Some((_, ours, factor)) => {
            let value = value.parse::<u64>().map_or_else(|_| value.to_owned(), |number| (number / factor).to_string());
            (ours, value)
        }
    }
}

/// What librdkafka takes for the classic protocol only.
fn is_of_classic(key: &str) -> bool {
    ["session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy"].contains(&key)
}

/// What is decided for each consumer apart.
fn is_of_consumer_groups(key: &str) -> bool {
    key.starts_with("group.") || is_of_classic(key)
}

fn isolation(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::ReadCommitted => "read_committed",
        Isolation::ReadUncommitted => "read_uncommitted",
    }
}

fn reset(reset: OffsetReset) -> &'static str {
    match reset {
        OffsetReset::Earliest => "earliest",
        OffsetReset::Latest => "latest",
        OffsetReset::None => "error",
    }
}

/// Opens a client.
///
/// # Errors
/// `Config` for settings that librdkafka does not take.
pub(super) fn open<X, C: FromClientConfigAndContext<X>>(settings: &ClientConfig, context: X) -> Result<C>
where
    X: rdkafka::ClientContext,
{
    settings.create_with_context(context).map_err(|error| errors::from_client(&error, About::Brokers, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn settings(properties: &str) -> Settings {
        Settings::new("a:1", &Config::from_properties(properties).unwrap().clients)
    }

    #[test]
    fn settings_that_we_choose_are_taken() {
        settings("").check().unwrap();
        settings("consumer.group.protocol=classic\nsession.timeout.ms=10000").check().unwrap();
    }

    #[test]
    fn keys_reach_their_clients_and_what_is_controlled_stays() {
        let settings = settings(
            "consumer.fetch.min.bytes=7\nrestore.consumer.fetch.min.bytes=9\nproducer.linger.ms=20\nclient.rack=r\n\
             producer.buffer.memory=2048\nconsumer.heartbeat.interval.ms=100\nproducer.acks=all",
        );
        let consumer = |role, protocol| {
            let config = ConsumerConfig { role, group: Some(String::from("g")), ..ConsumerConfig::default() };
            settings.consumer(&config, protocol)
        };
        let main = consumer(ConsumerRole::Main, GroupProtocol::Consumer);
        assert_eq!((main.get("fetch.min.bytes"), main.get("client.rack")), (Some("7"), Some("r")));
        assert_eq!((main.get("heartbeat.interval.ms"), main.get("session.timeout.ms")), (None, None));
        assert_eq!(main.get("group.remote.assignor"), Some("range"));
        let restore = consumer(ConsumerRole::Restore, GroupProtocol::Classic);
        assert_eq!((restore.get("fetch.min.bytes"), restore.get("heartbeat.interval.ms")), (Some("9"), Some("100")));
        assert_eq!(restore.get("session.timeout.ms"), Some("45000"));
        let producer = settings.producer(&ProducerConfig::default());
        assert_eq!((producer.get("linger.ms"), producer.get("queue.buffering.max.kbytes")), (Some("20"), Some("2")));
        assert_eq!(producer.get("enable.idempotence"), Some("true"));
    }
}
