//! A run of messages of one producer that were appended together: the unit of the embedded log in memory, on the
//! engine and on the way to consumers.
//!
//! Chunks are immutable and shared. Compaction replaces a chunk by a smaller one over the same offsets; it never
//! changes one.

use super::varint::{Input, put, put_bytes, put_signed};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Headers, Message, NO_TIMESTAMP};
use bytes::Bytes;
use std::sync::Arc;

/// The producer id of chunks that no transaction or sequence is about any more.
pub(super) const NO_PRODUCER: i64 = -1;

/// What a chunk holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChunkKind {
    /// Messages outside of transactions.
    Plain,
    /// Messages of a transaction.
    Transactional,
    /// The end of a committed transaction: takes one offset, is never handed out.
    Commit,
    /// The end of an aborted transaction: takes one offset, is never handed out.
    Abort,
}

impl ChunkKind {
    const ALL: [ChunkKind; 4] = [ChunkKind::Plain, ChunkKind::Transactional, ChunkKind::Commit, ChunkKind::Abort];
}

/// A run of messages at their offsets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    /// The offset it begins at; its first message may have been compacted away.
    pub(super) base: i64,
    /// The last offset it stands for, whether or not that message is still there.
    pub(super) last: i64,
    /// Who wrote it.
    pub(super) producer: i64,
    /// What it holds.
    pub(super) kind: ChunkKind,
    /// The largest timestamp of its messages.
    pub(super) max_timestamp: i64,
    /// The time that replaces the messages' own, if the topic wants that.
    pub(super) append_time: Option<i64>,
    /// From when on compaction drops the tombstones in it; `None` before its first compaction.
    pub(super) horizon_ms: Option<i64>,
    /// The number of messages.
    pub(super) count: u32,
    /// The messages, encoded.
    body: Bytes,
}

impl Chunk {
    /// The marker at the end of a transaction.
    pub(super) fn marker(offset: i64, producer: i64, commit: bool, now_ms: i64) -> Self {
        let kind = if commit { ChunkKind::Commit } else { ChunkKind::Abort };
        Chunk {
            base: offset,
            last: offset,
            producer,
            kind,
            max_timestamp: now_ms,
            append_time: None,
            horizon_ms: None,
            count: 0,
            body: Bytes::new(),
        }
    }

    /// What it costs in memory and on disk, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.body.len() + 64
    }

    /// As a value of the engine.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.body.len() + 32);
        bytes.push(self.kind as u8);
        put(&mut bytes, (self.last - self.base) as u64);
        put_signed(&mut bytes, self.producer);
        put_signed(&mut bytes, self.max_timestamp);
        put_signed(&mut bytes, self.append_time.unwrap_or(NO_TIMESTAMP));
        put_signed(&mut bytes, self.horizon_ms.unwrap_or(NO_TIMESTAMP));
        put(&mut bytes, u64::from(self.count));
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// From a value of the engine; its last offset is the key.
    pub(super) fn decode(last: i64, value: &[u8]) -> Result<Self> {
        Self::parse(last, value).ok_or_else(|| corrupt(last))
    }

    fn parse(last: i64, value: &[u8]) -> Option<Self> {
        let (kind, rest) = value.split_first()?;
        let mut input = Input(rest);
        let time = |time: i64| (time != NO_TIMESTAMP).then_some(time);
        Some(Chunk {
            base: last - i64::try_from(input.number()?).ok()?,
            last,
            kind: *ChunkKind::ALL.get(usize::from(*kind))?,
            producer: input.signed()?,
            max_timestamp: input.signed()?,
            append_time: time(input.signed()?),
            horizon_ms: time(input.signed()?),
            count: u32::try_from(input.number()?).ok()?,
            body: Bytes::copy_from_slice(input.0),
        })
    }
}

fn corrupt(offset: i64) -> Error {
    Error::new(ErrorKind::Io, format!("the messages up to offset {offset} cannot be decoded"))
        .with_hint("the log's directory was damaged or written by something else")
}

/// Collects messages for a chunk.
#[derive(Debug, Clone, Default)]
pub(super) struct ChunkBuilder {
    body: Vec<u8>,
    count: u32,
    max_timestamp: i64,
}

impl ChunkBuilder {
    /// Appends a message `delta` offsets behind the chunk's base.
    pub(super) fn push(
        &mut self,
        delta: u64,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &Headers,
    ) {
        self.max_timestamp = if self.count == 0 { timestamp } else { self.max_timestamp.max(timestamp) };
        self.count += 1;
        put(&mut self.body, delta);
        put_signed(&mut self.body, timestamp);
        put_bytes(&mut self.body, key);
        put_bytes(&mut self.body, value);
        put(&mut self.body, headers.len() as u64);
        for header in headers.as_slice() {
            put_bytes(&mut self.body, Some(header.name.as_bytes()));
            put_bytes(&mut self.body, header.value.as_deref());
        }
    }

    /// The number of messages.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// The encoded size.
    pub(super) fn bytes(&self) -> usize {
        self.body.len()
    }

    /// The chunk over the offsets `base` to `last`.
    pub(super) fn build(self, base: i64, last: i64, producer: i64, kind: ChunkKind) -> Chunk {
        Chunk {
            base,
            last,
            producer,
            kind,
            max_timestamp: self.max_timestamp,
            append_time: None,
            horizon_ms: None,
            count: self.count,
            body: Bytes::from(self.body),
        }
    }
}

/// Walks over the messages of a chunk.
#[derive(Debug)]
pub(super) struct ChunkReader {
    chunk: Arc<Chunk>,
    at: usize,
    left: u32,
}

impl ChunkReader {
    /// Before the first message.
    pub(super) fn new(chunk: Arc<Chunk>) -> Self {
        ChunkReader { at: 0, left: chunk.count, chunk }
    }

    /// Messages not yet walked over.
    pub(super) fn left(&self) -> u32 {
        self.left
    }

    /// The next message.
    pub(super) fn advance(&mut self) -> Result<Option<Message<'_>>> {
        if self.left == 0 {
            return Ok(None);
        }
        let mut input = Input(&self.chunk.body[self.at..]);
        let message = message(&self.chunk, &mut input).ok_or_else(|| corrupt(self.chunk.last))?;
        self.at = self.chunk.body.len() - input.0.len();
        self.left -= 1;
        Ok(Some(message))
    }
}

fn message<'a>(chunk: &Chunk, input: &mut Input<'a>) -> Option<Message<'a>> {
    let offset = chunk.base + i64::try_from(input.number()?).ok()?;
    let timestamp = input.signed()?;
    let key = input.bytes()?;
    let value = input.bytes()?;
    let headers = headers(input)?;
    Some(Message { key, value, timestamp: chunk.append_time.unwrap_or(timestamp), headers, offset })
}

fn headers(input: &mut Input<'_>) -> Option<Headers> {
    let mut headers = Headers::default();
    for _ in 0..input.number()? {
        let name = std::str::from_utf8(input.bytes()??).ok()?;
        headers.push(name, input.bytes()?);
    }
    Some(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_survives_the_engine() {
        let headers: Headers = [("a", Some(&b"1"[..])), ("b", None)].into_iter().collect();
        let mut builder = ChunkBuilder::default();
        builder.push(0, 5, Some(b"k"), None, &headers);
        builder.push(2, 3, None, Some(b""), &Headers::default());
        let chunk = builder.build(10, 14, 7, ChunkKind::Transactional);
        let decoded = Chunk::decode(14, &chunk.encode()).unwrap();
        assert_eq!(decoded, chunk);
        assert_eq!(decoded.max_timestamp, 5);
        let mut reader = ChunkReader::new(Arc::new(decoded));
        let first = reader.advance().unwrap().unwrap();
        assert_eq!((first.offset, first.key, first.value, first.headers), (10, Some(&b"k"[..]), None, headers));
        let second = reader.advance().unwrap().unwrap();
        assert_eq!((second.offset, second.key, second.value, second.timestamp), (12, None, Some(&b""[..]), 3));
        assert!(reader.advance().unwrap().is_none());
    }

    #[test]
    fn damaged_chunk_is_an_error() {
        assert_eq!(Chunk::decode(3, &[9, 0]).unwrap_err().kind(), ErrorKind::Io);
    }
}
