//! Committed rows for other threads: what queries read, and how tasks read global tables.
//!
//! Never sees an overlay or a cache, and never writes.

use super::key_value::key_range;
use super::metadata::{self, Metadata};
use super::stored::Stored;
use super::table::WindowTable;
use super::typed::decode;
use super::window::WindowFilter;
use super::window::keys::RowKey;
use super::{KeyValueStore, StoreBuilder, StoreHandle, StoreSpec, WindowStore};
use crate::engine::{Cursor, Direction, KeyRange, Read, SharedEngine, Space};
use crate::error::Result;
use crate::record::{Window, Windowed};
use crate::serde::{Datum, Registry, Serde, SerdeContext};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where the committed rows of one task are. It may be sent to other threads.
#[derive(Clone)]
pub struct QuerySource {
    pub(super) application_id: Arc<str>,
    pub(super) owner: Arc<str>,
    pub(super) engine: SharedEngine,
    pub(super) memory: SharedEngine,
    pub(super) registry: Arc<dyn Registry>,
    pub(super) is_live: bool,
}

impl QuerySource {
    /// The same, but stores opened from it read the newest committed rows at every call instead of one moment. For
    /// global tables, which every task reads and one thread writes.
    pub fn live(&self) -> QuerySource {
        QuerySource { is_live: true, ..self.clone() }
    }

    /// Every committed row of a store, as it is in the engine.
    pub(crate) fn rows(&self, spec: &StoreSpec) -> Result<BTreeMap<Vec<u8>, Vec<u8>>> {
        let engine = if spec.is_persistent() { &self.engine } else { &self.memory };
        let space = engine.space(&format!("{}/{}", self.owner, spec.name))?;
        let mut cursor = engine.scan(space, KeyRange::all(), Direction::Forward)?;
        let mut rows = BTreeMap::new();
        while cursor.advance()? {
            rows.insert(cursor.key().to_vec(), cursor.value().to_vec());
        }
        Ok(rows)
    }
}

/// The committed rows of one store.
struct Committed<K, S: Stored> {
    reader: Reader,
    space: Space,
    metadata: Option<Metadata>,
    key: Arc<dyn Serde<K>>,
    value: Arc<dyn Serde<S::Value>>,
}

enum Reader {
    Moment(Box<dyn Read>),
    Live(SharedEngine),
}

impl Reader {
    fn get(&self) -> &dyn Read {
        match self {
            Reader::Moment(snapshot) => &**snapshot,
            Reader::Live(engine) => &**engine,
        }
    }
}

impl<K: Datum, S: Stored> Committed<K, S> {
    fn open<H>(blueprint: &StoreBuilder<H>, source: &QuerySource) -> Result<Self>
    where
        H: StoreHandle<Key = K, Value = S::Value>,
    {
        let spec = &blueprint.spec;
        let engine = if spec.is_persistent() { &source.engine } else { &source.memory };
        let name = format!("{}/{}", source.owner, spec.name);
        let (space, metadata_space) = (engine.space(&name)?, engine.space(metadata::SPACE)?);
        let reader = match source.is_live {
            true => Reader::Live(engine.clone()),
            false => Reader::Moment(engine.snapshot()),
        };
        let metadata = Metadata::read(reader.get(), metadata_space, &name)?;
        let (key, value) = serdes(blueprint, &source.application_id, &source.registry)?;
        Ok(Committed { reader, space, metadata, key, value })
    }

    fn position(&self) -> Option<i64> {
        self.metadata.as_ref().and_then(|metadata| metadata.position)
    }

    fn row(&self, row: &[u8]) -> Result<Option<S>> {
        let bytes = self.reader.get().get(self.space, row)?;
        bytes.map(|bytes| decode(&*self.value, &bytes)).transpose()
    }

    fn scan(&self, range: KeyRange, direction: Direction) -> Result<Box<dyn Cursor>> {
        self.reader.get().scan(self.space, range, direction)
    }

    fn key_bytes(&self, key: &K) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.key.serialize(key, &mut bytes)?;
        Ok(bytes)
    }
}

/// The key and value serdes of a store.
pub(super) type Serdes<H> = (Arc<dyn Serde<<H as StoreHandle>::Key>>, Arc<dyn Serde<<H as StoreHandle>::Value>>);

/// Makes the serdes of a store.
pub(super) fn serdes<H: StoreHandle>(
    blueprint: &StoreBuilder<H>,
    application_id: &str,
    registry: &Arc<dyn Registry>,
) -> Result<Serdes<H>> {
    let topic = blueprint.spec.serde_topic(application_id);
    let mut context = SerdeContext { topic, is_key: true, registry: registry.clone() };
    let key = blueprint.key.serde(&context)?;
    context.is_key = false;
    Ok((key, blueprint.value.serde(&context)?))
}

/// The committed rows of a key-value store. Kafka Streams: `ReadOnlyKeyValueStore`.
pub struct ReadOnlyKeyValueStore<K, S: Stored>(Committed<K, S>);

impl<K: Datum, S: Stored> ReadOnlyKeyValueStore<K, S> {
    pub(super) fn new(blueprint: &StoreBuilder<KeyValueStore<K, S>>, source: &QuerySource) -> Result<Self> {
        Committed::open(blueprint, source).map(ReadOnlyKeyValueStore)
    }

    /// The position in the changelog that these rows stand for: the first offset that is not in them. `None` before
    /// the first commit, and for stores without a changelog.
    pub fn position(&self) -> Option<i64> {
        self.0.position()
    }

    /// The value of `key`.
    ///
    /// # Errors
    /// What the serdes or the engine refuse; the same goes for every method here.
    pub fn get(&self, key: &K) -> Result<Option<S>> {
        self.0.row(&self.0.key_bytes(key)?)
    }

    /// The rows from one key to another, both inclusive; `None` is an open end.
    ///
    /// # Errors
    /// As in [`get`](Self::get).
    pub fn range(&self, from: Option<&K>, to: Option<&K>) -> Result<impl Iterator<Item = Result<(K, S)>>> {
        self.scan(key_range(&*self.0.key, from, to)?, Direction::Forward)
    }

    /// The same rows, largest key first.
    ///
    /// # Errors
    /// As in [`get`](Self::get).
    pub fn reverse_range(&self, from: Option<&K>, to: Option<&K>) -> Result<impl Iterator<Item = Result<(K, S)>>> {
        self.scan(key_range(&*self.0.key, from, to)?, Direction::Backward)
    }

    /// All rows.
    ///
    /// # Errors
    /// As in [`get`](Self::get).
    pub fn all(&self) -> Result<impl Iterator<Item = Result<(K, S)>>> {
        self.range(None, None)
    }

    /// The rows whose key's bytes begin with `prefix`.
    ///
    /// # Errors
    /// As in [`get`](Self::get).
    pub fn prefix_scan(&self, prefix: &[u8]) -> Result<impl Iterator<Item = Result<(K, S)>>> {
        self.scan(KeyRange::prefix(prefix), Direction::Forward)
    }

    fn scan(&self, range: KeyRange, direction: Direction) -> Result<impl Iterator<Item = Result<(K, S)>> + use<K, S>> {
        let (key, value) = (self.0.key.clone(), self.0.value.clone());
        let cursor = self.0.scan(range, direction)?;
        Ok(pairs(vec![cursor], move |row, bytes| Ok(Some((key.deserialize(row)?, decode(&*value, bytes)?)))))
    }
}

/// The committed rows of a window store. Kafka Streams: `ReadOnlyWindowStore`.
pub struct ReadOnlyWindowStore<K, S: Stored> {
    rows: Committed<K, S>,
    window: WindowTable,
}

impl<K: Datum, S: Stored> ReadOnlyWindowStore<K, S> {
    pub(super) fn new(blueprint: &StoreBuilder<WindowStore<K, S>>, source: &QuerySource) -> Result<Self> {
        let rows = Committed::open(blueprint, source)?;
        let spec = &blueprint.spec;
        let window = spec.kind.window().expect("window handles are opened from window blueprints only");
        let window = WindowTable::new(spec, window);
        if let Some(metadata) = &rows.metadata {
            window.reset(metadata.observed_ms, metadata.sequence);
        }
        Ok(ReadOnlyWindowStore { rows, window })
    }

    /// The position in the changelog that these rows stand for: the first offset that is not in them. `None` before
    /// the first commit, and for stores without a changelog.
    pub fn position(&self) -> Option<i64> {
        self.rows.position()
    }

    /// The value of `key` in the window that begins at `start_ms`.
    ///
    /// # Errors
    /// What the serdes or the engine refuse; the same goes for every method here.
    pub fn fetch(&self, key: &K, start_ms: i64) -> Result<Option<S>> {
        if start_ms < self.window.oldest_visible_ms() {
            return Ok(None);
        }
        let mut row = Vec::new();
        let key = self.rows.key_bytes(key)?;
        self.window.keys().write_row(RowKey { key: &key, start_ms, sequence: 0 }, &mut row);
        self.rows.row(&row)
    }

    /// The windows of `key` that begin between the two times, both inclusive, oldest first.
    ///
    /// # Errors
    /// As in [`fetch`](Self::fetch).
    pub fn fetch_range(
        &self,
        key: &K,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<impl Iterator<Item = Result<(Windowed<K>, S)>>> {
        self.fetch_keys(Some(key), Some(key), from_ms, to_ms)
    }

    /// The windows of the keys from one to another that begin between the two times, all inclusive; `None` is an open
    /// end.
    ///
    /// # Errors
    /// As in [`fetch`](Self::fetch).
    pub fn fetch_keys(
        &self,
        from: Option<&K>,
        to: Option<&K>,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<impl Iterator<Item = Result<(Windowed<K>, S)>> + use<K, S>> {
        let filter = WindowFilter::new(&self.window, from_ms, to_ms).with_keys(&*self.rows.key, from, to)?;
        let ranges = filter.ranges(Direction::Forward, |_| None).into_iter();
        let cursors = ranges.map(|range| self.rows.scan(range, Direction::Forward)).collect::<Result<Vec<_>>>()?;
        let (key, value, size_ms) = (self.rows.key.clone(), self.rows.value.clone(), self.window.size_ms());
        Ok(pairs(cursors, move |row, bytes| {
            let row = filter.keys().split(row)?;
            if !filter.wants_below(&row) {
                return Ok(None);
            }
            let window = Window::of_size(row.start_ms, size_ms);
            Ok(Some((Windowed::new(key.deserialize(row.key)?, window), decode(&*value, bytes)?)))
        }))
    }

    /// All windows that are not past retention.
    ///
    /// # Errors
    /// As in [`fetch`](Self::fetch).
    pub fn all(&self) -> Result<impl Iterator<Item = Result<(Windowed<K>, S)>>> {
        self.fetch_keys(None, None, 0, i64::MAX)
    }
}

/// The pairs of several cursors one after another, as `decode` reads them; `None` passes a pair over. Ends after an
/// error.
fn pairs<T>(
    cursors: Vec<Box<dyn Cursor>>,
    decode: impl Fn(&[u8], &[u8]) -> Result<Option<T>>,
) -> impl Iterator<Item = Result<T>> {
    let mut cursors = cursors.into_iter();
    let mut current = cursors.next();
    std::iter::from_fn(move || {
        while let Some(cursor) = &mut current {
            let pair = match cursor.advance() {
                Ok(true) => decode(cursor.key(), cursor.value()).transpose(),
                Ok(false) => {
                    current = cursors.next();
                    continue;
                }
                Err(error) => Some(Err(error)),
            };
            match pair {
                Some(Ok(pair)) => return Some(Ok(pair)),
                Some(Err(error)) => {
                    current = None;
                    return Some(Err(error));
                }
                None => {}
            }
        }
        None
    })
}
