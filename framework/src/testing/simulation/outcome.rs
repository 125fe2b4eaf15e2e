//! What a run came to: the content of topics and stores, for the oracle and for invariants.

use super::failure::Finding;
use super::world::{PATIENCE, World};
use crate::error::{Error, ErrorKind, Result};
use crate::log::client::{ReceivedMessage, read_all, wait};
use crate::log::{Admin, Log, OffsetAt, Offsets, TopicInfo};
use crate::record::{Record, Topic, TopicPartition};
use crate::runtime::{StoreRows, StoreView};
use crate::serde::{Nullable, Registry, SerdeContext, Wire};
use crate::store::StoreHandle;
use crate::testing::SteppedStreams;
use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::Arc;

/// The content of topics and stores, as it was when a run had come to rest.
pub(super) struct Content {
    pub(super) topics: BTreeMap<Topic, Vec<ReceivedMessage>>,
    pub(super) rows: StoreRows,
    /// What global tables hold, by instance.
    pub(super) global_rows: Vec<StoreRows>,
    /// What the group has committed.
    pub(super) offsets: Offsets,
}

impl Content {
    /// With the messages that topics had before, unless they are outputs: what became too old may be gone.
    pub(super) fn keep_inputs_of(&mut self, before: &Content, is_output: impl Fn(&Topic) -> bool) {
        let inputs = before.topics.iter().filter(|(topic, _)| !is_output(topic));
        self.topics.extend(inputs.map(|(topic, messages)| (topic.clone(), messages.clone())));
    }

    /// All of it, for the trace.
    pub(super) fn digest(&self) -> impl Hash {
        let messages = self.topics.values().flatten().map(|message| {
            let headers = message.headers.as_slice().iter().map(|header| (&header.name, &header.value));
            let place = (&message.partition, message.offset, message.timestamp);
            (place, &message.key, &message.value, headers.collect::<Vec<_>>())
        });
        let offsets = self.offsets.iter().map(|(partition, at)| (partition, at.offset, &at.metadata));
        (messages.collect::<Vec<_>>(), &self.rows, &self.global_rows, offsets.collect::<Vec<_>>())
    }
}

/// The end of a run, for invariants: every instance runs, everything is committed.
pub struct Outcome<'a> {
    pub(super) content: &'a Content,
    pub(super) registry: Arc<dyn Registry>,
    pub(super) instances: Vec<&'a SteppedStreams>,
    pub(super) seed: u64,
}

impl Outcome<'_> {
    /// The seed of the run.
    ///
    /// ```
    #[doc = counting!()]
    /// let simulation = simulation().invariant("it holds", |outcome| {
    ///     // What the input was made of, again.
    ///     let rides = rides(&mut Random::new(outcome.seed()));
    ///     assert_eq!(outcome.messages("rides")?.len(), rides.len());
    ///     Ok(())
    /// });
    /// simulation.check(0..3).unwrap_or_else(|failure| panic!("{failure}"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The committed messages of a topic, partition by partition; of an input topic, too.
    ///
    /// # Errors
    /// `NotFound` if there is no such topic.
    ///
    /// ```
    #[doc = counting!()]
    /// let simulation = simulation().invariant("it holds", |outcome| {
    ///     // Where it lies, and the bytes.
    ///     for total in outcome.messages("totals")? {
    ///         assert_eq!(total.partition.to_string(), "totals-0");
    ///         assert_eq!(total.value.as_ref().map(Vec::len), Some(8));
    ///     }
    ///     Ok(())
    /// });
    /// simulation.check(0..3).unwrap_or_else(|failure| panic!("{failure}"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn messages(&self, topic: &str) -> Result<&[ReceivedMessage]> {
        let unknown = || {
            let names: Vec<&str> = self.content.topics.keys().map(Topic::as_str).collect();
            Error::new(ErrorKind::NotFound, format!("the simulation has no topic `{topic}`"))
                .with_hint(format!("it has {}", names.join(", ")))
        };
        self.content.topics.get(&Topic::from(topic)).map(Vec::as_slice).ok_or_else(unknown)
    }

    /// The committed records of a topic, partition by partition; of an input topic, too.
    ///
    /// # Errors
    /// `NotFound` if there is no such topic; `Deserialization` for a record of another type.
    ///
    /// ```
    #[doc = counting!()]
    /// let simulation = simulation().invariant("it holds", |outcome| {
    ///     // Every ride adds one to the count of its station: there are as many of the one as of the other.
    ///     let (rides, totals) = (outcome.records::<String, i64>("rides")?, outcome.records::<String, i64>("totals")?);
    ///     for station in ["station 0", "station 1", "station 2"] {
    ///         let rides = rides.iter().filter(|ride| ride.key == station).count();
    ///         assert_eq!(totals.iter().filter(|total| total.key == station).count(), rides, "{station}");
    ///     }
    ///     Ok(())
    /// });
    /// simulation.check(0..3).unwrap_or_else(|failure| panic!("{failure}"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn records<K: Nullable<Inner: Wire>, V: Nullable<Inner: Wire>>(
        &self,
        topic: &str,
    ) -> Result<Vec<Record<K, V>>> {
        let decode = |message: &ReceivedMessage| {
            let topic = &message.partition.topic;
            let key = self.decode::<K>(message.key.as_deref(), topic, true)?;
            let value = self.decode::<V>(message.value.as_deref(), topic, false)?;
            Ok(Record { key, value, timestamp: message.timestamp, headers: message.headers.clone() })
        };
        self.messages(topic)?.iter().map(decode).collect()
    }

    /// The last value of each key of a topic.
    ///
    /// # Errors
    /// As [`records`](Self::records).
    ///
    /// ```
    #[doc = counting!()]
    /// let simulation = simulation().invariant("it holds", |outcome| {
    ///     let totals = outcome.latest::<String, i64>("totals")?;
    ///     assert_eq!(totals.values().sum::<i64>(), 10, "{totals:?}");
    ///     Ok(())
    /// });
    /// simulation.check(0..3).unwrap_or_else(|failure| panic!("{failure}"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn latest<K: Nullable<Inner: Wire> + Ord, V: Nullable<Inner: Wire>>(
        &self,
        topic: &str,
    ) -> Result<BTreeMap<K, V>> {
        Ok(self.records(topic)?.into_iter().map(|record| (record.key, record.value)).collect())
    }

    /// A store, in each of the instances that share its tasks.
    ///
    /// # Errors
    /// As [`Streams::store`](crate::runtime::Streams::store).
    ///
    /// ```
    #[doc = counting!()]
    /// let simulation = simulation().invariant("it holds", |outcome| {
    ///     use kstreams::store::TimestampedKeyValueStore;
    ///
    ///     // Every instance has the stations of its own tasks.
    ///     let mut counted = 0;
    ///     for view in outcome.store::<TimestampedKeyValueStore<String, i64>>("counts")? {
    ///         for row in view.all()? {
    ///             counted += row?.1.value;
    ///         }
    ///     }
    ///     assert_eq!(counted, 10);
    ///     Ok(())
    /// });
    /// simulation.check(0..3).unwrap_or_else(|failure| panic!("{failure}"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn store<S: StoreHandle>(&self, name: &str) -> Result<Vec<StoreView<S>>> {
        self.instances.iter().map(|instance| instance.store(name)).collect()
    }

    fn decode<T: Nullable<Inner: Wire>>(&self, bytes: Option<&[u8]>, topic: &Topic, is_key: bool) -> Result<T> {
        let context = SerdeContext { topic: topic.clone(), is_key, registry: self.registry.clone() };
        let serde = T::Inner::format().serde(&context)?;
        let value = bytes.map(|bytes| serde.deserialize(bytes)).transpose()?;
        let unexpected = || Error::new(ErrorKind::Deserialization, format!("topic `{topic}` has a null"));
        T::from_option(value).ok_or_else(unexpected)
    }
}

impl World<'_> {
    pub(super) fn admin(&self) -> Result<Arc<dyn Admin>, Finding> {
        self.log.admin().map_err(Finding::of_the_log)
    }

    pub(super) fn topics(&self) -> Result<Vec<TopicInfo>, Finding> {
        wait(&*self.log, self.admin()?.topics(), PATIENCE).map_err(Finding::of_the_log)
    }

    pub(super) fn offsets(&self, at: OffsetAt) -> Result<BTreeMap<TopicPartition, i64>, Finding> {
        let topics = self.topics()?;
        let all = topics.iter().flat_map(|info| {
            (0..info.partitions).map(|partition| TopicPartition { topic: info.topic.clone(), partition })
        });
        let all: Vec<TopicPartition> = all.collect();
        wait(&*self.log, self.admin()?.offsets(&all, at), PATIENCE).map_err(Finding::of_the_log)
    }

    /// Everything, as it is now.
    pub(super) fn read_content(&mut self) -> Result<Content, Finding> {
        let topics = self.read_topics()?;
        let (rows, global_rows) = self.read_rows()?;
        let group = self.admin()?.describe_group(&self.simulation.config.application_id);
        let offsets = wait(&*self.log, group, PATIENCE).map_err(Finding::of_the_log)?.offsets;
        Ok(Content { topics, rows, global_rows, offsets })
    }

    /// What everybody who reads committed messages sees.
    fn read_topics(&self) -> Result<BTreeMap<Topic, Vec<ReceivedMessage>>, Finding> {
        let read = |info: TopicInfo| {
            let messages = read_all(&*self.log, &info.topic, PATIENCE).map_err(Finding::of_the_log)?;
            Ok((info.topic, messages))
        };
        self.topics()?.into_iter().map(read).collect()
    }

    /// The rows of all instances, and those of their global tables.
    fn read_rows(&mut self) -> Result<(StoreRows, Vec<StoreRows>), Finding> {
        let (mut all, mut globals) = (StoreRows::new(), Vec::new());
        let simulation = self.simulation;
        for (instance, streams) in self.running() {
            let rows = streams.rows().map_err(|error| Finding::fatal(instance, &error))?;
            let (global, own): (StoreRows, StoreRows) =
                rows.into_iter().partition(|((_, task), _)| simulation.is_global(task.subtopology));
            globals.push(global);
            for (store, rows) in own {
                if all.insert(store.clone(), rows).is_some() {
                    return Err(Finding::shared_task(&store));
                }
            }
        }
        Ok((all, globals))
    }
}

#[cfg(test)]
mod tests {
    use super::super::trace::{Trace, TraceHash};
    use super::*;
    use crate::log::OffsetAndMetadata;
    use crate::record::Headers;

    fn hash(headers: Headers, committed: i64) -> TraceHash {
        let partition = TopicPartition::new("out", 0);
        let message = ReceivedMessage {
            partition: partition.clone(),
            offset: 0,
            key: None,
            value: Some(vec![1]),
            timestamp: 0,
            headers,
        };
        let content = Content {
            topics: BTreeMap::from([(Topic::from("out"), vec![message])]),
            rows: StoreRows::new(),
            global_rows: Vec::new(),
            offsets: Offsets::from([(partition, OffsetAndMetadata::new(committed))]),
        };
        let mut trace = Trace::new(false);
        trace.note(0, content.digest(), String::new);
        trace.hash()
    }

    #[test]
    fn headers_and_committed_offsets_are_in_the_trace() {
        let mut headers = Headers::default();
        headers.push("trace", Some(b"1"));
        assert_eq!(hash(headers.clone(), 1), hash(headers.clone(), 1));
        assert_ne!(hash(headers.clone(), 1), hash(Headers::default(), 1));
        assert_ne!(hash(headers.clone(), 1), hash(headers, 2));
    }
}
