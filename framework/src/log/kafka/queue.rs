//! One partition that is read: where it stands, and its messages.

use super::codes::kind_of;
use super::errors::{self, About};
use super::native::{PartitionQueue, Taken};
use crate::error::{Error, ErrorKind, Result};
use crate::log::{Budget, Call, Fetched, Offsets, Start, Visit};
use crate::record::{Message, TopicPartition};
use rdkafka::Offset;
use rdkafka::error::RDKafkaErrorCode as Code;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Where reading a partition stands.
///
/// ```text
/// Checking -> Asking (only for Start::Committed) -> Moving ---------------> Reading
///                                                   |    ^  ^              |
///                 (only for the beginning) Looking <'    |  '--- Outside <-'
///                                             '----------'   (moved by a new start)
/// ```
pub(super) enum Stage {
    /// Whether the partition exists is not known yet, or the client does not know its leader.
    Checking(Start),
    /// The committed offset is asked for.
    Asking(Call<Offsets>),
    /// The first offset is asked for.
    Looking(Call<BTreeMap<TopicPartition, i64>>),
    /// librdkafka is to be told where to read; it may be busy with the partition.
    Moving { to: Offset, attempts: u32 },
    /// Messages come.
    Reading,
    /// The position is not in the log, and no policy says where to go on.
    Outside(String),
}

/// A partition that is read.
pub(super) struct Queue {
    native: PartitionQueue,
    pub(super) stage: Stage,
    /// Whether librdkafka has the partition in its assignment.
    pub(super) is_attached: bool,
    /// Since when the beginning is looked for.
    pub(super) looking_since_ms: Option<i64>,
    place: Place,
}

/// How far a partition was read.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    position: Option<i64>,
    /// Where reading is to begin, as long as that has no number: the beginning or the end.
    unresolved: Option<Offset>,
    /// Whether the log is known to begin or to go on there.
    is_known: bool,
    /// Whether something was read or the end was seen since the start.
    has_fetched: bool,
    is_at_end: bool,
}

impl Queue {
    /// A partition that is to be read from `start`.
    pub(super) fn new(native: PartitionQueue, start: Start, is_attached: bool) -> Self {
        let mut queue =
            Queue { native, stage: Stage::Reading, is_attached, looking_since_ms: None, place: Place::default() };
        queue.start(start);
        queue
    }

    /// Begins anew from there.
    pub(super) fn start(&mut self, start: Start) {
        self.stage = match start {
            _ if !self.is_attached => Stage::Checking(start),
            start => begin(start),
        };
        let (position, unresolved) = match start {
            Start::Offset(offset) => (Some(offset), None),
            Start::Beginning => (None, Some(Offset::Beginning)),
            Start::End => (None, Some(Offset::End)),
            Start::Committed => (None, None),
        };
        self.place = Place { position, unresolved, ..Place::default() };
    }

    /// The partition exists: on with it.
    pub(super) fn checked(&mut self) {
        if let Stage::Checking(start) = self.stage {
            self.stage = begin(start);
        }
    }

    /// The messages alone, for a partition that is not read any more.
    pub(super) fn into_native(self) -> PartitionQueue {
        self.native
    }

    /// The first offset of the log was found: reading begins there.
    pub(super) fn found_beginning(&mut self, first: i64) {
        self.stage = Stage::Moving { to: Offset::Offset(first), attempts: 0 };
        self.looking_since_ms = None;
        self.place = Place { position: Some(first), is_known: true, ..Place::default() };
    }

    /// The offset of the next message, once the beginning was found, something was read or the end was seen.
    pub(super) fn position(&self) -> Option<i64> {
        self.place.position()
    }

    /// The same, or where reading is to begin.
    pub(super) fn place(&self) -> Option<Offset> {
        self.place.position.map(Offset::Offset).or(self.place.unresolved)
    }

    /// Offsets to the end as the last fetch from the broker saw it.
    pub(super) fn lag(&self, partition: &TopicPartition) -> Option<i64> {
        if !self.place.has_fetched {
            return None;
        }
        if self.place.is_at_end {
            return Some(0);
        }
        Some(self.native.known_end(partition)?.saturating_sub(self.place.position?).max(0))
    }

    /// Hands out what is there.
    pub(super) fn hand_out(
        &mut self,
        partition: &TopicPartition,
        budget: Budget,
        visit: &mut Visit<'_>,
    ) -> Result<Fetched> {
        let (mut fetched, mut noted) = (Fetched::default(), Ok(()));
        if budget.records == 0 || budget.bytes == 0 {
            return Ok(fetched);
        }
        let Queue { native, place, stage, .. } = self;
        native.hand_out(&mut |taken| {
            match taken.error() {
                Some(code) => noted = place.note(code, taken, stage, partition),
                None => place.visit(taken, &mut fetched, visit)?,
            }
            match noted.is_ok() && fetched.records < budget.records && fetched.bytes < budget.bytes {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        });
        noted.map(|()| fetched)
    }

    /// The position is not in the log.
    pub(super) fn outside(&self, partition: &TopicPartition, seen: &str) -> Error {
        self.place.outside(partition, seen)
    }
}

impl Place {
    fn position(&self) -> Option<i64> {
        self.position.filter(|_| self.is_known)
    }

    fn visit(&mut self, taken: &Taken<'_>, fetched: &mut Fetched, visit: &mut Visit<'_>) -> ControlFlow<()> {
        let message = Message {
            key: taken.key(),
            value: taken.value(),
            timestamp: taken.timestamp(),
            headers: taken.headers(),
            offset: taken.offset(),
        };
        fetched.records += 1;
        fetched.bytes += message.key.map_or(0, <[u8]>::len) + message.value.map_or(0, <[u8]>::len);
        *self = Place { position: Some(message.offset + 1), is_known: true, has_fetched: true, ..Place::default() };
        visit(&message)
    }

    /// Something happened that is no message.
    fn note(&mut self, code: Code, taken: &Taken<'_>, stage: &mut Stage, partition: &TopicPartition) -> Result<()> {
        match kind_of(code) {
            _ if code == Code::PartitionEOF => {
                // It lies behind control records and what was compacted away.
                let position = self.position().max(Some(taken.offset()));
                *self = Place { position, is_known: true, has_fetched: true, is_at_end: true, ..Place::default() };
                Ok(())
            }
            // It was resumed where it was parked, a moment before it was moved; and this answer may have undone the move.
            ErrorKind::OutOfRange if let Some(to) = self.unresolved.take() => {
                *stage = Stage::Moving { to, attempts: 0 };
                Ok(())
            }
            ErrorKind::OutOfRange => {
                *stage = Stage::Outside(taken.text());
                Err(self.outside(partition, &taken.text()))
            }
            ErrorKind::Timeout => {
                tracing::debug!(target: "kstreams::kafka", %partition, ?code, "{}", taken.text());
                Ok(())
            }
            ErrorKind::NotFound => Err(errors::no_partition(partition)),
            _ => Err(errors::error(code, About::Topic(partition.topic.as_str()), &taken.text())),
        }
    }

    fn outside(&self, partition: &TopicPartition, seen: &str) -> Error {
        let sentence = match self.position {
            Some(position) => format!("offset {position} of {partition} is not in the log"),
            None => format!("there is no committed offset for {partition}"),
        };
        Error::new(ErrorKind::OutOfRange, sentence)
            .with_detail(seen)
            .with_hint("set `auto.offset.reset` to `earliest` or `latest`, or commit an offset that is in the log")
            .with_class("org.apache.kafka.clients.consumer.OffsetOutOfRangeException")
    }
}

fn begin(start: Start) -> Stage {
    let to = match start {
        Start::Offset(offset) => Offset::Offset(offset),
        Start::Beginning => Offset::Beginning,
        Start::End => Offset::End,
        Start::Committed => Offset::Stored,
    };
    Stage::Moving { to, attempts: 0 }
}
