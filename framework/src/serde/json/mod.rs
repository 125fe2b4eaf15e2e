//! JSON, through the type's own serde derives.
//!
//! Keys of maps are written in order, whatever the map: equal values give equal bytes. (A `HashSet` is a list to
//! serde and stays as it lists itself; use `BTreeSet`.) Fields of structs keep their declared order. No schema, no
//! registry, no framing: what other systems write as plain JSON.

mod sorted;

use super::primitive::{excerpt, malformed};
use super::{Format, Serde};
use crate::error::{Error, ErrorKind, Result, type_name};
use ::serde::Serialize;
use ::serde::de::DeserializeOwned;

impl<T: Serialize + DeserializeOwned + 'static> Format<T> {
    /// Compact JSON of a type with serde's derives.
    ///
    /// ```
    /// use kstreams::serde::Format;
    /// use std::collections::BTreeMap;
    ///
    /// let format: Format<BTreeMap<String, u32>> = Format::json();
    /// # let _ = format;
    /// ```
    pub fn json() -> Self {
        Format::of(Json)
    }
}

/// Gives types with serde's derives the JSON format: implements [`Datum`](crate::serde::Datum) and
/// [`Wire`](crate::serde::Wire), so that streams, tables and stores of them need no options.
///
/// ```
/// use kstreams::dsl::StreamsBuilder;
/// use kstreams::testing::TopologyTestDriver;
///
/// #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// struct Station {
///     id: i64,
///     name: String,
/// }
///
/// #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// enum Direction {
///     A,
///     B,
/// }
///
/// kstreams::json!(Station, Direction);
///
/// let builder = StreamsBuilder::new();
/// builder.table::<i64, Station>("stations").map_values(|station| station.name).to_stream().to("names");
/// let mut driver = TopologyTestDriver::new(&builder.build()?)?;
/// driver.input("stations").pipe_bytes(Some(&7_i64.to_be_bytes()), Some(br#"{"id": 7, "name": "Loop"}"#), 0)?;
/// assert_eq!(driver.output("names").read_values::<String>()?, ["Loop"]);
/// # Ok::<(), kstreams::error::Error>(())
/// ```
#[macro_export]
macro_rules! json {
    ($($type:ty),+ $(,)?) => {$(
        impl $crate::serde::Datum for $type {}

        impl $crate::serde::Wire for $type {
            fn format() -> $crate::serde::Format<Self> {
                $crate::serde::Format::json()
            }
        }
    )+};
}

#[derive(Clone, Copy)]
struct Json;

impl<T: Serialize + DeserializeOwned> Serde<T> for Json {
    fn serialize(&self, value: &T, out: &mut Vec<u8>) -> Result<()> {
        sorted::write(value, out).map_err(|error| {
            Error::new(ErrorKind::Serialization, format!("the value has no JSON: {error}")).with_source(error)
        })
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<T> {
        serde_json::from_slice(bytes).map_err(|error| {
            malformed(format!("this is not the JSON of `{}`: {error}", type_name::<T>()))
                .with_detail(excerpt(bytes))
                .with_source(error)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serde::testing::{context, decode, encode};
    use ::serde::Deserialize;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, HashMap};

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum Shape {
        Unit,
        New(i32),
        Pair(u8, String),
        Named { z: Option<f64>, a: HashMap<String, i64> },
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Everything {
        zebra: bool,
        apple: Vec<Shape>,
        counts: HashMap<i64, Vec<u8>>,
        letter: char,
        unit: (),
        pair: (f32, i128),
    }

    crate::json!(Shape, Everything);

    fn text<T: Serialize>(value: &T) -> String {
        let mut bytes = Vec::new();
        sorted::write(value, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn map_keys_are_sorted_and_fields_are_not() {
        let shape = Shape::Named { z: None, a: HashMap::from([("b".into(), 2), ("a".into(), 1), ("c".into(), 3)]) };
        assert_eq!(text(&shape), r#"{"Named":{"z":null,"a":{"a":1,"b":2,"c":3}}}"#);
    }

    #[test]
    fn maps_inside_maps_are_sorted() {
        let inner = HashMap::from([("y", 1), ("x", 2)].map(|(key, value)| (key.to_string(), value)));
        let outer = HashMap::from([("b".to_string(), inner.clone()), ("a".to_string(), inner)]);
        assert_eq!(text(&outer), r#"{"a":{"x":2,"y":1},"b":{"x":2,"y":1}}"#);
    }

    #[test]
    fn undecodable_text_names_type_and_place() {
        let error = decode::<BTreeMap<String, u8>>(&Format::json(), b"{\"a\":}").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Deserialization);
        assert!(error.message().contains("BTreeMap") && error.message().contains("column 6"), "{error}");
    }

    #[test]
    fn map_whose_keys_are_not_text_is_refused() {
        let map = BTreeMap::from([(vec![1_u8], 1)]);
        let serde = Format::<BTreeMap<Vec<u8>, i32>>::json().serde(&context()).unwrap();
        let error = serde.serialize(&map, &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Serialization);
    }

    fn shape() -> impl Strategy<Value = Shape> {
        prop_oneof![
            Just(Shape::Unit),
            any::<i32>().prop_map(Shape::New),
            any::<(u8, String)>().prop_map(|(number, text)| Shape::Pair(number, text)),
            (any::<Option<f64>>(), any::<HashMap<String, i64>>()).prop_map(|(z, a)| Shape::Named { z, a }),
        ]
    }

    prop_compose! {
        fn everything()(
            zebra: bool, apple in prop::collection::vec(shape(), 0..4), counts: HashMap<i64, Vec<u8>>, letter: char,
            pair: (f32, i128),
        ) -> Everything {
            Everything { zebra, apple, counts, letter, unit: (), pair }
        }
    }

    proptest! {
        #[test]
        fn values_come_back(value in everything()) {
            prop_assert_eq!(decode::<Everything>(&Format::json(), &encode(&Format::json(), &value)).unwrap(), value);
        }

        /// A `HashMap` that was filled in another order lists its keys in another order.
        #[test]
        fn equal_values_give_equal_bytes(value in everything()) {
            let mut other = value.clone();
            other.counts = HashMap::with_capacity(1_000);
            other.counts.extend(value.counts.iter().map(|(key, value)| (*key, value.clone())));
            prop_assert_eq!(text(&value), text(&other));
        }

        #[test]
        fn without_unordered_maps_the_bytes_are_those_of_serde_json(
            plain: (Option<f64>, Vec<(String, i64)>), map in prop::collection::btree_map("[a-z]{0,4}", any::<bool>(), 0..4),
        ) {
            prop_assert_eq!(text(&(&plain, &map)), serde_json::to_string(&(&plain, &map)).unwrap());
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = decode::<Everything>(&Format::json(), &bytes);
        }
    }
}
