//! Configuration from properties files and environment variables, under Kafka's own keys.

use super::keys::{self, Treatment};
use super::{Config, ConfigOrigin, properties, secret};
use crate::error::{Error, ErrorKind, Result};
use std::path::Path;

/// What the names of environment variables begin with.
pub(super) const VARIABLE_PREFIX: &str = "KSTREAMS_";

impl Config {
    /// The configuration in a text in Java's properties format.
    ///
    /// ```
    /// use kstreams::config::Config;
    ///
    /// let config = Config::from_properties("application.id=transit\nbootstrap.servers=localhost:9092\nnum.stream.threads=2")?;
    /// assert_eq!(config.url, "kafka://localhost:9092");
    /// assert_eq!(config.num_stream_threads, 2);
    ///
    /// let error = Config::from_properties("comit.interval.ms=100").unwrap_err();
    /// assert_eq!(error.hint(), Some("did you mean `commit.interval.ms`?"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Config::set`], with the line. Values are not checked against each other: see [`Config::validate`].
    pub fn from_properties(text: &str) -> Result<Config> {
        let mut config = Config::new("", "");
        config.apply_properties(text)?;
        Ok(config)
    }

    /// The configuration in a properties file.
    ///
    /// # Errors
    /// As [`Config::from_properties`]; `Config` if the file cannot be read.
    pub fn from_properties_file(path: impl AsRef<Path>) -> Result<Config> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::new(ErrorKind::Config, format!("{} cannot be read", path.display()))
                .with_detail(error.to_string())
                .with_source(error)
        })?;
        let mut config = Config::new("", "");
        let read = config.apply_text(&text, Some(path));
        read.map(|()| config).map_err(|error| error.context(format!("reading {}", path.display())))
    }

    /// Sets every pair of a text in Java's properties format.
    ///
    /// # Errors
    /// As [`Config::set`], with the line.
    pub fn apply_properties(&mut self, text: &str) -> Result<()> {
        self.apply_text(text, None)
    }

    fn apply_text(&mut self, text: &str, file: Option<&Path>) -> Result<()> {
        for (line, key, value) in properties::parse(text) {
            let origin = ConfigOrigin::Properties { file: file.map(Path::to_owned), line };
            self.set_from(&key, &value, &origin).map_err(|error| error.context(format!("line {line}")))?;
        }
        Ok(())
    }

    /// Sets what the environment says: `KSTREAMS_COMMIT_INTERVAL_MS` is `commit.interval.ms`, `KSTREAMS_URL` is
    /// `kstreams.url`, `KSTREAMS_PRODUCER_LINGER_MS` is `producer.linger.ms`.
    ///
    /// # Errors
    /// As [`Config::set`], with the variable.
    pub fn apply_environment(&mut self) -> Result<()> {
        let mut variables: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name.starts_with(VARIABLE_PREFIX))
            .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
            .collect();
        variables.sort();
        self.apply_variables(variables.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// Sets what these variables say; names that do not begin with `KSTREAMS_` are passed over.
    ///
    /// # Errors
    /// As [`Config::set`], with the variable.
    pub fn apply_variables<'a>(&mut self, variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<()> {
        for (name, value) in variables {
            if let Some(words) = name.strip_prefix(VARIABLE_PREFIX) {
                let origin = ConfigOrigin::Variable(name.to_owned());
                self.set_from(&keys::of_variable(words), value, &origin)
                    .map_err(|error| error.context(format!("variable {name}")))?;
            }
        }
        Ok(())
    }

    /// Sets one key of Kafka Streams, of its clients, or of ours. A key without meaning here is passed over with a
    /// warning in the log.
    ///
    /// # Errors
    /// `Config` for a key that is unknown, naming the nearest; for one that is refused, with its replacement; for a
    /// value that is none.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        self.set_from(key, value, &ConfigOrigin::Code)
    }

    fn set_from(&mut self, key: &str, value: &str, origin: &ConfigOrigin) -> Result<()> {
        let before = self.clone();
        match self.try_set(key, value)? {
            Some(why) => tracing::warn!("`{key}` is ignored: {why}"),
            None => self.note_origin(key, &before, origin),
        }
        Ok(())
    }

    /// Why the key was ignored, if it was.
    pub(super) fn try_set(&mut self, key: &str, value: &str) -> Result<Option<&'static str>> {
        let Some(treatment) = keys::treatment(key) else {
            return Err(keys::unknown(key));
        };
        let set = match treatment {
            Treatment::Taken(set) | Treatment::Translated(set, _) => set(self, value),
            Treatment::Client(side) => {
                let name = keys::without_client_prefix(key);
                self.clients.side_mut(side).insert(name.to_string(), value.trim().to_string());
                Ok(())
            }
            Treatment::Topic(name) => {
                self.topic_configs.insert(name.to_string(), value.trim().to_string());
                Ok(())
            }
            Treatment::Ignored(why) => return Ok(Some(why)),
            Treatment::Refused(instead) => {
                return Err(Error::new(ErrorKind::Config, format!("`{key}` is not supported")).with_hint(instead));
            }
        };
        set.map(|()| None).map_err(|reason| {
            let value = secret::shown(key, value);
            Error::new(ErrorKind::Config, format!("`{key}` cannot be `{value}`: {reason}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ErrorPolicy, Optimization, ProcessingGuarantee, TimestampPolicy};

    fn config(text: &str) -> Config {
        Config::from_properties(text).unwrap()
    }

    fn refused(text: &str) -> String {
        Config::from_properties(text).unwrap_err().to_string()
    }

    #[test]
    fn properties_of_a_java_application_are_understood() {
        let config = config(
            "application.id=app\nbootstrap.servers=a:1,b:2\nprocessing.guarantee=exactly_once_v2\n\
             commit.interval.ms=200\ntopology.optimization=merge.repartition.topics,single.store.self.join\n\
             deserialization.exception.handler=org.apache.kafka.streams.errors.LogAndContinueExceptionHandler\n\
             default.timestamp.extractor=org.apache.kafka.streams.processor.WallclockTimestampExtractor\n\
             topic.segment.bytes=1048576\nconsumer.fetch.max.bytes=1000\nproducer.transaction.timeout.ms=20000\n\
             security.protocol=SASL_SSL\nschema.registry.url=http://r:8081\nbasic.auth.user.info=u:p:w\n",
        );
        assert_eq!(config.url, "kafka://a:1,b:2");
        assert_eq!(config.processing_guarantee, ProcessingGuarantee::ExactlyOnceV2);
        assert_eq!(config.commit_interval_ms(), 200);
        assert_eq!(config.topology_optimization, Optimization { reuse_source_topics: false, ..Optimization::ALL });
        assert_eq!(config.deserialization_errors, ErrorPolicy::Continue);
        assert_eq!(config.default_timestamp_extractor, TimestampPolicy::WallClock);
        assert_eq!(config.topic_configs["segment.bytes"], "1048576");
        assert_eq!(config.clients.consumer["fetch.max.bytes"], "1000");
        assert_eq!(config.clients.common["security.protocol"], "SASL_SSL");
        assert_eq!(config.transaction_timeout_ms, 20_000);
        let registry = config.registry.as_ref().unwrap();
        assert_eq!(
            (registry.url.as_str(), registry.basic_auth.clone()),
            ("http://r:8081", Some(("u".into(), "p:w".into())))
        );
        assert!(config.validate().unwrap_err().message().contains("`topology.optimization` can only be `none`"));
        config.optimize(Optimization::NONE).validate().unwrap();
    }

    #[test]
    fn unknown_key_names_its_line_and_the_nearest() {
        assert_eq!(
            refused("application.id=x\nprocesing.guarantee=at_least_once"),
            "line 2: unknown key `procesing.guarantee` (did you mean `processing.guarantee`?)"
        );
        assert_eq!(refused("entirely.different=1"), "line 1: unknown key `entirely.different`");
    }

    #[test]
    fn value_that_is_none_says_what_is_expected() {
        assert!(
            refused("commit.interval.ms=5s").contains("`commit.interval.ms` cannot be `5s`: a number of milliseconds")
        );
        assert!(refused("num.stream.threads=two").contains("a whole number is expected"));
        assert!(
            refused("processing.guarantee=exactly_once").contains("`at_least_once` or `exactly_once_v2` is expected")
        );
        assert!(refused("topology.optimization=al").contains("`al` is no optimisation"));
    }

    #[test]
    fn refused_key_names_its_replacement() {
        assert!(
            refused("rocksdb.config.setter=x").contains("kstreams.engine"),
            "{}",
            refused("rocksdb.config.setter=x")
        );
        assert!(refused("ssl.truststore.location=x").contains("ssl.ca.location"));
    }

    #[test]
    fn key_without_meaning_is_ignored_with_a_reason() {
        let mut config = Config::new("app", "embedded:");
        assert!(config.try_set("poll.ms", "100").unwrap().is_some());
        assert!(config.try_set("consumer.group.id", "other").unwrap().is_some());
        assert!(config.clients.consumer.is_empty());
        assert!(config.try_set("commit.interval.ms", "1").unwrap().is_none());
    }

    #[test]
    fn variables_are_keys_in_capitals() {
        let mut config = Config::new("app", "embedded:");
        let variables = [
            ("KSTREAMS_COMMIT_INTERVAL_MS", "7"),
            ("KSTREAMS_URL", "embedded:./data"),
            ("KSTREAMS_PRODUCER_LINGER_MS", "3"),
            ("KSTREAMS_TOPIC_SEGMENT_BYTES", "9"),
            ("KSTREAMS_SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO", "u:p"),
            ("KSTREAMS_RACK_AWARE_ASSIGNMENT_NON_OVERLAP_COST", "1"),
            ("PATH", "/bin"),
        ];
        config.apply_variables(variables).unwrap();
        assert_eq!((config.commit_interval_ms(), config.url.as_str()), (7, "embedded:./data"));
        assert_eq!(config.clients.producer["linger.ms"], "3");
        assert_eq!(config.topic_configs["segment.bytes"], "9");
        assert_eq!(config.registry.as_ref().unwrap().basic_auth, Some(("u".into(), "p".into())));
        let error = config.apply_variables([("KSTREAMS_COMIT_INTERVAL_MS", "1")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "variable KSTREAMS_COMIT_INTERVAL_MS: unknown key `comit.interval.ms` (did you mean `commit.interval.ms`?)"
        );
    }

    #[test]
    fn unreadable_file_is_named() {
        let error = Config::from_properties_file("/nonexistent/app.properties").unwrap_err();
        assert!(error.to_string().starts_with("/nonexistent/app.properties cannot be read"), "{error}");
    }
}
