//! What the tests of the formats share: encoding and decoding without a topology.

use super::{Format, Registry, SerdeContext};
use crate::error::{Error, ErrorKind, Result};
use std::sync::Arc;

/// A registry that nobody may need.
pub(crate) struct NoRegistry;

impl Registry for NoRegistry {
    fn register(&self, subject: &str, _schema: &str) -> Result<u32> {
        Err(Error::new(ErrorKind::Bug, format!("no registry for `{subject}`")))
    }

    fn schema(&self, id: u32) -> Result<Arc<str>> {
        Err(Error::new(ErrorKind::Bug, format!("no registry for schema {id}")))
    }
}

/// The value side of topic `topic`, without a registry.
pub(crate) fn context() -> SerdeContext {
    SerdeContext { topic: "topic".into(), is_key: false, registry: Arc::new(NoRegistry) }
}

/// The value's bytes.
pub(crate) fn encode<T: 'static>(format: &Format<T>, value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    format.serde(&context()).unwrap().serialize(value, &mut bytes).unwrap();
    bytes
}

/// The bytes' value.
pub(crate) fn decode<T: 'static>(format: &Format<T>, bytes: &[u8]) -> Result<T> {
    format.serde(&context())?.deserialize(bytes)
}
