//! The record that caused an update, kept until the update is flushed.

use crate::record::{Headers, RecordContext, RecordMetadata};

/// Timestamp, headers and source of a record.
#[derive(Debug, Clone)]
pub(in crate::store) struct Origin {
    pub(in crate::store) timestamp: i64,
    pub(in crate::store) headers: Headers,
    pub(in crate::store) source: Option<RecordMetadata>,
}

impl Origin {
    /// The record being processed.
    pub(in crate::store) fn of(context: &RecordContext) -> Self {
        Origin { timestamp: context.timestamp(), headers: context.headers(), source: context.source() }
    }

    /// Makes this the record being processed, and returns the one that was.
    pub(in crate::store) fn install(self, context: &RecordContext) -> Origin {
        Origin {
            timestamp: context.set_timestamp(self.timestamp),
            headers: context.set_headers(self.headers),
            source: context.set_source(self.source),
        }
    }
}

/// The size of an entry as Kafka Streams counts it, so that the same budget evicts at the same record.
pub(super) fn entry_bytes(key: &[u8], row_bytes: usize, origin: Option<&Origin>) -> usize {
    const NODE_AND_FLAG: usize = 24 + 1;
    const TIMESTAMP_OFFSET_PARTITION: usize = 8 + 8 + 4;
    key.len() + row_bytes + NODE_AND_FLAG + TIMESTAMP_OFFSET_PARTITION + origin.map_or(0, origin_bytes)
}

fn origin_bytes(origin: &Origin) -> usize {
    let topic = origin.source.as_ref().map_or(0, |source| source.topic.as_str().len());
    let headers = origin.headers.as_slice().iter();
    topic
        + headers.map(|header| header.name.len() + header.value.as_ref().map_or(0, |value| value.len())).sum::<usize>()
}
