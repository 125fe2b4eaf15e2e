//! What is kept beside a store's rows: which format they have, which changelog they came from and how far.
//!
//! One JSON document a store, in a space of its own, written in the same batch as the rows it speaks of.

use super::{StoreKind, StoreSpec};
use crate::engine::{Batch, Read, Space};
use crate::error::{Error, ErrorKind, Result};
use crate::record::NO_TIMESTAMP;
use serde::{Deserialize, Serialize};

/// The space of the metadata of all stores of an engine.
pub(super) const SPACE: &str = "store-metadata";

/// The format in which rows and metadata are written. A larger one was written by a newer version of this crate.
const FORMAT: u32 = 1;

/// What is known about a store's rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Metadata {
    format: u32,
    /// Kind and layout of the rows.
    layout: String,
    /// The changelog topic that the rows stand for.
    changelog: Option<String>,
    /// The first offset of the changelog that is not in the rows; `None` if it must be read from its beginning.
    pub(super) position: Option<i64>,
    /// The wall clock of the last commit, in milliseconds since the epoch.
    pub(super) committed_at_ms: i64,
    /// The stream time that a window store has observed.
    pub(super) observed_ms: i64,
    /// The last sequence number of a window store that retains duplicates.
    pub(super) sequence: i32,
}

impl Metadata {
    /// Of a store without rows.
    pub(super) fn new(spec: &StoreSpec, changelog: Option<&str>, now_ms: i64) -> Self {
        Metadata {
            format: FORMAT,
            layout: layout(spec),
            changelog: changelog.map(str::to_owned),
            position: None,
            committed_at_ms: now_ms,
            observed_ms: NO_TIMESTAMP,
            sequence: 0,
        }
    }

    /// The metadata kept under `key`.
    ///
    /// # Errors
    /// `Config` if it has a format that this version does not know; `Corrupt` if it cannot be read.
    pub(super) fn read(reader: &(impl Read + ?Sized), space: Space, key: &str) -> Result<Option<Self>> {
        let Some(bytes) = reader.get(space, key.as_bytes())? else { return Ok(None) };
        let corrupt = |error: serde_json::Error| {
            Error::new(ErrorKind::Corrupt, format!("the metadata of store `{key}` is unreadable")).with_source(error)
        };
        let FormatOnly { format } = serde_json::from_slice(&bytes).map_err(corrupt)?;
        if format != FORMAT {
            return Err(Error::new(ErrorKind::Config, format!("store `{key}` has format {format}, not {FORMAT}"))
                .with_hint("it was written by another version; run that one, or delete the state directory"));
        }
        serde_json::from_slice(&bytes).map(Some).map_err(corrupt)
    }

    /// The kind's name, see `StoreKind::as_str`.
    pub(super) fn kind(&self) -> &str {
        self.layout.split(',').next().unwrap_or_default()
    }

    /// The changelog topic that the rows stand for.
    pub(super) fn changelog(&self) -> Option<&str> {
        self.changelog.as_deref()
    }

    /// Adds it to a batch.
    pub(super) fn add_to(&self, batch: &mut Batch, space: Space, key: &str) {
        let bytes = serde_json::to_vec(self).expect("numbers and strings have a JSON form");
        batch.put(space, key, bytes);
    }

    /// Why the rows cannot be used for this store any more, if so.
    ///
    /// Rows without a changelog are never given up for their age or origin: nothing could replace them.
    pub(super) fn misfit(&self, expected: &Metadata, tombstone_retention_ms: Option<i64>) -> Option<String> {
        if self.layout != expected.layout {
            return Some(format!("its rows are `{}`, not `{}`", self.layout, expected.layout));
        }
        let changelog = expected.changelog.as_ref()?;
        if self.changelog.as_ref() != Some(changelog) {
            return Some(format!("its rows do not come from `{changelog}`"));
        }
        let age_ms = expected.committed_at_ms.saturating_sub(self.committed_at_ms);
        let is_too_old = tombstone_retention_ms.is_some_and(|retention_ms| age_ms > retention_ms);
        is_too_old.then(|| format!("its last commit is {age_ms} ms old, and deletions may be gone from the changelog"))
    }
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

/// Everything that decides a row's bytes.
fn layout(spec: &StoreSpec) -> String {
    let kind = spec.kind.as_str();
    match &spec.kind {
        StoreKind::Window(window) | StoreKind::TimestampedWindow(window) => {
            let order = if spec.is_persistent() { "segment" } else { "time" };
            format!("{kind}, by {order}, {} ms", window.segment_interval_ms)
        }
        StoreKind::KeyValue | StoreKind::TimestampedKeyValue => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::memory::MemoryEngine;
    use crate::engine::{Durability, Engine};
    use crate::store::Backing;

    fn spec(kind: StoreKind) -> StoreSpec {
        StoreSpec::new("s", kind, Backing::Persistent)
    }

    fn written(bytes: &[u8]) -> (MemoryEngine, Space) {
        let engine = MemoryEngine::default();
        let space = engine.space(SPACE).unwrap();
        let mut batch = Batch::default();
        batch.put(space, "0_0/s", bytes);
        engine.write(&batch, Durability::Process).unwrap();
        (engine, space)
    }

    #[test]
    fn unknown_format_is_refused() {
        let (engine, space) = written(br#"{"format":2,"what":"ever"}"#);
        let error = Metadata::read(&engine, space, "0_0/s").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.hint().is_some());
    }

    #[test]
    fn unreadable_metadata_is_corrupt() {
        let (engine, space) = written(b"{");
        assert_eq!(Metadata::read(&engine, space, "0_0/s").unwrap_err().kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn other_kind_other_changelog_or_great_age_do_not_fit() {
        let rows = Metadata::new(&spec(StoreKind::KeyValue), Some("app-s-changelog"), 0);
        let now = |kind, topic, now_ms| Metadata::new(&spec(kind), topic, now_ms);
        let same = now(StoreKind::KeyValue, Some("app-s-changelog"), 100);
        assert_eq!(rows.misfit(&same, Some(100)), None);
        assert!(rows.misfit(&same, Some(99)).is_some());
        assert!(rows.misfit(&now(StoreKind::KeyValue, Some("b-s-changelog"), 0), None).is_some());
        assert!(rows.misfit(&now(StoreKind::TimestampedKeyValue, Some("app-s-changelog"), 0), None).is_some());
        assert_eq!(rows.misfit(&now(StoreKind::KeyValue, None, 1_000), Some(1)), None, "nothing could replace them");
    }
}
