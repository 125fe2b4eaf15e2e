//! The configuration of an application: typed fields, and Kafka's own keys in properties files and the environment.
//!
//! [`Config::new`] has a default for everything but the application's id and the log it runs on. Keys of files and
//! variables are looked up in one table that knows every key of Kafka Streams; `docs/reference/configuration.md`
//! prints it. This module reads and checks; it opens nothing, and makes no more than the directory that a URL names.

mod choice;
mod clients;
mod explain;
mod keys;
mod origin;
mod properties;
mod reference;
mod secret;
mod settings;
mod shared;
mod source;
mod table;
mod url;
mod value;

pub use choice::{
    AutoOffsetReset, DslStore, EngineKind, ErrorPolicy, Optimization, ProcessingGuarantee, StoreFormat, TimestampPolicy,
};
pub use clients::{ClientKeys, RegistryConfig};
pub use explain::{ExplainedKey, Fate};
pub use origin::ConfigOrigin;
pub use reference::reference;
pub use settings::Setting;
pub use url::LogUrl;

pub(crate) use shared::{Shared, name_of_directory};

use self::origin::Origins;
use crate::error::{Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that can be set about a running application.
///
/// ```
/// use kstreams::config::Config;
/// use std::time::Duration;
///
/// let config = Config::new("transit", "embedded:./data").exactly_once().threads(2).state_dir("/var/lib/transit");
/// assert_eq!(config.commit_interval_ms(), 100);
/// config.validate()?;
/// # Ok::<(), kstreams::error::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Names the group, the internal topics and the state directory. Kafka: `application.id`.
    pub application_id: String,
    /// Which log the application runs on; see [`LogUrl`]. Kafka: `bootstrap.servers`.
    pub url: String,
    /// The prefix of client and thread names; `None` for `<application id>-<process id>`. Kafka: `client.id`.
    pub client_id: Option<String>,
    /// Where stores are kept, in a directory named after the application. Kafka: `state.dir`.
    pub state_dir: PathBuf,
    /// Which engine keeps state.
    pub engine: EngineKind,
    /// Threads that process. Kafka: `num.stream.threads`.
    pub num_stream_threads: usize,
    /// How often an input record counts after a failure. Kafka: `processing.guarantee`.
    pub processing_guarantee: ProcessingGuarantee,
    /// Time between commits in milliseconds; `None` for the guarantee's default, see
    /// [`Config::commit_interval_ms`]. Kafka: `commit.interval.ms`.
    pub commit_interval_ms: Option<i64>,
    /// Bytes of the record caches, over all threads; 0 switches caching off. Kafka: `statestore.cache.max.bytes`.
    pub statestore_cache_max_bytes: u64,
    /// Uncommitted bytes of a thread's stores that ask for a commit. Kafka: `statestore.uncommitted.max.bytes`.
    pub statestore_uncommitted_max_bytes: u64,
    /// Where a source begins that names no policy of its own, see [`AutoOffsetReset`]. Kafka: `auto.offset.reset`.
    pub auto_offset_reset: AutoOffsetReset,
    /// Where a record's time comes from. Kafka: `default.timestamp.extractor`.
    pub default_timestamp_extractor: TimestampPolicy,
    /// What happens to a record that cannot be decoded. Kafka: `deserialization.exception.handler`.
    pub deserialization_errors: ErrorPolicy,
    /// What happens to a record that a step of the program fails on. Kafka: `processing.exception.handler`.
    pub processing_errors: ErrorPolicy,
    /// What happens to a record that cannot be encoded or sent. Kafka: `production.exception.handler`.
    pub production_errors: ErrorPolicy,
    /// Where such records go; `None` for nowhere. Kafka: `errors.dead.letter.queue.topic.name`.
    pub dead_letter_topic: Option<String>,
    /// How long a task waits for an empty input before it goes on with the others, in milliseconds; 0 waits only
    /// for what the broker is known to have, -1 never. Kafka: `max.task.idle.ms`.
    pub max_task_idle_ms: i64,
    /// How long a task may run into timeouts before the application stops, in milliseconds. Kafka: `task.timeout.ms`.
    pub task_timeout_ms: i64,
    /// Records read ahead for a partition. Kafka: `buffered.records.per.partition`.
    pub buffered_records_per_partition: usize,
    /// After this time the broker aborts a transaction, in milliseconds. Kafka: `transaction.timeout.ms`.
    pub transaction_timeout_ms: i64,
    /// After this time without a sign of life an instance loses its tasks, in milliseconds. Kafka:
    /// `session.timeout.ms`.
    pub session_timeout_ms: i64,
    /// Time between looks for new topics and partitions, in milliseconds. Kafka: `metadata.max.age.ms`.
    pub metadata_max_age_ms: i64,
    /// Optimisations of the topology. Kafka: `topology.optimization`.
    pub topology_optimization: Optimization,
    /// Whether generated names of topics and stores are refused. Kafka: `ensure.explicit.internal.resource.naming`.
    pub ensure_explicit_internal_resource_naming: bool,
    /// Replicas of internal topics; -1 for the broker's default. Kafka: `replication.factor`.
    pub replication_factor: i16,
    /// Configuration of internal topics. Kafka: keys with the prefix `topic.`, here without it.
    pub topic_configs: BTreeMap<String, String>,
    /// Added to the retention of window changelogs, in milliseconds. Kafka:
    /// `windowstore.changelog.additional.retention.ms`.
    pub windowstore_changelog_additional_retention_ms: i64,
    /// Time between deletions of processed repartition records, in milliseconds. Kafka:
    /// `repartition.purge.interval.ms`.
    pub repartition_purge_interval_ms: i64,
    /// Which stores the DSL makes when none is named. Kafka: `default.dsl.store`.
    pub dsl_store: DslStore,
    /// What stores of the DSL keep beside a value. Kafka: `dsl.store.format`.
    pub dsl_store_format: StoreFormat,
    /// Time between summaries in the log, in milliseconds; -1 for none. Kafka: `log.summary.interval.ms`.
    pub log_summary_interval_ms: i64,
    /// The schema registry; `None` for the embedded one.
    pub registry: Option<RegistryConfig>,
    /// Where metrics and health are served, as `host:port`; `None` for nowhere.
    pub http_listen: Option<String>,
    /// Decides ids and jitter; `None` draws one at start.
    pub seed: Option<u64>,
    /// Keys for Kafka's clients, under Kafka's names.
    pub clients: ClientKeys,
    /// Who has set what.
    pub(crate) origins: Origins,
}

impl Config {
    /// The defaults, for the application of that name on the log at `url`.
    pub fn new(application_id: impl Into<String>, url: impl Into<String>) -> Self {
        Config {
            application_id: application_id.into(),
            url: url.into(),
            client_id: None,
            state_dir: PathBuf::from("kstreams-state"),
            engine: EngineKind::default(),
            num_stream_threads: 1,
            processing_guarantee: ProcessingGuarantee::AtLeastOnce,
            commit_interval_ms: None,
            statestore_cache_max_bytes: 10 << 20,
            statestore_uncommitted_max_bytes: 64 << 20,
            auto_offset_reset: AutoOffsetReset::Earliest,
            default_timestamp_extractor: TimestampPolicy::FailOnInvalid,
            deserialization_errors: ErrorPolicy::Fail,
            processing_errors: ErrorPolicy::Fail,
            production_errors: ErrorPolicy::Fail,
            dead_letter_topic: None,
            max_task_idle_ms: 0,
            task_timeout_ms: 300_000,
            buffered_records_per_partition: 1_000,
            transaction_timeout_ms: 10_000,
            session_timeout_ms: 45_000,
            metadata_max_age_ms: 300_000,
            topology_optimization: Optimization::NONE,
            ensure_explicit_internal_resource_naming: false,
            replication_factor: -1,
            topic_configs: BTreeMap::new(),
            windowstore_changelog_additional_retention_ms: 86_400_000,
            repartition_purge_interval_ms: 30_000,
            dsl_store: DslStore::Persistent,
            dsl_store_format: StoreFormat::Default,
            log_summary_interval_ms: 120_000,
            registry: None,
            http_listen: None,
            seed: None,
            clients: ClientKeys::default(),
            origins: Origins::default(),
        }
    }

    /// Sets [`state_dir`](Self::state_dir).
    pub fn state_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.state_dir = directory.into();
        self
    }

    /// Sets [`engine`](Self::engine).
    pub fn engine(mut self, engine: EngineKind) -> Self {
        self.engine = engine;
        self
    }

    /// Sets [`num_stream_threads`](Self::num_stream_threads).
    pub fn threads(mut self, threads: usize) -> Self {
        self.num_stream_threads = threads;
        self
    }

    /// Every input record counts exactly once, whatever fails.
    pub fn exactly_once(mut self) -> Self {
        self.processing_guarantee = ProcessingGuarantee::ExactlyOnceV2;
        self
    }

    /// Sets the time between commits.
    pub fn commit_interval(mut self, interval: Duration) -> Self {
        self.commit_interval_ms = Some(i64::try_from(interval.as_millis()).unwrap_or(i64::MAX));
        self
    }

    /// Sets [`statestore_cache_max_bytes`](Self::statestore_cache_max_bytes); 0 switches caching off.
    pub fn cache_max_bytes(mut self, bytes: u64) -> Self {
        self.statestore_cache_max_bytes = bytes;
        self
    }

    /// Sets one policy for records that cannot be decoded, processed or sent.
    pub fn on_record_errors(mut self, policy: ErrorPolicy) -> Self {
        self.deserialization_errors = policy;
        self.processing_errors = policy;
        self.production_errors = policy;
        self
    }

    /// Skips records that cannot be decoded, processed or sent, and sends them to that topic, which must exist. A dead letter
    /// is the source record's bytes and headers, with Kafka's headers `__streams.errors.…` for what went wrong and where.
    ///
    /// ```
    /// use kstreams::config::Config;
    /// use kstreams::dsl::StreamsBuilder;
    /// use kstreams::testing::TopologyTestDriver;
    ///
    /// let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").to("out");
    /// let config = Config::new("test", "embedded:").dead_letters("dead-letters");
    /// let mut driver = TopologyTestDriver::with_config(&builder.build()?, config)?;
    /// driver.input("in").pipe_bytes(Some(&[0, 0, 0, 1]), Some(&[0, 0, 0, 5]), 0)?;
    /// driver.input("in").pipe_bytes(Some(&[0, 0, 0, 1]), Some(b"fives"), 0)?;
    ///
    /// let (topic, letter) = driver.take_outputs().remove(0);
    /// assert_eq!((topic.as_str(), letter.value.as_deref()), ("dead-letters", Some(&b"fives"[..])));
    /// assert_eq!(letter.headers.last("__streams.errors.topic"), Some(Some(&b"in"[..])));
    /// assert_eq!(letter.headers.last("__streams.errors.offset"), Some(Some(&b"1"[..])));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn dead_letters(mut self, topic: impl Into<String>) -> Self {
        self.dead_letter_topic = Some(topic.into());
        self.on_record_errors(ErrorPolicy::Continue)
    }

    /// Sets [`topology_optimization`](Self::topology_optimization).
    pub fn optimize(mut self, optimization: Optimization) -> Self {
        self.topology_optimization = optimization;
        self
    }

    /// Sets the schema registry's address, `http://host:port`.
    pub fn registry(mut self, url: impl Into<String>) -> Self {
        self.registry = Some(RegistryConfig { url: url.into(), basic_auth: None });
        self
    }

    /// Serves metrics and health on `address`, as `host:port`.
    pub fn http_listen(mut self, address: impl Into<String>) -> Self {
        self.http_listen = Some(address.into());
        self
    }

    /// Sets [`seed`](Self::seed).
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Whether input offsets, outputs and state commit in one transaction.
    pub fn is_exactly_once(&self) -> bool {
        self.processing_guarantee == ProcessingGuarantee::ExactlyOnceV2
    }

    /// Time between commits in milliseconds: what is set, else 100 under exactly-once and 30,000 otherwise.
    pub fn commit_interval_ms(&self) -> i64 {
        self.commit_interval_ms.unwrap_or(if self.is_exactly_once() { 100 } else { 30_000 })
    }

    /// Checks every value by itself and against the others.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with the first value that cannot be used.
    pub fn validate(&self) -> Result<LogUrl> {
        check_application_id(&self.application_id)?;
        require(self.num_stream_threads > 0, "`num.stream.threads` must be at least 1")?;
        require(self.buffered_records_per_partition > 0, "`buffered.records.per.partition` must be at least 1")?;
        require(self.commit_interval_ms() >= 0, "`commit.interval.ms` must not be negative")?;
        require(
            self.transaction_timeout_ms < self.session_timeout_ms,
            "`transaction.timeout.ms` must be below `session.timeout.ms`: an instance that is gone would otherwise hold up the one that takes over",
        )?;
        require(
            !self.is_exactly_once() || self.commit_interval_ms() < self.transaction_timeout_ms,
            "`commit.interval.ms` must be below `transaction.timeout.ms` under exactly-once: every transaction would time out",
        )?;
        require(
            self.registry.as_ref().is_none_or(|registry| !registry.url.is_empty()),
            "`basic.auth.user.info` needs `schema.registry.url`",
        )?;
        self.refuse_what_is_to_come()?;
        require(engine_is_built_in(self.engine), "the engine is not built in")
            .map_err(|error| error.with_hint("add the feature `fjall` or `rocksdb` of the crate `kstreams`"))?;
        self.url.parse()
    }

    /// What would change results or names, and is known but not built yet, is not passed over in silence.
    fn refuse_what_is_to_come(&self) -> Result<()> {
        require(
            self.topology_optimization == Optimization::NONE,
            "`topology.optimization` can only be `none` so far: optimised topologies have other names and topics",
        )?;
        require(
            self.dsl_store_format == StoreFormat::Default,
            "`dsl.store.format` can only be `DEFAULT` so far: stores do not keep headers yet",
        )?;
        require(
            !self.ensure_explicit_internal_resource_naming,
            "`ensure.explicit.internal.resource.naming` can only be `false` so far: generated names are not checked yet",
        )
    }
}

fn engine_is_built_in(engine: EngineKind) -> bool {
    match engine {
        EngineKind::Memory => true,
        EngineKind::Fjall => cfg!(feature = "fjall"),
        EngineKind::RocksDb => cfg!(feature = "rocksdb"),
    }
}

/// The id becomes a part of topic and directory names, so it must be valid in both.
fn check_application_id(id: &str) -> Result<()> {
    require(!id.is_empty(), "`application.id` is missing")?;
    let is_legal = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    require(
        id.chars().all(is_legal) && id != "." && id != "..",
        &format!("`application.id` may have letters, digits, `.`, `_` and `-` only, not `{id}`"),
    )
}

fn require(holds: bool, rule: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::new(ErrorKind::Config, rule)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(config: Config) -> String {
        config.validate().unwrap_err().to_string()
    }

    #[test]
    fn defaults_are_valid_and_those_of_kafka_streams() {
        let config = Config::new("app", "embedded:");
        assert_eq!(config.validate().unwrap(), LogUrl::EmbeddedMemory { name: String::new() });
        assert_eq!(config.commit_interval_ms(), 30_000);
        assert_eq!(config.statestore_cache_max_bytes, 10_485_760);
    }

    #[test]
    fn exactly_once_commits_every_100_ms_unless_told_otherwise() {
        let config = Config::new("app", "embedded:").exactly_once();
        assert_eq!(config.commit_interval_ms(), 100);
        assert_eq!(config.commit_interval(Duration::from_millis(200)).commit_interval_ms(), 200);
    }

    #[test]
    fn transaction_that_cannot_end_in_time_is_refused() {
        let config = Config::new("app", "embedded:").exactly_once().commit_interval(Duration::from_secs(10));
        assert!(refused(config).contains("must be below `transaction.timeout.ms`"));
        let at_least_once = Config::new("app", "embedded:").commit_interval(Duration::from_secs(10));
        assert!(at_least_once.validate().is_ok());
    }

    #[test]
    fn application_id_must_be_legal_in_topic_names() {
        assert!(refused(Config::new("", "embedded:")).contains("missing"));
        assert!(refused(Config::new("my app", "embedded:")).contains("`my app`"));
        assert!(refused(Config::new("..", "embedded:")).contains("`..`"));
    }

    #[test]
    fn dead_letters_continue_unless_a_policy_says_otherwise() {
        let config = Config::new("app", "embedded:").dead_letters("dlq");
        assert_eq!(config.production_errors, ErrorPolicy::Continue);
        assert_eq!(config.on_record_errors(ErrorPolicy::Fail).dead_letter_topic.as_deref(), Some("dlq"));
    }
}
