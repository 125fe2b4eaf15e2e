//! A JSON writer that puts the keys of maps in order; everything else is written as serde_json writes it.

use ::serde::ser::{self, Serialize};
use serde_json::Error;
use std::ops::Range;

/// Appends the compact JSON of `value` to `out`.
pub(super) fn write<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), Error> {
    value.serialize(Writer { out })
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Numbers, strings and the like: what has no map inside is serde_json's to write.
    fn plain<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        serde_json::to_writer(self.out, value)
    }

    fn items(self, open: &str, close: &'static str) -> Items<'a> {
        self.out.extend_from_slice(open.as_bytes());
        Items { out: self.out, is_first: true, close }
    }

    /// `{"Variant":` and whatever opens its content.
    fn variant(self, name: &'static str, open: &str, close: &'static str) -> Result<Items<'a>, Error> {
        self.out.push(b'{');
        serde_json::to_writer(&mut *self.out, name)?;
        self.out.push(b':');
        Ok(self.items(open, close))
    }
}

macro_rules! plain {
    ($($method:ident $type:ty;)*) => {$(
        fn $method(self, value: $type) -> Result<(), Error> {
            self.plain(&value)
        }
    )*};
}

impl<'a> ser::Serializer for Writer<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = Items<'a>;
    type SerializeMap = Entries<'a>;
    type SerializeStruct = Items<'a>;
    type SerializeStructVariant = Items<'a>;

    plain! {
        serialize_bool bool;
        serialize_i8 i8;
        serialize_i16 i16;
        serialize_i32 i32;
        serialize_i64 i64;
        serialize_i128 i128;
        serialize_u8 u8;
        serialize_u16 u16;
        serialize_u32 u32;
        serialize_u64 u64;
        serialize_u128 u128;
        serialize_f32 f32;
        serialize_f64 f64;
        serialize_char char;
        serialize_str &str;
        serialize_bytes &[u8];
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.plain(&())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Error> {
        self.plain(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        let mut content = self.variant(variant, "", "}")?;
        content.item(value)?;
        content.close()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'a>, Error> {
        Ok(self.items("[", "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Items<'a>, Error> {
        Ok(self.items("[", "]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Items<'a>, Error> {
        Ok(self.items("[", "]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items<'a>, Error> {
        self.variant(variant, "[", "]}")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries<'a>, Error> {
        self.out.push(b'{');
        Ok(Entries { start: self.out.len(), out: self.out, entries: Vec::new() })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Items<'a>, Error> {
        Ok(self.items("{", "}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items<'a>, Error> {
        self.variant(variant, "{", "}}")
    }
}

/// The items of a list or the fields of a struct, in the order they come.
struct Items<'a> {
    out: &'a mut Vec<u8>,
    is_first: bool,
    close: &'static str,
}

impl Items<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.separate();
        write(value, self.out)
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.separate();
        serde_json::to_writer(&mut *self.out, name)?;
        self.out.push(b':');
        write(value, self.out)
    }

    fn separate(&mut self) {
        if !std::mem::take(&mut self.is_first) {
            self.out.push(b',');
        }
    }

    fn close(self) -> Result<(), Error> {
        self.out.extend_from_slice(self.close.as_bytes());
        Ok(())
    }
}

macro_rules! items {
    ($($trait:ident $method:ident $($name:ident: $type:ty)? => $write:ident;)*) => {$(
        impl ser::$trait for Items<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, $($name: $type,)? value: &T) -> Result<(), Error> {
                self.$write($($name,)? value)
            }

            fn end(self) -> Result<(), Error> {
                self.close()
            }
        }
    )*};
}

items! {
    SerializeSeq serialize_element => item;
    SerializeTuple serialize_element => item;
    SerializeTupleStruct serialize_field => item;
    SerializeTupleVariant serialize_field => item;
    SerializeStruct serialize_field name: &'static str => field;
    SerializeStructVariant serialize_field name: &'static str => field;
}

/// The entries of a map: written as they come, and put in order at the end if they were not.
struct Entries<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    entries: Vec<Entry>,
}

/// Where an entry was written, without separators.
struct Entry {
    key: Range<usize>,
    end: usize,
}

impl ser::SerializeMap for Entries<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        if !self.entries.is_empty() {
            self.out.push(b',');
        }
        let start = self.out.len();
        write_key(key, self.out)?;
        let end = self.out.len();
        self.entries.push(Entry { key: start..end, end });
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.out.push(b':');
        write(value, self.out)?;
        if let Some(entry) = self.entries.last_mut() {
            entry.end = self.out.len();
        }
        Ok(())
    }

    fn end(self) -> Result<(), Error> {
        let Entries { out, start, mut entries } = self;
        if !entries.is_sorted_by_key(|entry| &out[entry.key.clone()]) {
            let written = out.split_off(start);
            entries.sort_by_key(|entry| &written[entry.key.start - start..entry.key.end - start]);
            for entry in &entries {
                out.extend_from_slice(&written[entry.key.start - start..entry.end - start]);
                out.push(b',');
            }
            out.pop();
        }
        out.push(b'}');
        Ok(())
    }
}

/// Which keys have a text and what it is, is serde_json's rule: it writes a map of one entry, and its frame is cut off.
fn write_key<T: Serialize + ?Sized>(key: &T, out: &mut Vec<u8>) -> Result<(), Error> {
    const FRAME_END: &[u8] = b":null}";
    let start = out.len();
    {
        let mut serializer = serde_json::Serializer::new(&mut *out);
        let mut frame = ser::Serializer::serialize_map(&mut serializer, Some(1))?;
        ser::SerializeMap::serialize_entry(&mut frame, key, &())?;
        ser::SerializeMap::end(frame)?;
    }
    out.truncate(out.len() - FRAME_END.len());
    out.remove(start);
    Ok(())
}
