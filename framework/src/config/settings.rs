//! The effective configuration as keys and values, for printouts.

use super::choice::Choice;
use super::{Config, ConfigOrigin, Optimization, secret};
use std::collections::BTreeMap;
use std::fmt;

/// A key of the effective configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting {
    /// The key, as in a properties file.
    pub key: String,
    /// The value as it may be shown: secrets are hidden. `None` if nothing is set and there is no default.
    pub value: Option<String>,
    /// Whether this is what it is when nobody sets it.
    pub is_default: bool,
    /// Where the value came from.
    pub origin: ConfigOrigin,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {} ({})", self.key, self.value.as_deref().unwrap_or_default(), self.origin)
    }
}

impl Config {
    /// Every key with the value that is in force, in the order of the reference, then keys for internal topics and for clients
    /// of Kafka. Without secrets.
    ///
    /// ```
    /// use kstreams::config::Config;
    ///
    /// let config = Config::from_properties("application.id=app\nprocessing.guarantee=exactly_once_v2\nsasl.password=hunter2")?;
    /// let value = |key: &str| config.settings().into_iter().find(|one| one.key == key).and_then(|one| one.value);
    /// assert_eq!(value("commit.interval.ms").as_deref(), Some("100"));
    /// assert_eq!(value("sasl.password").as_deref(), Some("[hidden]"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn settings(&self) -> Vec<Setting> {
        let defaults = self.defaults();
        let setting = |(key, value): (String, Option<String>)| {
            let default = defaults.get(&key).and_then(Option::as_deref);
            Setting {
                is_default: value.as_deref() == default,
                origin: self.origins.of(&key, value.as_deref(), default),
                value: value.map(|value| secret::shown(&key, &value).into_owned()),
                key,
            }
        };
        self.entries().into_iter().map(setting).collect()
    }

    /// What keys are when nobody sets them. The time between commits follows from the guarantee.
    fn defaults(&self) -> BTreeMap<String, Option<String>> {
        let guarantee = Config { processing_guarantee: self.processing_guarantee, ..Config::new("", "") };
        let mut defaults: BTreeMap<_, _> = Config::new("", "").entries().into_iter().collect();
        defaults.insert(String::from("commit.interval.ms"), some(guarantee.commit_interval_ms()));
        defaults
    }

    /// Notes who has set `key`, and whatever else is another value since then.
    pub(super) fn note_origin(&mut self, key: &str, before: &Config, origin: &ConfigOrigin) {
        let before: BTreeMap<_, _> = before.entries().into_iter().collect();
        for (changed, value) in self.entries() {
            if changed == key || before.get(&changed) != Some(&value) {
                self.origins.note(&changed, value.as_deref(), origin);
            }
        }
    }

    /// The same with its secrets.
    fn entries(&self) -> Vec<(String, Option<String>)> {
        let mut entries: Vec<_> = [self.of_the_instance(), self.of_processing(), self.of_state()]
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.to_owned(), value.filter(|value| !value.is_empty())))
            .collect();
        entries.extend(self.prefixed());
        entries
    }

    fn of_the_instance(&self) -> Vec<(&'static str, Option<String>)> {
        let registry = self.registry.as_ref();
        let user_info = registry.and_then(|registry| registry.basic_auth.as_ref());
        vec![
            ("kstreams.url", some(&self.url)),
            ("kstreams.engine", word(self.engine)),
            ("kstreams.http.listen", self.http_listen.clone()),
            ("kstreams.seed", self.seed.map(|seed| seed.to_string())),
            ("schema.registry.url", registry.map(|registry| registry.url.clone())),
            ("basic.auth.user.info", user_info.map(|(user, password)| format!("{user}:{password}"))),
            ("application.id", some(&self.application_id)),
            ("client.id", self.client_id.clone()),
            ("state.dir", some(self.state_dir.display())),
            ("num.stream.threads", some(self.num_stream_threads)),
            ("session.timeout.ms", some(self.session_timeout_ms)),
            ("metadata.max.age.ms", some(self.metadata_max_age_ms)),
            ("log.summary.interval.ms", some(self.log_summary_interval_ms)),
        ]
    }

    fn of_processing(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("processing.guarantee", word(self.processing_guarantee)),
            ("commit.interval.ms", some(self.commit_interval_ms())),
            ("transaction.timeout.ms", some(self.transaction_timeout_ms)),
            ("auto.offset.reset", word(self.auto_offset_reset)),
            ("default.timestamp.extractor", word(self.default_timestamp_extractor)),
            ("deserialization.exception.handler", word(self.deserialization_errors)),
            ("processing.exception.handler", word(self.processing_errors)),
            ("production.exception.handler", word(self.production_errors)),
            ("errors.dead.letter.queue.topic.name", self.dead_letter_topic.clone()),
            ("max.task.idle.ms", some(self.max_task_idle_ms)),
            ("task.timeout.ms", some(self.task_timeout_ms)),
            ("buffered.records.per.partition", some(self.buffered_records_per_partition)),
        ]
    }

    fn of_state(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("statestore.cache.max.bytes", some(self.statestore_cache_max_bytes)),
            ("statestore.uncommitted.max.bytes", some(self.statestore_uncommitted_max_bytes)),
            ("topology.optimization", some(optimizations(self.topology_optimization))),
            ("ensure.explicit.internal.resource.naming", some(self.ensure_explicit_internal_resource_naming)),
            ("replication.factor", some(self.replication_factor)),
            ("windowstore.changelog.additional.retention.ms", some(self.windowstore_changelog_additional_retention_ms)),
            ("repartition.purge.interval.ms", some(self.repartition_purge_interval_ms)),
            ("default.dsl.store", word(self.dsl_store)),
            ("dsl.store.format", word(self.dsl_store_format)),
        ]
    }

    fn prefixed(&self) -> impl Iterator<Item = (String, Option<String>)> {
        let clients = &self.clients;
        let sides = [
            ("topic.", &self.topic_configs),
            ("", &clients.common),
            ("consumer.", &clients.consumer),
            ("restore.consumer.", &clients.restore_consumer),
            ("global.consumer.", &clients.global_consumer),
            ("producer.", &clients.producer),
            ("admin.", &clients.admin),
        ];
        sides.into_iter().flat_map(|(prefix, keys)| {
            keys.iter().map(move |(key, value)| (format!("{prefix}{key}"), Some(value.clone())))
        })
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the type of all values")]
fn some(value: impl ToString) -> Option<String> {
    Some(value.to_string())
}

fn word<C: Choice + PartialEq>(choice: C) -> Option<String> {
    C::WORDS.iter().find(|(_, meaning)| *meaning == choice).map(|(word, _)| (*word).to_owned())
}

fn optimizations(chosen: Optimization) -> String {
    let all = [
        (chosen.reuse_source_topics, "reuse.ktable.source.topics"),
        (chosen.merge_repartition_topics, "merge.repartition.topics"),
        (chosen.single_store_self_join, "single.store.self.join"),
    ];
    let names: Vec<&str> = all.into_iter().filter_map(|(is_chosen, name)| is_chosen.then_some(name)).collect();
    if names.is_empty() { String::from("none") } else { names.join(",") }
}

#[cfg(test)]
mod tests {
    use super::super::keys::Treatment;
    use super::super::table::KEYS;
    use super::*;

    const EVERYTHING: &str = "application.id=app\nkstreams.url=kafka://a:1\nkstreams.engine=memory\n\
        kstreams.http.listen=localhost:1\nkstreams.seed=7\nschema.registry.url=http://r:8081\n\
        basic.auth.user.info=u:p\nclient.id=c\nstate.dir=/s\nnum.stream.threads=2\nsession.timeout.ms=40000\n\
        metadata.max.age.ms=1\nlog.summary.interval.ms=-1\nprocessing.guarantee=exactly_once_v2\n\
        commit.interval.ms=50\ntransaction.timeout.ms=9000\nauto.offset.reset=latest\n\
        default.timestamp.extractor=org.apache.kafka.streams.processor.WallclockTimestampExtractor\n\
        deserialization.exception.handler=continue\nprocessing.exception.handler=continue\n\
        production.exception.handler=continue\nerrors.dead.letter.queue.topic.name=dlq\nmax.task.idle.ms=5\n\
        task.timeout.ms=6\nbuffered.records.per.partition=7\nstatestore.cache.max.bytes=8\n\
        statestore.uncommitted.max.bytes=9\ntopology.optimization=all\nensure.explicit.internal.resource.naming=true\n\
        replication.factor=3\nwindowstore.changelog.additional.retention.ms=10\nrepartition.purge.interval.ms=11\n\
        default.dsl.store=in_memory\ndsl.store.format=HEADERS\ntopic.segment.bytes=12\nsecurity.protocol=SSL\n\
        consumer.fetch.min.bytes=13\nrestore.consumer.fetch.min.bytes=14\nglobal.consumer.fetch.min.bytes=15\n\
        producer.linger.ms=16\nadmin.retries=17\n";

    #[test]
    fn configuration_read_from_its_own_settings_is_the_same() {
        let config = Config::from_properties(EVERYTHING).unwrap();
        let mut again = Config::new("", "");
        for (key, value) in config.entries() {
            again.set(&key, &value.unwrap_or_else(|| panic!("`{key}` is set above"))).unwrap();
        }
        assert_eq!(format!("{again:?}"), format!("{config:?}"));
        assert!(config.settings().iter().all(|setting| !setting.is_default), "{:?}", config.settings());
    }

    #[test]
    fn every_key_that_is_taken_is_a_setting() {
        let entries: BTreeMap<_, _> = Config::new("", "").entries().into_iter().collect();
        let taken = KEYS.iter().filter(|row| matches!(row.treatment, Treatment::Taken(_)));
        for row in taken.filter(|row| row.name != "schema.registry.basic.auth.user.info") {
            let value = entries.get(row.name).unwrap_or_else(|| panic!("`{}` is missing", row.name));
            assert!(row.default.is_empty() || value.as_deref() == Some(row.default), "{}: {value:?}", row.name);
        }
    }

    #[test]
    fn defaults_are_told_from_what_is_set() {
        let config = Config::from_properties("application.id=app\nnum.stream.threads=2").unwrap();
        let set: Vec<_> = config.settings().into_iter().filter(|one| !one.is_default).map(|one| one.key).collect();
        assert_eq!(set, ["application.id", "num.stream.threads"]);
        let commits = Config::new("app", "").exactly_once().settings();
        let commits = commits.iter().find(|one| one.key == "commit.interval.ms").unwrap();
        assert_eq!(
            (commits.value.as_deref(), commits.is_default),
            (Some("100"), true),
            "it follows from the guarantee"
        );
    }

    fn told(config: &Config, key: &str) -> String {
        config.settings().iter().find(|setting| setting.key == key).map_or_else(String::new, ToString::to_string)
    }

    #[test]
    fn who_sets_a_key_last_is_where_it_came_from() {
        let mut config = Config::new("app", "embedded:");
        assert_eq!(told(&config, "application.id"), "application.id = app (code)");
        assert_eq!(told(&config, "commit.interval.ms"), "commit.interval.ms = 30000 (default)");
        assert_eq!(told(&config.clone().exactly_once(), "commit.interval.ms"), "commit.interval.ms = 100 (default)");
        config.apply_properties("# first\nprocessing.guarantee=exactly_once_v2\nnum.stream.threads=1").unwrap();
        assert_eq!(told(&config, "commit.interval.ms"), "commit.interval.ms = 100 (line 2 of a properties text)");
        assert_eq!(told(&config, "num.stream.threads"), "num.stream.threads = 1 (line 3 of a properties text)");
        config.apply_variables([("KSTREAMS_NUM_STREAM_THREADS", "2")]).unwrap();
        assert_eq!(
            told(&config, "num.stream.threads"),
            "num.stream.threads = 2 (variable KSTREAMS_NUM_STREAM_THREADS)"
        );
        config.set("num.stream.threads", "3").unwrap();
        assert_eq!(told(&config, "num.stream.threads"), "num.stream.threads = 3 (code)");
        assert_eq!(told(&config.threads(5), "num.stream.threads"), "num.stream.threads = 5 (code)");
    }

    #[test]
    fn translated_key_is_shown_as_what_it_became_with_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.properties");
        std::fs::write(&path, "bootstrap.servers=a:1\ncache.max.bytes.buffering=7\nconsumer.fetch.max.bytes=9\n")
            .unwrap();
        let config = Config::from_properties_file(&path).unwrap();
        assert_eq!(told(&config, "kstreams.url"), format!("kstreams.url = kafka://a:1 ({}:1)", path.display()));
        assert!(told(&config, "statestore.cache.max.bytes").ends_with("app.properties:2)"));
        assert!(told(&config, "consumer.fetch.max.bytes").starts_with("consumer.fetch.max.bytes = 9 ("));
    }

    #[test]
    fn origins_do_not_show_secrets_either() {
        let config = Config::from_properties("application.id=app\nsasl.password=hunter2").unwrap();
        assert_eq!(told(&config, "sasl.password"), "sasl.password = [hidden] (line 2 of a properties text)");
        assert!(!format!("{:?}", config.origins).contains("hunter2"));
    }
}
