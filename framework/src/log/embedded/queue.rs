//! What a consumer has fetched of one partition and not yet handed out.

use super::chunk::{Chunk, ChunkReader};
use super::core::Core;
use super::errors;
use super::faults::{Decision, Gate, Operation};
use super::partition::Slice;
use super::state::State;
use crate::error::Result;
use crate::log::{Budget, ConsumerConfig, Fetched, Isolation, OffsetReset, Start, Visit};
use crate::record::TopicPartition;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Poll;

/// The queue of one partition.
#[derive(Debug)]
pub(super) struct Queue {
    /// Where to begin; `None` once that is known.
    start: Option<Start>,
    /// The next offset to hand out.
    position: i64,
    /// Where to read on when everything here was handed out.
    after: i64,
    /// The end, as of the last refill.
    end: Option<i64>,
    chunks: VecDeque<Arc<Chunk>>,
    reader: Option<ChunkReader>,
    gate: Gate,
}

impl Queue {
    /// An empty queue that begins there.
    pub(super) fn new(start: Start) -> Self {
        Queue {
            start: Some(start),
            position: 0,
            after: 0,
            end: None,
            chunks: VecDeque::new(),
            reader: None,
            gate: Gate::default(),
        }
    }

    /// Whether everything was handed out.
    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.reader.as_ref().is_none_or(|reader| reader.left() == 0)
    }

    /// The next offset, behind what is never handed out; `None` while the start is not known.
    pub(super) fn position(&self) -> Option<i64> {
        match self.start {
            Some(Start::Offset(offset)) => Some(offset),
            Some(_) => None,
            None if self.is_empty() => Some(self.after),
            None => Some(self.position),
        }
    }

    /// Offsets from the position to the end, as of the last refill.
    pub(super) fn lag(&self) -> Option<i64> {
        Some((self.end? - self.position()?).max(0))
    }

    /// Hands out what is here.
    pub(super) fn hand_out(&mut self, budget: Budget, fetched: &mut Fetched, visit: &mut Visit<'_>) -> Result<()> {
        while fetched.records < budget.records && fetched.bytes < budget.bytes {
            let Some(message) = self.reader.as_mut().map_or(Ok(None), ChunkReader::advance)? else {
                match self.chunks.pop_front() {
                    Some(chunk) => self.reader = Some(ChunkReader::new(chunk)),
                    None => break,
                }
                continue;
            };
            if message.offset < self.position {
                continue;
            }
            self.position = message.offset + 1;
            fetched.records += 1;
            fetched.bytes += message.key.map_or(0, <[u8]>::len) + message.value.map_or(0, <[u8]>::len);
            if visit(&message).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Fetches from the log, once; the queue must be empty.
    pub(super) fn refill(
        &mut self,
        core: &Core,
        config: &ConsumerConfig,
        partition: &TopicPartition,
        now_ms: i64,
    ) -> Result<()> {
        core.drive(now_ms)?;
        let mut state = core.lock_at(now_ms)?;
        let operation = Operation::Fetch { partition };
        match self.gate.pass(state.faults.as_mut(), &operation, now_ms) {
            Decision::Proceed => {}
            Decision::Wait { .. } | Decision::LoseAnswer | Decision::Forget => return Ok(()),
            Decision::Refuse(error) => return Err(error),
        }
        let Some(from) = self.from(&state, config, partition)? else { return Ok(()) };
        let known = state.partition(partition)?;
        let slice = known.read(from, config.prefetch_bytes_max, config.isolation, core.in_memory());
        let topic = state.topic(&partition.topic)?.id;
        drop(state);
        let slice = from_disk(core, (topic, partition.partition), from, config.prefetch_bytes_max, slice)?;
        self.start = None;
        (self.position, self.after, self.end) = (from, slice.next, Some(slice.end));
        self.chunks.extend(slice.chunks);
        Ok(())
    }

    /// Where to read: within the log. `None` if that cannot be known yet.
    fn from(&self, state: &State, config: &ConsumerConfig, partition: &TopicPartition) -> Result<Option<i64>> {
        let log = state.partition(partition)?;
        let wanted = match self.start {
            None => Some(self.after),
            Some(Start::Offset(offset)) => Some(offset),
            Some(Start::Beginning) => Some(log.start()),
            Some(Start::End) => Some(log.end_for(config.isolation)),
            Some(Start::Committed) => match committed(state, config, partition) {
                Poll::Pending => return Ok(None),
                Poll::Ready(offset) => offset,
            },
        };
        let inside = wanted.filter(|offset| (log.start()..=log.end()).contains(offset));
        let from = match (inside, config.offset_reset) {
            (Some(offset), _) => offset,
            (None, OffsetReset::Earliest) => log.start(),
            (None, OffsetReset::Latest) => log.end_for(config.isolation),
            (None, OffsetReset::None) => {
                return Err(errors::out_of_range(partition, wanted, log.start(), log.end()));
            }
        };
        Ok(Some(from))
    }
}

fn committed(state: &State, config: &ConsumerConfig, partition: &TopicPartition) -> Poll<Option<i64>> {
    let Some(group) = &config.group else { return Poll::Ready(None) };
    let stable = config.isolation == Isolation::ReadCommitted;
    let partitions = std::slice::from_ref(partition);
    state.committed(group, partitions, stable).map(|offsets| offsets.get(partition).map(|found| found.offset))
}

/// Fetches the part of a slice that is only on disk.
pub(super) fn from_disk(core: &Core, place: (u32, i32), from: i64, bytes_max: usize, slice: Slice) -> Result<Slice> {
    let Some((until, filter)) = &slice.on_disk else { return Ok(slice) };
    let (chunks, next) = core.read_disk(place, from, *until, bytes_max, filter)?;
    Ok(Slice { chunks, next, ..slice })
}
