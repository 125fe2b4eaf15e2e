//! How a partition comes to be read from where it is to begin, and how it stops being read.
//!
//! ```text
//! Checking -> Asking (for a committed offset), Looking (for the beginning) -> Moving -> Reading
//! ```
//!
//! Nothing waits: each step asks, or looks for an answer.

use super::super::admin::add;
use super::super::cluster::ANSWER;
use super::super::errors::{self, About};
use super::super::group::{is_incremental, list};
use super::super::native::PartitionQueue;
use super::super::queue::{Queue, Stage};
use super::KafkaConsumer;
use crate::error::{Error, ErrorKind, Result};
use crate::log::{Consumer as _, OffsetAt, OffsetReset, Start};
use crate::record::{Topic, TopicPartition};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::{Offset, TopicPartitionList};
use std::task::Poll;
use std::time::Duration;

/// So often a member's partition is tried to be moved before it is taken anew: librdkafka may be busy with it.
const MOVES_MAX: u32 = 50;

/// So long the beginning of a partition is looked for while no broker answers, in milliseconds.
const LOOKING_MS_MAX: i64 = 60_000;

/// So long while a broker says that the topic, which is there, is not: it has not heard of it yet.
const UNHEARD_MS_MAX: i64 = 2_000;

/// librdkafka's own thread answers a move, not a broker.
const MOVE: Duration = Duration::from_secs(1);

impl KafkaConsumer {
    /// A queue for a partition that is not read yet.
    pub(super) fn queue_for(&mut self, partition: &TopicPartition, start: Start) -> Result<Queue> {
        if let Some(native) = self.membership.parked.remove(partition) {
            return Ok(Queue::new(native, start, true));
        }
        if self.is_member() {
            // It was lost in between.
            return Err(errors::error(
                Code::UnknownMemberId,
                self.about(),
                &format!("{partition} is not this member's"),
            ));
        }
        match PartitionQueue::split(&self.client, partition, &self.signal) {
            Some(native) => Ok(Queue::new(native, start, false)),
            None => Err(errors::no_partition(partition)),
        }
    }

    /// Brings a partition a step nearer to being read. True once it is.
    pub(super) fn advance(&mut self, partition: &TopicPartition, now_ms: i64) -> Result<bool> {
        let is_member = self.is_member();
        let Some(queue) = self.queues.get_mut(partition) else { return Ok(false) };
        match &mut queue.stage {
            Stage::Reading => Ok(true),
            Stage::Outside(seen) => {
                let seen = seen.clone();
                Err(queue.outside(partition, &seen))
            }
            Stage::Checking(_) => {
                let Poll::Ready(known) = self.questions.poll_with(&partition.topic, partition.partition, now_ms) else {
                    return Ok(false);
                };
                known?;
                if !self.knows_leaders(&partition.topic, now_ms) {
                    return Ok(false);
                }
                self.queues.get_mut(partition).into_iter().for_each(Queue::checked);
                self.advance(partition, now_ms)
            }
            Stage::Moving { to: Offset::Stored, .. } => {
                let call = self.committed(std::slice::from_ref(partition));
                self.set_stage(partition, Stage::Asking(call));
                Ok(false)
            }
            Stage::Asking(call) => {
                let Poll::Ready(committed) = call.poll(now_ms) else { return Ok(false) };
                // If there is no answer, the next attempt asks again.
                queue.stage = Stage::Moving { to: Offset::Stored, attempts: 0 };
                let committed = committed?;
                let start = committed.get(partition).map(|committed| Start::Offset(committed.offset));
                let Some(start) = start.or(first_start(self.config.offset_reset)) else {
                    queue.stage = Stage::Outside(String::from("`auto.offset.reset` is `none`"));
                    return self.advance(partition, now_ms);
                };
                queue.start(start);
                queue.checked();
                self.advance(partition, now_ms)
            }
            // A member's partition is moved at once, before the next rebalance: librdkafka looks for its beginning.
            Stage::Moving { to: Offset::Beginning, .. } if !is_member => {
                queue.looking_since_ms.get_or_insert(now_ms);
                let here = [partition.clone()];
                let call = self.cluster.ask(move |cluster| cluster.offsets_now(&here, OffsetAt::Beginning));
                self.set_stage(partition, Stage::Looking(call));
                Ok(false)
            }
            Stage::Looking(call) => {
                let Poll::Ready(found) = call.poll(now_ms) else { return Ok(false) };
                queue.stage = Stage::Moving { to: Offset::Beginning, attempts: 0 };
                let looked_ms = now_ms.saturating_sub(queue.looking_since_ms.unwrap_or(now_ms));
                let found = match found {
                    Err(error) if looked_ms < looking_ms_max(&error) => {
                        tracing::debug!(target: "kstreams::kafka", %partition, %error, "looking for the beginning again");
                        return Ok(false);
                    }
                    found => found?,
                };
                queue.found_beginning(found.get(partition).copied().unwrap_or(0));
                self.advance(partition, now_ms)
            }
            Stage::Moving { to, attempts } => {
                let (to, attempts) = (*to, *attempts);
                self.move_to(partition, to, attempts)
            }
        }
    }

    /// Whether librdkafka knows who leads the partitions of a topic: it is told before it is to read one on its own. Left alone, it
    /// asks up to a second later. If nobody answers, it goes on asking.
    fn knows_leaders(&mut self, topic: &Topic, now_ms: i64) -> bool {
        if self.is_member() {
            return true;
        }
        let KafkaConsumer { client, worker, leaders, .. } = self;
        let answer = leaders.entry(topic.clone()).or_insert_with(|| {
            let (client, topic) = (client.clone(), topic.clone());
            Some(worker.ask(move || {
                let told = client.fetch_metadata(Some(topic.as_str()), ANSWER);
                told.map(drop).map_err(|error| errors::from_client(&error, About::Topic(topic.as_str()), ""))
            }))
        });
        match answer.as_mut().map(|answer| answer.poll(now_ms)) {
            Some(Poll::Pending) => return false,
            Some(Poll::Ready(Err(error))) => {
                tracing::debug!(target: "kstreams::kafka", %topic, %error, "who leads its partitions");
            }
            Some(Poll::Ready(Ok(()))) | None => {}
        }
        *answer = None;
        true
    }

    fn set_stage(&mut self, partition: &TopicPartition, stage: Stage) {
        if let Some(queue) = self.queues.get_mut(partition) {
            queue.stage = stage;
        }
    }

    fn move_to(&mut self, partition: &TopicPartition, to: Offset, attempts: u32) -> Result<bool> {
        let Some(queue) = self.queues.get(partition) else { return Ok(false) };
        let here = std::slice::from_ref(partition);
        let (topic, number) = (partition.topic.as_str(), partition.partition);
        let is_paused = queue.is_attached && self.is_member();
        // Whatever changes a partition while librdkafka looks for its beginning or end makes it look again half a second later.
        let is_looked_for = !matches!(to, Offset::Offset(_));
        if is_paused && is_looked_for {
            self.local(self.client.resume(&list(here, None)))?;
        }
        let moved = match queue.is_attached {
            false => self.client.incremental_assign(&list(here, Some(to))),
            true => self.client.seek(topic, number, to, MOVE),
        };
        match moved {
            Ok(()) => {}
            Err(error) if self.is_member() && attempts < MOVES_MAX => {
                tracing::trace!(target: "kstreams::kafka", %partition, %error, "moving it again");
                if is_looked_for {
                    self.local(self.client.pause(&list(here, None)))?;
                }
                self.set_stage(partition, Stage::Moving { to, attempts: attempts + 1 });
                return Ok(false);
            }
            // It is not being fetched any more, because its position was not in the log.
            Err(_) if queue.is_attached => return self.take_anew(partition, to),
            Err(error) => return Err(errors::from_client(&error, About::Topic(topic), "")),
        }
        if is_paused && !is_looked_for {
            self.local(self.client.resume(&list(here, None)))?;
        }
        if let Some(queue) = self.queues.get_mut(partition) {
            (queue.is_attached, queue.stage) = (true, Stage::Reading);
        }
        Ok(true)
    }

    /// Gives a partition to librdkafka once more. Not while it waits for an answer to a rebalance: it would take this for one.
    fn take_anew(&mut self, partition: &TopicPartition, to: Offset) -> Result<bool> {
        self.serve()?;
        if self.membership.is_giving_back() || !self.queues.contains_key(partition) {
            return Ok(false);
        }
        let here = std::slice::from_ref(partition);
        if is_incremental(&self.client) {
            self.local(self.client.incremental_unassign(&list(here, None)))?;
            self.local(self.client.incremental_assign(&list(here, Some(to))))?;
        } else {
            self.take_all_anew(partition, to)?;
        }
        if self.is_member() {
            self.local(self.client.resume(&list(here, None)))?;
        }
        self.set_stage(partition, Stage::Reading);
        Ok(true)
    }

    /// The classic protocol knows whole assignments only: all others go on where they are.
    fn take_all_anew(&mut self, moved: &TopicPartition, to: Offset) -> Result<()> {
        let mut all = TopicPartitionList::new();
        for partition in &self.membership.owned {
            let place = self.queues.get(partition).and_then(Queue::place).unwrap_or(Offset::Offset(0));
            let offset = if partition == moved { to } else { place };
            add(&mut all, partition, offset)?;
        }
        self.local(self.client.assign(&all))
    }

    pub(super) fn stop_reading(&mut self, partition: &TopicPartition) -> Result<()> {
        let queue = self.queues.remove(partition);
        if self.queues.keys().all(|other| other.topic != partition.topic) {
            // Who leads them may be others when it is read again.
            self.leaders.remove(&partition.topic);
        }
        let client = self.client.clone();
        let given_back = self.membership.released(&client, partition);
        if self.local(given_back)? {
            return Ok(());
        }
        let Some(queue) = queue else { return Ok(()) };
        let here = list(std::slice::from_ref(partition), None);
        if self.membership.owned.contains(partition) {
            self.local(self.client.pause(&here))?;
            self.membership.parked.insert(partition.clone(), queue.into_native());
        } else if queue.is_attached && !self.is_member() {
            self.local(self.client.incremental_unassign(&here))?;
        }
        Ok(())
    }
}

/// How long the beginning is looked for after this answer, from the first look on.
fn looking_ms_max(error: &Error) -> i64 {
    match error.kind() {
        ErrorKind::Timeout => LOOKING_MS_MAX,
        ErrorKind::NotFound => UNHEARD_MS_MAX,
        _ => 0,
    }
}

fn first_start(reset: OffsetReset) -> Option<Start> {
    match reset {
        OffsetReset::Earliest => Some(Start::Beginning),
        OffsetReset::Latest => Some(Start::End),
        OffsetReset::None => None,
    }
}
