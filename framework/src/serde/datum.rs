//! Types without a format of their own that may still be grouped, joined or stored: unsigned numbers,
//! tuples, ordered collections, shared pointers.
//!
//! `HashMap` and `HashSet` are left out: they do not list equal contents in equal order, and equal values must
//! give equal bytes.

use super::{Datum, Format, Serde, Wire};
use crate::error::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

macro_rules! plain {
    ($($type:ty),*) => { $(impl Datum for $type {})* };
}

plain!((), i8, u8, u16, u32, u64, u128, i128, usize, isize, char);

macro_rules! tuples {
    ($(($($part:ident),+))*) => { $(impl<$($part: Datum),+> Datum for ($($part,)+) {})* };
}

tuples! { (A) (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) (A, B, C, D, E, F) }

impl<T: Datum> Datum for Vec<T> {}
impl<T: Datum> Datum for Box<T> {}
impl<T: Datum> Datum for BTreeSet<T> {}
impl<K: Datum, V: Datum> Datum for BTreeMap<K, V> {}
impl<T: Datum, const N: usize> Datum for [T; N] {}

/// Anything that has JSON, for programs that know no type.
impl Datum for serde_json::Value {}

#[cfg(feature = "json")]
impl Wire for serde_json::Value {
    fn format() -> Format<Self> {
        Format::json()
    }
}

/// Shared: a large value that operators clone costs a counter, and its bytes are those of `T`.
impl<T: Datum> Datum for Arc<T> {}

impl<T: Wire> Wire for Arc<T> {
    fn format() -> Format<Arc<T>> {
        T::format().shared()
    }
}

impl<T: Datum> Format<T> {
    /// The same format for shared values.
    pub fn shared(self) -> Format<Arc<T>> {
        Format::new(move |context| Ok(Arc::new(Shared(self.serde(context)?)) as Arc<dyn Serde<Arc<T>>>))
    }
}

struct Shared<T>(Arc<dyn Serde<T>>);

impl<T> Serde<Arc<T>> for Shared<T> {
    fn serialize(&self, value: &Arc<T>, out: &mut Vec<u8>) -> Result<()> {
        self.0.serialize(value, out)
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<Arc<T>> {
        self.0.deserialize(bytes).map(Arc::new)
    }

    fn is_infallible(&self) -> bool {
        self.0.is_infallible()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serde::testing::{decode, encode};

    #[test]
    fn shared_value_has_the_bytes_of_the_value() {
        let format = <Arc<i64>>::format();
        assert_eq!(encode(&format, &Arc::new(7)), encode(&Format::i64(), &7));
        assert_eq!(*decode(&format, &[0, 0, 0, 0, 0, 0, 0, 7]).unwrap(), 7);
    }
}
