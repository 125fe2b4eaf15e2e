//! The table of keys: every key of Kafka Streams 4.3, what becomes of it here, and our own keys.

use super::clients::ClientSide;
use super::keys::{Key, Set, Treatment};
use super::value::{boolean, choice, integer, millis, millis_or_never, optimization, optional_text, text, user_info};

macro_rules! set {
    ($($field:ident).+ = $parse:expr) => {
        |config, value| {
            config.$($field).+ = $parse(value)?;
            Ok(())
        }
    };
}

const fn taken(name: &'static str, default: &'static str, set: Set, about: &'static str) -> Key {
    Key { name, default, treatment: Treatment::Taken(set), about }
}

const fn translated(name: &'static str, default: &'static str, set: Set, becomes: &'static str) -> Key {
    Key { name, default, treatment: Treatment::Translated(set, becomes), about: "" }
}

const fn client(name: &'static str, side: ClientSide) -> Key {
    Key { name, default: "", treatment: Treatment::Client(side), about: "" }
}

const fn ignored(name: &'static str, why: &'static str) -> Key {
    Key { name, default: "", treatment: Treatment::Ignored(why), about: "" }
}

const fn refused(name: &'static str, instead: &'static str) -> Key {
    Key { name, default: "", treatment: Treatment::Refused(instead), about: "" }
}

pub(super) const NO_ASSIGNOR: &str = "the group's members are assigned by the broker";
const NO_STANDBY: &str = "there are no standby tasks";
const NO_JAVA_METRICS: &str = "metrics are exposed over HTTP, see `kstreams.http.listen`";
const SERDES_FROM_TYPES: &str = "serdes come from the types of the stream";
const CONTROLLED: &str = "the runtime controls it";
const LIBRDKAFKA_TLS: &str =
    "use librdkafka's `ssl.ca.location`, `ssl.certificate.location` and `ssl.key.location` (PEM files)";

pub(super) const KEYS: &[Key] = &[
    // Ours.
    taken(
        "kstreams.url",
        "",
        set!(url = text),
        "the log: `kafka://host:port,…`, `embedded:` or `embedded:<directory>`",
    ),
    taken(
        "kstreams.engine",
        "",
        set!(engine = choice),
        "`memory`, `fjall` or `rocksdb`; by default the best that is built in",
    ),
    taken(
        "kstreams.http.listen",
        "",
        set!(http_listen = optional_text),
        "`host:port` for metrics and health; by default nowhere",
    ),
    taken(
        "kstreams.seed",
        "",
        |config, value| {
            config.seed = Some(integer(value)?);
            Ok(())
        },
        "decides ids and jitter; by default drawn at start",
    ),
    // The schema registry, under Confluent's keys.
    taken(
        "schema.registry.url",
        "",
        |config, value| {
            config.registry.get_or_insert_default().url = text(value)?;
            Ok(())
        },
        "by default the registry is embedded",
    ),
    taken(
        "basic.auth.user.info",
        "",
        |config, value| user_info(&mut config.registry, value),
        "`user:password` for the schema registry",
    ),
    taken(
        "schema.registry.basic.auth.user.info",
        "",
        |config, value| user_info(&mut config.registry, value),
        "the same",
    ),
    ignored("basic.auth.credentials.source", "credentials are those of `basic.auth.user.info`"),
    ignored("schema.registry.basic.auth.credentials.source", "credentials are those of `basic.auth.user.info`"),
    ignored("auto.register.schemas", "schemas are registered when the first value is written"),
    ignored("use.latest.version", "values are written in the schema of their type"),
    // Kafka Streams.
    taken("application.id", "", set!(application_id = text), "required"),
    translated(
        "bootstrap.servers",
        "",
        |config, value| {
            config.url = format!("kafka://{}", text(value)?);
            Ok(())
        },
        "`kstreams.url` = `kafka://…`",
    ),
    taken("client.id", "", set!(client_id = optional_text), "by default `<application.id>-<process id>`"),
    taken(
        "state.dir",
        "kstreams-state",
        |config, value| {
            config.state_dir = text(value)?.into();
            Ok(())
        },
        "in the working directory; Kafka Streams' own default is lost at a reboot",
    ),
    taken("num.stream.threads", "1", set!(num_stream_threads = integer), "Kafka Streams' default"),
    taken("processing.guarantee", "at_least_once", set!(processing_guarantee = choice), "Kafka Streams' default"),
    taken(
        "commit.interval.ms",
        "",
        |config, value| {
            config.commit_interval_ms = Some(millis(value)?);
            Ok(())
        },
        "30000, and 100 under exactly-once, as Kafka Streams",
    ),
    taken(
        "statestore.cache.max.bytes",
        "10485760",
        set!(statestore_cache_max_bytes = integer),
        "Kafka Streams' default; 0 switches caching off",
    ),
    translated(
        "cache.max.bytes.buffering",
        "",
        set!(statestore_cache_max_bytes = integer),
        "`statestore.cache.max.bytes`",
    ),
    taken(
        "statestore.uncommitted.max.bytes",
        "67108864",
        set!(statestore_uncommitted_max_bytes = integer),
        "per thread; more asks for a commit",
    ),
    taken(
        "auto.offset.reset",
        "earliest",
        set!(auto_offset_reset = choice),
        "Kafka Streams' default; repartition topics are always read from their beginning",
    ),
    taken(
        "default.timestamp.extractor",
        "org.apache.kafka.streams.processor.FailOnInvalidTimestamp",
        set!(default_timestamp_extractor = choice),
        "Kafka Streams' default; other extractors are named at the source",
    ),
    taken(
        "deserialization.exception.handler",
        "fail",
        set!(deserialization_errors = choice),
        "`fail` or `continue`, or Kafka Streams' own handlers",
    ),
    translated(
        "default.deserialization.exception.handler",
        "",
        set!(deserialization_errors = choice),
        "`deserialization.exception.handler`",
    ),
    taken(
        "processing.exception.handler",
        "fail",
        set!(processing_errors = choice),
        "`fail` or `continue`, or Kafka Streams' own handlers",
    ),
    taken(
        "production.exception.handler",
        "fail",
        set!(production_errors = choice),
        "`fail` or `continue`, or Kafka Streams' own handler",
    ),
    translated(
        "default.production.exception.handler",
        "",
        set!(production_errors = choice),
        "`production.exception.handler`",
    ),
    taken(
        "errors.dead.letter.queue.topic.name",
        "",
        set!(dead_letter_topic = optional_text),
        "where failed records go, whether the application stops or continues",
    ),
    ignored("processing.exception.handler.global.enabled", "global tables have no steps that could fail"),
    taken("max.task.idle.ms", "0", set!(max_task_idle_ms = millis_or_never), "Kafka Streams' default; -1 never waits"),
    taken("task.timeout.ms", "300000", set!(task_timeout_ms = millis), "Kafka Streams' default"),
    taken(
        "buffered.records.per.partition",
        "1000",
        set!(buffered_records_per_partition = integer),
        "Kafka Streams' default",
    ),
    taken(
        "transaction.timeout.ms",
        "10000",
        set!(transaction_timeout_ms = millis),
        "Kafka Streams' default; below `session.timeout.ms`, so that what a dead instance left open does not hold up its successor",
    ),
    taken("session.timeout.ms", "45000", set!(session_timeout_ms = millis), "Kafka's default"),
    taken("metadata.max.age.ms", "300000", set!(metadata_max_age_ms = millis), "Kafka's default"),
    taken(
        "topology.optimization",
        "none",
        set!(topology_optimization = optimization),
        "Kafka Streams' default: optimisations change names",
    ),
    taken(
        "ensure.explicit.internal.resource.naming",
        "false",
        set!(ensure_explicit_internal_resource_naming = boolean),
        "Kafka Streams' default",
    ),
    taken("replication.factor", "-1", set!(replication_factor = integer), "the broker's own default"),
    taken(
        "windowstore.changelog.additional.retention.ms",
        "86400000",
        set!(windowstore_changelog_additional_retention_ms = millis),
        "Kafka Streams' default",
    ),
    taken(
        "repartition.purge.interval.ms",
        "30000",
        set!(repartition_purge_interval_ms = millis),
        "Kafka Streams' default",
    ),
    taken("default.dsl.store", "rocksDB", set!(dsl_store = choice), "`rocksDB` stands for the engine, whichever it is"),
    translated("dsl.store.suppliers.class", "", set!(dsl_store = choice), "`default.dsl.store`"),
    taken("dsl.store.format", "DEFAULT", set!(dsl_store_format = choice), "Kafka Streams' default"),
    taken(
        "log.summary.interval.ms",
        "120000",
        set!(log_summary_interval_ms = millis_or_never),
        "Kafka Streams' default; -1 for none",
    ),
    ignored("acceptable.recovery.lag", NO_STANDBY),
    ignored("max.warmup.replicas", NO_STANDBY),
    ignored("num.standby.replicas", NO_STANDBY),
    ignored("probing.rebalance.interval.ms", NO_STANDBY),
    ignored("rack.aware.assignment.non_overlap_cost", NO_ASSIGNOR),
    ignored("rack.aware.assignment.strategy", NO_ASSIGNOR),
    ignored("rack.aware.assignment.tags", NO_ASSIGNOR),
    ignored("rack.aware.assignment.traffic_cost", NO_ASSIGNOR),
    ignored("task.assignor.class", NO_ASSIGNOR),
    ignored("internal.task.assignor.class", NO_ASSIGNOR),
    ignored("application.server", "queries are answered by the instance that is asked"),
    client("group.protocol", ClientSide::Consumer),
    ignored("poll.ms", "a thread is woken by what arrives"),
    ignored("default.key.serde", SERDES_FROM_TYPES),
    ignored("default.value.serde", SERDES_FROM_TYPES),
    ignored("default.list.key.serde.inner", SERDES_FROM_TYPES),
    ignored("default.list.key.serde.type", SERDES_FROM_TYPES),
    ignored("default.list.value.serde.inner", SERDES_FROM_TYPES),
    ignored("default.list.value.serde.type", SERDES_FROM_TYPES),
    ignored("window.size.ms", "the size is named with `Format::time_windowed`"),
    ignored("windowed.inner.class.serde", "the format is named with `Format::time_windowed`"),
    ignored("built.in.metrics.version", NO_JAVA_METRICS),
    ignored("enable.metrics.push", NO_JAVA_METRICS),
    ignored("metric.reporters", NO_JAVA_METRICS),
    ignored("metrics.num.samples", NO_JAVA_METRICS),
    ignored("metrics.recording.level", NO_JAVA_METRICS),
    ignored("metrics.sample.window.ms", NO_JAVA_METRICS),
    ignored("auto.include.jmx.reporter", NO_JAVA_METRICS),
    ignored("enable.transactional.statestores", "stores are always transactional"),
    ignored("default.interactive.query.isolation.level", "queries always read committed state"),
    ignored("__emit.interval.ms.kstreams.windowed.aggregation__", "windows send every update, not only their last one"),
    ignored("__emit.interval.ms.kstreams.outer.join.spurious.results.fix__", "streams are not joined with streams"),
    ignored("state.cleanup.delay.ms", "the state of tasks that have moved away is kept: they may come back"),
    ignored("state.cleanup.dir.max.age.ms", "a store older than its topic's tombstones is always wiped at start"),
    ignored("allow.os.group.write.access", "the state directory has the permissions of the process"),
    ignored("__state.updater.enabled__", CONTROLLED),
    ignored("__processing.threads.enabled__", CONTROLLED),
    ignored("__iq.consistency.offset.vector.enabled__", CONTROLLED),
    refused("__internal.override.topic.prefix__", "internal topics begin with `application.id`"),
    refused(
        "rocksdb.config.setter",
        "name the engine with `kstreams.engine`; its memory is budgeted once for the process",
    ),
    refused("default.client.supplier", "name the log with `kstreams.url`"),
    refused("processor.wrapper.class", "wrap the processors in the program"),
    refused("upgrade.from", "stop all instances of the old version before the first of the new one starts"),
    refused("config.providers", "set secrets through the environment: `KSTREAMS_SASL_PASSWORD`"),
    // What the runtime decides about its clients.
    ignored("group.id", "the group is named after `application.id`"),
    ignored("enable.auto.commit", CONTROLLED),
    ignored("auto.commit.interval.ms", CONTROLLED),
    ignored("isolation.level", CONTROLLED),
    ignored("allow.auto.create.topics", CONTROLLED),
    ignored("partition.assignment.strategy", NO_ASSIGNOR),
    ignored("enable.idempotence", CONTROLLED),
    ignored("transactional.id", CONTROLLED),
    ignored("max.in.flight.requests.per.connection", CONTROLLED),
    ignored("partitioner.class", "a partitioner is named at the sink"),
    ignored("interceptor.classes", "there are no interceptors"),
    ignored("key.serializer", SERDES_FROM_TYPES),
    ignored("value.serializer", SERDES_FROM_TYPES),
    ignored("key.deserializer", SERDES_FROM_TYPES),
    ignored("value.deserializer", SERDES_FROM_TYPES),
    refused("ssl.truststore.location", LIBRDKAFKA_TLS),
    refused("ssl.truststore.password", LIBRDKAFKA_TLS),
    refused("ssl.truststore.type", LIBRDKAFKA_TLS),
    refused("ssl.keystore.type", LIBRDKAFKA_TLS),
    refused("sasl.jaas.config", "use librdkafka's `sasl.username` and `sasl.password`"),
    // What goes to the clients as it is; other keys need the prefix of their client.
    client("security.protocol", ClientSide::Common),
    client("sasl.mechanism", ClientSide::Common),
    client("sasl.username", ClientSide::Common),
    client("sasl.password", ClientSide::Common),
    client("ssl.ca.location", ClientSide::Common),
    client("ssl.certificate.location", ClientSide::Common),
    client("ssl.key.location", ClientSide::Common),
    client("ssl.key.password", ClientSide::Common),
    client("ssl.endpoint.identification.algorithm", ClientSide::Common),
    client("client.rack", ClientSide::Common),
    client("client.dns.lookup", ClientSide::Common),
    client("connections.max.idle.ms", ClientSide::Common),
    client("receive.buffer.bytes", ClientSide::Common),
    client("send.buffer.bytes", ClientSide::Common),
    client("reconnect.backoff.ms", ClientSide::Common),
    client("reconnect.backoff.max.ms", ClientSide::Common),
    client("retry.backoff.ms", ClientSide::Common),
    client("retry.backoff.max.ms", ClientSide::Common),
    client("request.timeout.ms", ClientSide::Common),
    client("socket.connection.setup.timeout.ms", ClientSide::Common),
    client("fetch.max.bytes", ClientSide::Consumer),
    client("fetch.max.wait.ms", ClientSide::Consumer),
    client("fetch.min.bytes", ClientSide::Consumer),
    client("group.instance.id", ClientSide::Consumer),
    client("heartbeat.interval.ms", ClientSide::Consumer),
    client("max.partition.fetch.bytes", ClientSide::Consumer),
    client("max.poll.interval.ms", ClientSide::Consumer),
    client("max.poll.records", ClientSide::Consumer),
    client("acks", ClientSide::Producer),
    client("batch.size", ClientSide::Producer),
    client("buffer.memory", ClientSide::Producer),
    client("compression.type", ClientSide::Producer),
    client("delivery.timeout.ms", ClientSide::Producer),
    client("linger.ms", ClientSide::Producer),
    client("max.block.ms", ClientSide::Producer),
    client("max.request.size", ClientSide::Producer),
    client("retries", ClientSide::Producer),
];
