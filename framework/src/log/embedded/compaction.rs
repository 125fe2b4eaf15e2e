//! Compaction: of each key only the newest message stays, in everything but the active segment.
//!
//! A pass takes the partition with the largest share of new bytes, notes the newest offset of each key in the new part
//! (at most so many bytes of keys), then walks over all closed segments and rewrites the chunks in which something
//! falls away. The lock is held only to begin and to put a few rewritten chunks in place. Every intermediate state is
//! a valid log, so a pass may end anywhere.

use super::chunk::{Chunk, ChunkBuilder, ChunkReader};
use super::core::Core;
use super::journal::Place;
use super::partition::{Filter, Partition, settled};
use super::state::State;
use super::topic::Rules;
use crate::error::Result;
use crate::record::{Message, TopicPartition};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// A pass notes keys of at most so many bytes; what does not fit is for the next.
const KEY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A rewritten chunk is closed when it is that large.
const CHUNK_BYTES: usize = 64 * 1024;

/// So many bytes of rewritten chunks are put in place at once.
const REPLACE_BYTES: usize = 1024 * 1024;

/// What a pass works on.
struct Pass {
    partition: TopicPartition,
    place: Place,
    rules: Rules,
    filter: Filter,
    /// The new part begins here.
    dirty_from: i64,
    /// Nothing at or behind this offset is touched.
    to: i64,
    start: i64,
    now_ms: i64,
}

impl Core {
    /// Compacts one partition, if one is worth it and nobody else compacts. True if it did.
    pub(super) fn compact(&self) -> Result<bool> {
        let Ok(_one_at_a_time) = self.compacting.try_lock() else { return Ok(false) };
        let Some(mut pass) = self.lock()?.next_pass() else { return Ok(false) };
        let newest = self.newest_offsets(&mut pass)?;
        Rewrite::new(self, &pass, &newest).run()?;
        self.lock()?.finish_pass(&pass)?;
        Ok(true)
    }

    /// The newest offset of each key in the new part; shortens the pass if there are too many.
    fn newest_offsets(&self, pass: &mut Pass) -> Result<FxHashMap<Box<[u8]>, i64>> {
        let mut newest = FxHashMap::default();
        let (mut bytes, mut to) = (0, pass.to);
        self.walk(pass, pass.dirty_from, &mut |chunk| {
            if bytes > KEY_BYTES_MAX {
                to = chunk.base;
                return Ok(false);
            }
            if pass.filter.shows(&chunk) {
                each_message(chunk, &mut |message| {
                    if let Some(key) = message.key {
                        bytes += key.len() + 32;
                        newest.insert(key.into(), message.offset);
                    }
                })?;
            }
            Ok(true)
        })?;
        pass.to = to;
        Ok(newest)
    }

    /// Visits the chunks of the pass that end at or behind `from`, wherever they are, without holding the lock.
    fn walk(&self, pass: &Pass, from: i64, visit: &mut dyn FnMut(Arc<Chunk>) -> Result<bool>) -> Result<()> {
        if self.in_memory() {
            for chunk in self.lock()?.partition(&pass.partition)?.in_memory(from, pass.to) {
                if !visit(chunk)? {
                    break;
                }
            }
            return Ok(());
        }
        let mut outcome = Ok(true);
        self.scan_disk(pass.place, from, &mut |chunk| {
            if chunk.last >= pass.to {
                return false;
            }
            outcome = visit(Arc::new(chunk));
            matches!(outcome, Ok(true))
        })?;
        outcome.map(|_| ())
    }
}

fn each_message(chunk: Arc<Chunk>, visit: &mut dyn FnMut(&Message<'_>)) -> Result<()> {
    let mut reader = ChunkReader::new(chunk);
    while let Some(message) = reader.advance()? {
        visit(&message);
    }
    Ok(())
}

/// The second walk of a pass: what stays, put together in larger chunks.
struct Rewrite<'a> {
    core: &'a Core,
    pass: &'a Pass,
    newest: &'a FxHashMap<Box<[u8]>, i64>,
    old: Vec<Arc<Chunk>>,
    new: Vec<Arc<Chunk>>,
    open: Option<Open>,
    bytes: usize,
}

/// The chunk that is being written.
struct Open {
    base: i64,
    last: i64,
    messages: ChunkBuilder,
    horizon_ms: i64,
}

impl<'a> Rewrite<'a> {
    fn new(core: &'a Core, pass: &'a Pass, newest: &'a FxHashMap<Box<[u8]>, i64>) -> Self {
        Rewrite { core, pass, newest, old: Vec::new(), new: Vec::new(), open: None, bytes: 0 }
    }

    fn run(mut self) -> Result<()> {
        let (core, pass) = (self.core, self.pass);
        core.walk(pass, pass.start, &mut |chunk| self.visit(chunk).map(|()| true))?;
        self.put_in_place()
    }

    fn visit(&mut self, chunk: Arc<Chunk>) -> Result<()> {
        if self.is_final(&chunk)? {
            return self.put_in_place();
        }
        let horizon_ms = chunk.horizon_ms.unwrap_or(self.pass.now_ms + self.pass.rules.delete_retention_ms);
        if self.open.as_ref().is_some_and(|open| open.horizon_ms != horizon_ms) {
            self.close();
        }
        let open = self.open.get_or_insert_with(|| Open {
            base: chunk.base,
            last: chunk.last,
            messages: ChunkBuilder::default(),
            horizon_ms,
        });
        open.last = chunk.last;
        let (pass, newest, base) = (self.pass, self.newest, open.base);
        if pass.filter.shows(&chunk) {
            each_message(chunk.clone(), &mut |message| {
                if pass.keeps(newest, chunk.horizon_ms, message) {
                    let delta = (message.offset - base) as u64;
                    open.messages.push(delta, message.timestamp, message.key, message.value, &message.headers);
                }
            })?;
        }
        self.bytes += chunk.bytes();
        self.old.push(chunk);
        self.close_if_full()
    }

    /// A chunk that was compacted before, is not small, and of which everything stays: it is left as it is.
    fn is_final(&self, chunk: &Arc<Chunk>) -> Result<bool> {
        if chunk.horizon_ms.is_none() || chunk.bytes() < CHUNK_BYTES / 2 {
            return Ok(false);
        }
        let mut all = true;
        each_message(chunk.clone(), &mut |message| all &= self.pass.keeps(self.newest, chunk.horizon_ms, message))?;
        Ok(all)
    }

    fn close_if_full(&mut self) -> Result<()> {
        if self.open.as_ref().is_some_and(|open| open.messages.bytes() >= CHUNK_BYTES) {
            self.close();
        }
        if self.bytes >= REPLACE_BYTES {
            return self.put_in_place();
        }
        Ok(())
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        if open.messages.count() > 0 {
            let mut chunk = settled(open.messages, open.base, open.last);
            chunk.horizon_ms = Some(open.horizon_ms);
            self.new.push(Arc::new(chunk));
        }
    }

    fn put_in_place(&mut self) -> Result<()> {
        self.close();
        self.bytes = 0;
        let (old, new) = (std::mem::take(&mut self.old), std::mem::take(&mut self.new));
        if old.is_empty() || old == new {
            return Ok(());
        }
        self.core.lock()?.replace(self.pass, &old, &new);
        self.core.persist()
    }
}

impl Pass {
    fn keeps(&self, newest: &FxHashMap<Box<[u8]>, i64>, horizon_ms: Option<i64>, message: &Message<'_>) -> bool {
        // A message without a key is never superseded; compacted topics refuse new ones.
        let superseded = message.key.is_some_and(|key| newest.get(key).is_some_and(|newest| *newest > message.offset));
        let forgotten = message.value.is_none() && horizon_ms.is_some_and(|horizon| horizon < self.now_ms);
        !superseded && !forgotten
    }
}

impl State {
    fn next_pass(&self) -> Option<Pass> {
        let mut best: Option<(f64, Pass)> = None;
        for (name, topic) in self.topics.iter().filter(|(_, topic)| topic.rules.cleanup.compacts()) {
            for (number, partition) in topic.partitions.iter().enumerate() {
                let rules = topic.rules;
                let ratio = dirty_ratio(partition);
                if ratio <= 0.0
                    || ratio < rules.min_dirty_ratio
                    || best.as_ref().is_some_and(|(other, _)| *other >= ratio)
                {
                    continue;
                }
                let to = compactable_to(partition, rules, self.now_ms);
                if to > partition.cleaned_to() {
                    let partition_name = TopicPartition { topic: name.clone(), partition: number as i32 };
                    best = Some((ratio, self.pass(partition_name, topic.id, rules, partition, to)));
                }
            }
        }
        best.map(|(_, pass)| pass)
    }

    fn pass(&self, name: TopicPartition, topic: u32, rules: Rules, partition: &Partition, to: i64) -> Pass {
        Pass {
            place: (topic, name.partition),
            partition: name,
            rules,
            filter: partition.committed_filter(),
            dirty_from: partition.cleaned_to(),
            to,
            start: partition.start(),
            now_ms: self.now_ms,
        }
    }

    fn same_topic(&self, pass: &Pass) -> bool {
        self.topics.get(&pass.partition.topic).is_some_and(|topic| topic.id == pass.place.0)
    }

    /// The topic may have been deleted since: then there is nothing to replace.
    fn replace(&mut self, pass: &Pass, old: &[Arc<Chunk>], new: &[Arc<Chunk>]) {
        if !self.same_topic(pass) {
            return;
        }
        let Ok((place, partition)) = self.partition_mut(&pass.partition) else { return };
        // Retention may have been here meanwhile: what it deleted stays deleted, and its neighbours follow soon.
        if old[0].last < partition.start() {
            return;
        }
        partition.replace(old, new);
        let replaced = |chunk: &&Arc<Chunk>| new.iter().any(|other| other.last == chunk.last);
        self.journal(|journal| {
            old.iter().filter(|chunk| !replaced(chunk)).for_each(|chunk| journal.delete_chunk(place, chunk.last));
            new.iter().for_each(|chunk| journal.put_chunk(place, chunk));
        });
    }

    fn finish_pass(&mut self, pass: &Pass) -> Result<()> {
        if !self.same_topic(pass) {
            return Ok(());
        }
        let (place, partition) = self.partition_mut(&pass.partition)?;
        let aborted = partition.set_cleaned(pass.to);
        let segment_bytes = pass.rules.limits.segment_bytes;
        let (gone, changed) = partition.segments_mut().merge_below(pass.to, segment_bytes);
        self.journal(|journal| {
            aborted.iter().for_each(|range| journal.delete_aborted(place, range));
            gone.iter().for_each(|base| journal.delete_segment(place, *base));
            changed.iter().for_each(|segment| journal.put_segment(place, segment));
        });
        Ok(())
    }
}

fn dirty_ratio(partition: &Partition) -> f64 {
    let closed = partition.segments().bytes() - partition.segments().active().bytes;
    let dirty = partition.segments().bytes_from(partition.cleaned_to());
    if closed <= 0 { 0.0 } else { dirty as f64 / closed as f64 }
}

/// Where compaction must end: before the active segment, before open transactions, before messages that are too young.
fn compactable_to(partition: &Partition, rules: Rules, now_ms: i64) -> i64 {
    let segments = partition.segments();
    let young = |timestamp: i64| timestamp > now_ms.saturating_sub(rules.min_compaction_lag_ms);
    let first_young = segments
        .closed()
        .iter()
        .filter(|_| rules.min_compaction_lag_ms > 0)
        .find(|segment| young(segment.max_timestamp))
        .map_or(segments.active().base, |segment| segment.base);
    first_young.min(partition.stable_end())
}
