//! Reading from Kafka: a member of a group, or partitions on its own; a queue for each partition that is read.

mod moving;

use super::cluster::Cluster;
use super::codes::kind_of;
use super::connection::connect;
use super::context::Rebalance;
use super::errors::{self, About};
use super::group::{Membership, named};
use super::groups;
use super::held_name::HeldName;
use super::native::{self, NativeConsumer};
use super::queue::Queue;
use super::settings::GroupProtocol;
use super::signal::Signal;
use super::topics::Questions;
use super::unheard::Unheard;
use super::worker::Worker;
use crate::error::{Error, ErrorKind, Result};
use crate::log::{
    Budget, Call, Consumer, ConsumerConfig, Fetched, GroupEvent, GroupMember, GroupMetadata, Offsets, Start, Visit,
};
use crate::record::{Topic, TopicPartition};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// The most events of librdkafka that are looked at in one step.
const EVENTS_MAX: usize = 8;

/// The most lines of librdkafka's log that are taken in one step, besides.
const LINES_MAX: usize = 1_000;

/// The longest that a goodbye to the group is waited for, in milliseconds.
const LEAVING_MS_MAX: i64 = 3_000;

/// Reads from Kafka.
pub(super) struct KafkaConsumer {
    cluster: Arc<Cluster>,
    config: ConsumerConfig,
    protocol: GroupProtocol,
    client: Arc<NativeConsumer>,
    worker: Worker,
    signal: Arc<Signal>,
    questions: Questions,
    membership: Membership,
    held_name: HeldName,
    unheard: Unheard,
    leaving_since_ms: Option<i64>,
    /// Who is left in the group, asked after the goodbye was sent.
    left: Option<Call<Vec<GroupMember>>>,
    queues: BTreeMap<TopicPartition, Queue>,
    /// The topics whose leaders the client was asked to look for, while any of their partitions is read; `None` once it has.
    leaders: BTreeMap<Topic, Option<Call<()>>>,
}

impl KafkaConsumer {
    pub(super) fn open(cluster: Arc<Cluster>, config: &ConsumerConfig) -> Result<Self> {
        let protocol = cluster.settings().group_protocol();
        let signal = Arc::new(Signal::default());
        Ok(KafkaConsumer {
            client: connect(&cluster, config, protocol, &signal)?,
            worker: Worker::new(format!("{}-worker", config.client_id)),
            questions: Questions::new(cluster.clone()),
            membership: Membership::default(),
            held_name: HeldName::default(),
            unheard: Unheard::default(),
            leaving_since_ms: None,
            left: None,
            queues: BTreeMap::new(),
            leaders: BTreeMap::new(),
            config: config.clone(),
            signal,
            protocol,
            cluster,
        })
    }

    fn group(&self) -> Result<&str> {
        let none = || Error::new(ErrorKind::Config, "the consumer has no group");
        self.config.group.as_deref().ok_or_else(none)
    }

    fn about(&self) -> About<'_> {
        self.config.group.as_deref().map_or(About::Brokers, About::Group)
    }

    fn is_member(&self) -> bool {
        !self.membership.topics.is_empty()
    }

    fn local<T>(&self, answer: KafkaResult<T>) -> Result<T> {
        // What librdkafka's own thread refuses is a step that we have taken out of turn.
        answer.map_err(|error| {
            errors::misuse("Kafka's client refuses a step of its group").with_detail(error.to_string())
        })
    }

    /// Lets librdkafka tell what it has; what it wants of the group becomes events.
    fn serve(&mut self) -> Result<()> {
        let (mut events, mut lines) = (0, 0);
        while events < EVENTS_MAX && lines < LINES_MAX {
            let before = self.client.context().lines.told();
            let told = self.client.poll(Duration::ZERO).map(|told| told.map(|_| ()));
            let new_lines = self.client.context().lines.told() - before;
            let rebalance = self.client.context().take_rebalance();
            let is_quiet = told.is_none() && rebalance.is_none();
            match told {
                // Partitions that are read have queues of their own.
                Some(Ok(())) => return Err(errors::misuse("a message came on the common queue")),
                Some(Err(error)) => self.heed(&error)?,
                None => {}
            }
            if let Some(rebalance) = rebalance {
                self.rebalance(rebalance)?;
            }
            match new_lines {
                0 if is_quiet => break,
                0 => events += 1,
                _ => lines += new_lines,
            }
        }
        match self.client.context().trouble.refusal() {
            Some(refusal) => Err(refusal),
            None => Ok(()),
        }
    }

    fn rebalance(&mut self, rebalance: Rebalance) -> Result<()> {
        let (client, is_leaving) = (self.client.clone(), self.leaving_since_ms.is_some());
        let answered = match rebalance {
            Rebalance::Assign(partitions) => {
                self.held_name.given();
                self.membership.assigned(&client, named(partitions), &self.signal)
            }
            Rebalance::Revoke(partitions) if !is_leaving => self.membership.revoked(&client, named(partitions)),
            Rebalance::Revoke(partitions) | Rebalance::Lose(partitions) => {
                let partitions = named(partitions);
                partitions.iter().for_each(|partition| drop(self.queues.remove(partition)));
                self.membership.lost(&client, partitions)
            }
        };
        self.local(answered)
    }

    fn heed(&mut self, error: &KafkaError) -> Result<()> {
        let Some(code) = error.rdkafka_error_code() else { return Ok(()) };
        let seen = self.client.context().trouble.text();
        match code {
            Code::UnsupportedVersion | Code::UnsupportedFeature if self.protocol == GroupProtocol::Consumer => {
                self.fall_back(&seen)
            }
            Code::UnreleasedInstanceId if self.protocol == GroupProtocol::Consumer => {
                self.held_name.refused(seen);
                Ok(())
            }
            Code::FencedInstanceId | Code::UnreleasedInstanceId => Err(errors::same_name(&seen)),
            // A topic that is subscribed to may come later.
            Code::UnknownTopicOrPartition | Code::UnknownTopic => Ok(()),
            _ => match kind_of(code) {
                ErrorKind::Unauthorized | ErrorKind::Config => {
                    Err(errors::error(code, self.about(), &format!("{error}; {seen}")))
                }
                _ => {
                    tracing::debug!(target: "kstreams::kafka", %error, seen, "told while polling");
                    Ok(())
                }
            },
        }
    }

    /// The brokers do not know the new group protocol: joins again with the old one.
    fn fall_back(&mut self, seen: &str) -> Result<()> {
        tracing::warn!(group = self.config.group, seen, "the brokers have no `consumer` groups: using a classic one");
        self.protocol = GroupProtocol::Classic;
        self.join_anew()
    }

    /// Joins with another client: one that has failed for good is of no use any more.
    fn join_anew(&mut self) -> Result<()> {
        let client = connect(&self.cluster, &self.config, self.protocol, &self.signal)?;
        let old = std::mem::replace(&mut self.client, client);
        let topics = std::mem::take(&mut self.membership.topics);
        (self.membership, self.queues) = (Membership::default(), BTreeMap::new());
        old.context().close();
        self.worker.finish(move || drop(old));
        self.membership.topics = topics;
        self.join()
    }

    /// Joins anew if the group has given partitions to this member that its client does not know of. What it has is lost by that.
    fn check_unheard(&mut self, now_ms: i64) -> Result<()> {
        let is_steady = self.membership.events.is_empty() && !self.membership.is_giving_back();
        if !self.is_member() || self.protocol != GroupProtocol::Consumer || !is_steady {
            return Ok(());
        }
        let (client, cluster, group) = (&self.client, &self.cluster, self.config.group.clone().unwrap_or_default());
        let ask = || {
            let member = native::group_metadata(client, &group).map(|known| known.member);
            cluster.ask(move |cluster| {
                let members = groups::members(cluster, &group)?;
                let own = members.into_iter().find(|one| member.as_ref() == Some(&one.member));
                Ok(own.map(|own| own.partitions).unwrap_or_default())
            })
        };
        let Some(lacking) = self.unheard.poll(&self.membership.owned, now_ms, ask) else { return Ok(()) };
        tracing::warn!(
            ?lacking,
            "the group has given partitions to this member that its client never heard of: joining anew"
        );
        let owned: Vec<TopicPartition> = std::mem::take(&mut self.membership.owned).into_iter().collect();
        self.unheard = Unheard::default();
        self.join_anew()?;
        if !owned.is_empty() {
            self.membership.events.push_back(GroupEvent::Lost(owned));
        }
        Ok(())
    }

    fn join(&mut self) -> Result<()> {
        let topics: Vec<&str> = self.membership.topics.iter().map(Topic::as_str).collect();
        self.client.subscribe(&topics).map_err(|error| errors::from_client(&error, self.about(), ""))
    }

    /// Whether the group has heard the goodbye. A classic group's answer takes the member's name or generation away. In a new one
    /// librdkafka goes back to generation 0 when it *sends* the goodbye and keeps the name: then the group is asked.
    fn has_left(&mut self, now_ms: i64) -> bool {
        let Some(group) = self.config.group.clone() else { return true };
        let known = native::group_metadata(&self.client, &group);
        let Some(known) = known.filter(|known| known.generation >= 0 && !known.member.is_empty()) else { return true };
        if known.generation > 0 {
            return false;
        }
        let cluster = &self.cluster;
        let left = self.left.get_or_insert_with(|| cluster.ask(move |cluster| groups::members(cluster, &group)));
        let Poll::Ready(left) = left.poll(now_ms) else { return false };
        self.left = None;
        match left {
            Ok(left) => left.iter().all(|member| member.member != known.member),
            Err(error) => error.kind() == ErrorKind::NotFound,
        }
    }
}

impl Consumer for KafkaConsumer {
    fn subscribe(&mut self, topics: &[Topic]) -> Result<()> {
        self.group()?;
        self.membership.topics = topics.iter().cloned().collect();
        self.leaving_since_ms = None;
        if topics.is_empty() { Ok(()) } else { self.join() }
    }

    fn poll_event(&mut self, now_ms: i64) -> Result<Option<GroupEvent>> {
        if self.held_name.is_to_ask_again(now_ms, self.config.session_timeout_ms)? {
            self.join_anew()?;
        }
        if self.membership.events.is_empty() {
            self.serve()?;
        }
        self.check_unheard(now_ms)?;
        let event = self.membership.events.pop_front();
        if let Some(GroupEvent::Lost(partitions)) = &event {
            partitions.iter().for_each(|partition| drop(self.queues.remove(partition)));
        }
        Ok(event)
    }

    fn poll_leave(&mut self, now_ms: i64) -> Poll<Result<()>> {
        if !self.is_member() && self.leaving_since_ms.is_none() {
            return Poll::Ready(Ok(()));
        }
        let since_ms = *self.leaving_since_ms.get_or_insert_with(|| {
            self.client.unsubscribe();
            now_ms
        });
        self.queues.clear();
        let given_back = self.membership.give_back(&self.client);
        self.local(given_back)?;
        self.serve()?;
        if !self.has_left(now_ms) && now_ms.saturating_sub(since_ms) < LEAVING_MS_MAX {
            return Poll::Pending;
        }
        self.membership = Membership::default();
        (self.leaving_since_ms, self.left) = (None, None);
        Poll::Ready(Ok(()))
    }

    fn group_metadata(&self) -> Option<GroupMetadata> {
        let group = self.config.group.as_deref()?;
        let known = if self.is_member() { native::group_metadata(&self.client, group) } else { None };
        Some(known.unwrap_or_else(|| GroupMetadata::without_member(group)))
    }

    fn assign(&mut self, partitions: &[(TopicPartition, Start)]) -> Result<()> {
        for (partition, start) in partitions {
            match self.queues.get_mut(partition) {
                Some(queue) => queue.start(*start),
                None => {
                    let queue = self.queue_for(partition, *start)?;
                    self.queues.insert(partition.clone(), queue);
                }
            }
            if self.is_member() {
                // At once: before the next rebalance. Nothing has to be asked about a partition that the group gave.
                self.advance(partition, 0)?;
            }
        }
        Ok(())
    }

    fn unassign(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        partitions.iter().try_for_each(|partition| self.stop_reading(partition))
    }

    fn assignment(&self) -> Vec<TopicPartition> {
        self.queues.keys().cloned().collect()
    }

    fn fetch(
        &mut self,
        partition: &TopicPartition,
        budget: Budget,
        now_ms: i64,
        visit: &mut Visit<'_>,
    ) -> Result<Fetched> {
        if !self.is_member() {
            // Nobody else lets librdkafka tell what is the matter.
            self.serve()?;
        }
        if !self.advance(partition, now_ms)? {
            return Ok(Fetched::default());
        }
        let Some(queue) = self.queues.get_mut(partition) else { return Ok(Fetched::default()) };
        let fetched = queue.hand_out(partition, budget, visit)?;
        if fetched.records > 0 {
            self.client.context().trouble.clear();
        }
        Ok(fetched)
    }

    fn position(&self, partition: &TopicPartition) -> Option<i64> {
        self.queues.get(partition)?.position()
    }

    fn lag(&self, partition: &TopicPartition) -> Option<i64> {
        self.queues.get(partition)?.lag(partition)
    }

    fn commit(&mut self, offsets: &Offsets) -> Call<()> {
        let group = match self.group() {
            Ok(group) => group.to_owned(),
            Err(error) => return Call::ready(Err(error)),
        };
        let (client, offsets, is_member) = (self.client.clone(), offsets.clone(), self.is_member());
        self.worker.ask(move || {
            drain(&client, is_member);
            groups::commit(&client, &group, &groups::list_of(&offsets)?)
        })
    }

    fn committed(&self, partitions: &[TopicPartition]) -> Call<Offsets> {
        let group = match self.group() {
            Ok(group) => group.to_owned(),
            Err(error) => return Call::ready(Err(error)),
        };
        let (client, partitions, is_member) = (self.client.clone(), partitions.to_vec(), self.is_member());
        self.worker.ask(move || {
            drain(&client, is_member);
            let trouble = &client.context().trouble;
            let failed = |error| errors::from_client(&error, About::Group(&group), &trouble.text());
            match groups::committed(&client, &partitions).map_err(failed).flatten() {
                Err(error) if error.kind() == ErrorKind::Timeout => Err(trouble.refusal().unwrap_or(error)),
                answer => answer,
            }
        })
    }

    fn wait(&mut self, timeout: Duration) {
        self.signal.wait(timeout);
    }
}

/// Takes the log of a client that only asks about offsets: nobody else does. A member hears it, and more, in each step.
fn drain(client: &NativeConsumer, is_member: bool) {
    if !is_member {
        (0..LINES_MAX).for_each(|_| drop(client.poll(Duration::ZERO)));
    }
}

impl Drop for KafkaConsumer {
    fn drop(&mut self) {
        // Queues belong to the client's memory: they go first.
        self.queues.clear();
        self.membership.parked.clear();
        if let Err(error) = self.membership.give_back(&self.client) {
            tracing::debug!(target: "kstreams::kafka", %error, "giving partitions back");
        }
        self.client.context().close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ClientKeys;
    use crate::log::kafka::settings::Settings;
    use crate::record::{Clock as _, SystemClock};
    use rdkafka::mocking::MockCluster;

    #[test]
    fn lines_of_the_log_do_not_hold_up_what_comes_behind_them() {
        let brokers = MockCluster::new(1).unwrap();
        brokers.create_topic("in", 1, 1).unwrap();
        let own = |settings: &[(&str, &str)]| {
            settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let common = own(&[("group.protocol", "classic")]);
        let keys = ClientKeys { common, consumer: own(&[("debug", "all")]), ..ClientKeys::default() };
        let cluster = Cluster::new(Settings::new(&brokers.bootstrap_servers(), &keys));
        let config = ConsumerConfig { group: Some(String::from("g")), ..ConsumerConfig::default() };
        let mut consumer = KafkaConsumer::open(cluster, &config).unwrap();
        consumer.subscribe(&[Topic::from("in")]).unwrap();
        let mut told = consumer.client.context().lines.told();
        let mut events = (0..400).filter_map(|_| {
            consumer.wait(Duration::from_millis(50));
            let event = consumer.poll_event(SystemClock.now_ms()).unwrap();
            told = consumer.client.context().lines.told();
            event
        });
        let expected = GroupEvent::Assigned(vec![TopicPartition::new("in", 0)]);
        assert_eq!(events.next(), Some(expected));
        assert!(told > 400, "more lines than steps: {told}");
    }
}
