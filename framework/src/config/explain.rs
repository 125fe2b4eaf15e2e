//! What became of each key that somebody wrote, for the people who move a configuration here.

use super::clients::ClientSide;
use super::keys::{self, Treatment};
use super::source::VARIABLE_PREFIX;
use super::{Config, properties, secret};

/// What became of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// It means what it means in Kafka Streams, or is one of ours.
    Taken,
    /// It became something else.
    Translated {
        /// What it became.
        becomes: &'static str,
    },
    /// It went to clients of Kafka.
    Client {
        /// Which ones: `all clients`, `consumers`, `producers` and so on.
        clients: &'static str,
    },
    /// It went to internal topics.
    Topic,
    /// It has no meaning here.
    Ignored {
        /// Why not.
        because: &'static str,
    },
    /// It was not accepted: unknown, not supported, or with a value that is none. A program that reads it does not start.
    Refused {
        /// What is wrong with it.
        because: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

/// A key that somebody wrote, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExplainedKey {
    /// Where it stands: `line 3`, `variable KSTREAMS_URL`.
    pub origin: String,
    /// The key as Kafka Streams knows it.
    pub key: String,
    /// The value, if it is no secret.
    pub value: String,
    /// What became of it.
    pub fate: Fate,
}

impl Config {
    /// Sets every pair of a text in Java's properties format, as [`apply_properties`](Self::apply_properties) does, and tells
    /// what became of each. It goes on after a key that is refused.
    ///
    /// ```
    /// use kstreams::config::{Config, Fate};
    ///
    /// let mut config = Config::new("", "");
    /// let keys = config.explain_properties("bootstrap.servers=a:9092\npoll.ms=7\nsasl.password=hunter2\nstate.dri=x");
    /// assert_eq!(keys[0].fate, Fate::Translated { becomes: "`kstreams.url` = `kafka://…`" });
    /// assert!(matches!(keys[1].fate, Fate::Ignored { .. }));
    /// assert_eq!((keys[2].value.as_str(), &keys[2].fate), ("[hidden]", &Fate::Client { clients: "all clients" }));
    /// let Fate::Refused { hint, .. } = &keys[3].fate else { panic!("a key that does not exist") };
    /// assert_eq!(hint.as_deref(), Some("did you mean `state.dir`?"));
    /// ```
    pub fn explain_properties(&mut self, text: &str) -> Vec<ExplainedKey> {
        let pairs = properties::parse(text).into_iter();
        pairs.map(|(number, key, value)| self.explain(format!("line {number}"), &key, &value)).collect()
    }

    /// The same for variables of the environment, as [`apply_variables`](Self::apply_variables) sets them.
    ///
    /// ```
    /// use kstreams::config::{Config, Fate};
    ///
    /// let mut config = Config::new("", "");
    /// let keys = config.explain_variables([("KSTREAMS_NUM_STREAM_THREADS", "2"), ("HOME", "/root")]);
    /// assert_eq!((keys.len(), config.num_stream_threads), (1, 2));
    /// assert_eq!((keys[0].key.as_str(), &keys[0].fate), ("num.stream.threads", &Fate::Taken));
    /// ```
    pub fn explain_variables<'a>(
        &mut self,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Vec<ExplainedKey> {
        let ours =
            variables.into_iter().filter_map(|(name, value)| Some((name, name.strip_prefix(VARIABLE_PREFIX)?, value)));
        ours.map(|(name, words, value)| self.explain(format!("variable {name}"), &keys::of_variable(words), value))
            .collect()
    }

    fn explain(&mut self, origin: String, key: &str, value: &str) -> ExplainedKey {
        let fate = match self.try_set(key, value) {
            Ok(_) => keys::treatment(key).map_or(Fate::Taken, Fate::of),
            Err(error) => Fate::Refused { because: error.message().to_owned(), hint: error.hint().map(str::to_owned) },
        };
        ExplainedKey { origin, key: key.to_owned(), value: secret::shown(key, value).into_owned(), fate }
    }
}

impl Fate {
    /// Of a key that was accepted.
    fn of(treatment: Treatment<'_>) -> Self {
        match treatment {
            Treatment::Taken(_) | Treatment::Refused(_) => Fate::Taken,
            Treatment::Translated(_, becomes) => Fate::Translated { becomes },
            Treatment::Client(side) => Fate::Client { clients: side.words() },
            Treatment::Topic(_) => Fate::Topic,
            Treatment::Ignored(because) => Fate::Ignored { because },
        }
    }
}

impl ClientSide {
    fn words(self) -> &'static str {
        match self {
            ClientSide::Common => "all clients",
            ClientSide::Consumer => "consumers",
            ClientSide::RestoreConsumer => "restore consumers",
            ClientSide::GlobalConsumer => "global consumers",
            ClientSide::Producer => "producers",
            ClientSide::Admin => "the admin client",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(text: &str) -> ExplainedKey {
        Config::new("", "").explain_properties(text).remove(0)
    }

    #[test]
    fn every_fate_is_told() {
        assert_eq!(explained("commit.interval.ms=7").fate, Fate::Taken);
        assert_eq!(explained("topic.segment.bytes=7").fate, Fate::Topic);
        assert_eq!(explained("consumer.fetch.min.bytes=7").fate, Fate::Client { clients: "consumers" });
        assert_eq!(
            explained("cache.max.bytes.buffering=7").fate,
            Fate::Translated { becomes: "`statestore.cache.max.bytes`" }
        );
        assert!(matches!(explained("default.key.serde=x").fate, Fate::Ignored { .. }));
        assert!(matches!(explained("upgrade.from=3.4").fate, Fate::Refused { hint: Some(_), .. }));
        assert!(matches!(explained("no.such.key.at.all=1").fate, Fate::Refused { hint: None, .. }));
        assert!(matches!(explained("num.stream.threads=two").fate, Fate::Refused { .. }));
    }

    #[test]
    fn what_follows_a_refused_key_is_set() {
        let mut config = Config::new("", "");
        let keys = config.explain_properties("upgrade.from=3.4\nnum.stream.threads=3");
        assert_eq!((keys.len(), config.num_stream_threads), (2, 3));
        assert_eq!(keys[1].origin, "line 2");
    }

    #[test]
    fn no_secret_is_told_in_a_value_or_a_reason() {
        for text in ["basic.auth.user.info=hunter2", "ssl.truststore.password=hunter2", "sasl.password=hunter2"] {
            let told = format!("{:?}", explained(text));
            assert!(!told.contains("hunter2"), "{told}");
            let set = Config::from_properties(text).err().map(|error| format!("{error:?}")).unwrap_or_default();
            assert!(!set.contains("hunter2"), "{set}");
        }
    }
}
