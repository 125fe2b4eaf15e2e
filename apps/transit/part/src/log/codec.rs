//! Encoding records of one topic by their types' own formats.

use super::Outbound;
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::record::Topic;
use kstreams::serde::{Registry, Serde, SerdeContext, Wire};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest that a registry is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// The pause between two questions.
const PAUSE: Duration = Duration::from_millis(5);

/// Encodes the keys and values of one topic.
pub struct Codec<K, V> {
    topic: Topic,
    key: Arc<dyn Serde<K>>,
    value: Arc<dyn Serde<V>>,
}

impl<K: Wire, V: Wire> Codec<K, V> {
    /// The codec of a topic, with the schemas of this registry.
    ///
    /// # Errors
    /// `Config` if the registry refuses a schema.
    pub fn new(topic: Topic, registry: &Arc<dyn Registry>) -> Result<Self> {
        let side = |is_key| SerdeContext { topic: topic.clone(), is_key, registry: registry.clone() };
        let (key, value) = (K::format().serde(&side(true))?, V::format().serde(&side(false))?);
        Ok(Codec { topic, key, value })
    }

    /// A message for the topic. Blocks while the registry is asked, which is before the first message only.
    ///
    /// # Errors
    /// `Serialization` if a value has no encoding; what the registry answers.
    pub fn message(&self, partition: Option<i32>, key: &K, value: &V) -> Result<Outbound> {
        Ok(Outbound {
            topic: self.topic.clone(),
            partition,
            key: Some(encoded(&*self.key, key)?),
            value: Some(encoded(&*self.value, value)?),
        })
    }

    /// The topic.
    pub fn topic(&self) -> &Topic {
        &self.topic
    }
}

fn encoded<T>(serde: &dyn Serde<T>, value: &T) -> Result<Vec<u8>> {
    patiently(|| {
        let mut bytes = Vec::new();
        serde.serialize(value, &mut bytes).map(|()| bytes)
    })
}

/// Decodes a value, blocking while the registry is asked for its schema.
///
/// # Errors
/// `Deserialization` if the bytes are no such value; what the registry answers.
pub fn decoded<T>(serde: &dyn Serde<T>, bytes: &[u8]) -> Result<T> {
    patiently(|| serde.deserialize(bytes))
}

/// Tries again while the registry's answer is pending, for half a minute.
///
/// # Errors
/// The attempt's own, or `Timeout`.
pub fn patiently<T>(mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let begun = Instant::now();
    loop {
        match attempt() {
            Err(error) if error.kind() != ErrorKind::Pending => return Err(error),
            Err(_) if begun.elapsed() > PATIENCE => {
                return Err(Error::new(ErrorKind::Timeout, "the schema registry did not answer"));
            }
            Err(_) => std::thread::sleep(PAUSE),
            answer => return answer,
        }
    }
}
