//! Restoring: raw changelog messages into rows, past overlay, cache and changelog.
//!
//! A short tail is written like any commit, rows and position together. A long one is written past the engine's log;
//! every so many bytes the rows are made durable, and only then the position is: a crash in between repeats a part,
//! and never skips one.

use super::{RowKey, Rows, Table, WindowTable};
use crate::engine::{Batch, Durability};
use crate::error::Result;
use crate::record::Message;

/// Restored bytes that are written like a commit.
const TAIL_BYTES: usize = 4 * 1024 * 1024;

/// Bytes restored past the engine's log after which they are made durable and the position is written.
const FLUSH_BYTES: usize = 32 * 1024 * 1024;

impl Table {
    /// Applies changelog messages in order and returns how many there were, without those that have no key.
    pub(in crate::store) fn restore(&self, messages: &[Message<'_>]) -> Result<u64> {
        let mut batch = Batch::default();
        match &self.rows {
            Rows::KeyValue => self.restore_rows(messages, &mut batch),
            Rows::Lru(recency) => {
                let mut recency = recency.borrow_mut();
                for message in messages {
                    let Some(key) = message.key else { continue };
                    self.put(&mut batch, key, message);
                    match message.value {
                        // What was evicted here was evicted when the message was written, and is logged already.
                        Some(_) => {
                            recency.insert(key).into_iter().for_each(|gone| batch.delete(self.space.get(), &*gone))
                        }
                        None => recency.remove(key),
                    }
                }
                recency.commit();
            }
            Rows::Window(window) => self.restore_windows(window, messages, &mut batch)?,
        }
        let Some(last) = messages.last() else { return Ok(0) };
        self.write_restored(batch, last.offset + 1)?;
        Ok(messages.iter().filter(|message| message.key.is_some()).count() as u64)
    }

    fn restore_rows(&self, messages: &[Message<'_>], batch: &mut Batch) {
        for message in messages {
            if let Some(key) = message.key {
                self.put(batch, key, message);
            }
        }
    }

    /// The whole batch advances the observed time first, as in Kafka Streams: what it expires is not even written.
    fn restore_windows(&self, window: &WindowTable, messages: &[Message<'_>], batch: &mut Batch) -> Result<()> {
        let keys = messages.iter().filter_map(|message| message.key.map(|key| (key, message)));
        let rows = keys.map(|(key, message)| Ok((RowKey::from_changelog(key)?, message)));
        let rows = rows.collect::<Result<Vec<_>>>()?;
        for (row, _) in &rows {
            window.observe(row.start_ms);
            window.resume_sequence(row.sequence);
        }
        if let Some((from, to)) = window.newly_expired() {
            batch.delete_range(self.space.get(), from, Some(to.to_vec()));
        }
        let mut key = Vec::new();
        for (row, message) in rows.into_iter().filter(|(row, _)| window.is_live(row.start_ms)) {
            key.clear();
            window.keys().write_row(row, &mut key);
            self.put(batch, &key, message);
        }
        Ok(())
    }

    fn put(&self, batch: &mut Batch, key: &[u8], message: &Message<'_>) {
        let Some(value) = message.value else { return batch.delete(self.space.get(), key) };
        let mut row = Vec::with_capacity(8 + value.len());
        if self.spec.kind.is_timestamped() {
            row.extend_from_slice(&message.timestamp.to_be_bytes());
        }
        row.extend_from_slice(value);
        batch.put(self.space.get(), key, row);
    }

    fn write_restored(&self, mut batch: Batch, position: i64) -> Result<()> {
        let committed_at_ms = self.committed.borrow().committed_at_ms;
        let bytes = batch.bytes();
        self.restored_bytes.set(self.restored_bytes.get() + bytes);
        self.position.set(Some(position));
        if broken!(PositionBeforeRows) {
            self.engine.write(&std::mem::take(&mut batch), Durability::None)?;
        }
        if self.restored_bytes.get() <= TAIL_BYTES {
            self.note_position(&mut batch, position, committed_at_ms);
            return self.engine.write(&batch, Durability::Process);
        }
        self.engine.write(&batch, Durability::None)?;
        self.unflushed_bytes.set(self.unflushed_bytes.get() + bytes);
        match self.unflushed_bytes.get() < FLUSH_BYTES {
            true => Ok(()),
            false => self.restored(position, committed_at_ms),
        }
    }

    /// Makes restored rows durable, then the position up to which the changelog was read.
    pub(in crate::store) fn restored(&self, position: i64, now_ms: i64) -> Result<()> {
        if self.unflushed_bytes.take() > 0 {
            self.engine.flush()?;
        }
        let mut batch = Batch::default();
        self.note_position(&mut batch, position, now_ms);
        self.engine.write(&batch, Durability::Process)?;
        self.position.set(Some(position));
        Ok(())
    }

    fn note_position(&self, batch: &mut Batch, position: i64, now_ms: i64) {
        let mut metadata = self.committed.borrow().clone();
        metadata.position = Some(position);
        self.stamp(&mut metadata, now_ms);
        metadata.add_to(batch, self.metadata_space, &self.name);
        self.committed.replace(metadata);
    }
}
