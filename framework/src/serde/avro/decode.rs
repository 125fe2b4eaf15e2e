//! Reading values of any type with serde's derives straight from the bytes, as a plan says.

use super::input::{Input, Malformed};
use super::plan::{Field, Plan, Plans};
use ::serde::de::value::{BorrowedStrDeserializer, StrDeserializer, UnitDeserializer};
use ::serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use ::serde::forward_to_deserialize_any;

/// Decodes exactly one value.
pub(super) fn decode<'de, S: DeserializeSeed<'de>>(
    plans: &'de Plans,
    body: &'de [u8],
    seed: S,
) -> Result<S::Value, Malformed> {
    let mut input = Input::new(body);
    let value = seed.deserialize(Decoder { plans, plan: &plans.root, input: &mut input })?;
    input.finish()?;
    Ok(value)
}

/// A value that is about to be read.
struct Decoder<'a, 'de> {
    plans: &'de Plans,
    plan: &'de Plan,
    input: &'a mut Input<'de>,
}

impl<'a, 'de> Decoder<'a, 'de> {
    fn with(self, plan: &'de Plan) -> Self {
        Decoder { plan, ..self }
    }

    /// Goes through the writer's unions to the value itself.
    fn settled(mut self) -> Result<Self, Malformed> {
        while let Plan::Union(branches) = self.plan {
            let index = self.input.index()?;
            self.plan = branches.get(index).ok_or_else(|| Malformed(format!("the union has no branch {index}")))?;
        }
        Ok(self)
    }

    fn nested<T>(self, read: impl FnOnce(Decoder<'_, 'de>) -> Result<T, Malformed>) -> Result<T, Malformed> {
        let Decoder { plans, plan, input } = self;
        input.nested(|input| read(Decoder { plans, plan, input }))
    }

    fn symbol(&mut self, symbols: &'de [Option<String>]) -> Result<&'de str, Malformed> {
        let index = self.input.index()?;
        match symbols.get(index) {
            Some(Some(symbol)) => Ok(symbol),
            Some(None) => Err(Malformed(format!("the reader does not know the writer's symbol {index}"))),
            None => Err(Malformed(format!("the enum has no symbol {index}"))),
        }
    }
}

impl<'de> Deserializer<'de> for Decoder<'_, 'de> {
    type Error = Malformed;

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Malformed> {
        match self.plan {
            Plan::Null => visitor.visit_unit(),
            Plan::Bool => visitor.visit_bool(self.input.bool()?),
            Plan::Int => visitor.visit_i32(self.input.int()?),
            Plan::Long => visitor.visit_i64(self.input.long()?),
            Plan::Float => visitor.visit_f32(self.input.float()?),
            Plan::Double => visitor.visit_f64(self.input.double()?),
            Plan::FloatFromLong => visitor.visit_f32(self.input.long()? as f32),
            Plan::DoubleFromLong => visitor.visit_f64(self.input.long()? as f64),
            Plan::DoubleFromFloat => visitor.visit_f64(self.input.float()?.into()),
            Plan::Bytes => visitor.visit_borrowed_bytes(self.input.bytes()?),
            Plan::Text => visitor.visit_borrowed_str(self.input.text()?),
            Plan::Fixed(size) => visitor.visit_borrowed_bytes(self.input.take(*size)?),
            Plan::Enum(symbols) => visitor.visit_borrowed_str(self.symbol(symbols)?),
            Plan::Union(_) => self.settled()?.deserialize_any(visitor),
            Plan::Branch(_, plan) => self.with(plan).deserialize_any(visitor),
            Plan::List(item) => {
                self.nested(|decoder| visitor.visit_seq(Items { decoder: decoder.with(item), left: 0 }))
            }
            Plan::Map(value) => {
                self.nested(|decoder| visitor.visit_map(Entries { decoder: decoder.with(value), left: 0 }))
            }
            Plan::Record(number) => {
                let fields = self.plans.records[*number].iter();
                self.nested(|decoder| visitor.visit_map(Fields { decoder, fields, next: None }))
            }
            Plan::Unreadable(why) => Err(Malformed(why.clone())),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        let settled = self.settled()?;
        match settled.plan {
            Plan::Null => visitor.visit_none(),
            Plan::Branch(_, plan) if matches!(**plan, Plan::Null) => visitor.visit_none(),
            _ => visitor.visit_some(settled),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Malformed> {
        visitor.visit_newtype_struct(self)
    }

    /// Symbols become unit variants, branches of a union the variants with their numbers.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        let mut settled = self.settled()?;
        match settled.plan {
            Plan::Enum(symbols) => {
                let symbol = settled.symbol(symbols)?;
                visitor.visit_enum(IntoDeserializer::<Malformed>::into_deserializer(symbol))
            }
            Plan::Branch(number, plan) => {
                let variant = variants.get(*number);
                let variant =
                    variant.ok_or_else(|| Malformed(format!("the type has no variant for branch {number}")))?;
                visitor.visit_enum(Variant { variant, content: settled.with(plan) })
            }
            _ => settled.deserialize_any(visitor),
        }
    }

    /// Skipping reads and forgets: Avro's fields have no lengths.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        self.deserialize_any(visitor)
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier
    }
}

/// The items of a list.
struct Items<'a, 'de> {
    decoder: Decoder<'a, 'de>,
    left: usize,
}

impl<'de> Decoder<'_, 'de> {
    fn again(&mut self) -> Decoder<'_, 'de> {
        Decoder { plans: self.plans, plan: self.plan, input: self.input }
    }
}

/// Whether there is another item; starts the next block if this one is used up.
fn has_next(left: &mut usize, input: &mut Input<'_>) -> Result<bool, Malformed> {
    if *left == 0 {
        *left = input.block()?;
    }
    let has_next = *left > 0;
    *left = left.saturating_sub(1);
    Ok(has_next)
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Malformed;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Malformed> {
        if !has_next(&mut self.left, self.decoder.input)? {
            return Ok(None);
        }
        seed.deserialize(self.decoder.again()).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.decoder.input.plausible(self.left))
    }
}

/// The entries of a map.
struct Entries<'a, 'de> {
    decoder: Decoder<'a, 'de>,
    left: usize,
}

impl<'de> MapAccess<'de> for Entries<'_, 'de> {
    type Error = Malformed;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Malformed> {
        if !has_next(&mut self.left, self.decoder.input)? {
            return Ok(None);
        }
        let key = self.decoder.input.text()?;
        seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Malformed> {
        seed.deserialize(self.decoder.again())
    }
}

/// The fields of a record.
struct Fields<'a, 'de> {
    decoder: Decoder<'a, 'de>,
    fields: std::slice::Iter<'de, Field>,
    next: Option<&'de Field>,
}

impl<'de> MapAccess<'de> for Fields<'_, 'de> {
    type Error = Malformed;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Malformed> {
        for field in self.fields.by_ref() {
            match field {
                Field::Skip(plan) => {
                    <::serde::de::IgnoredAny as ::serde::Deserialize>::deserialize(self.decoder.again().with(plan))?;
                }
                Field::Read { name, .. } | Field::Default { name, .. } => {
                    self.next = Some(field);
                    return seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some);
                }
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Malformed> {
        match self.next.take() {
            Some(Field::Read { name, plan }) => {
                let value = seed.deserialize(self.decoder.again().with(plan));
                value.map_err(|error| Malformed(format!("field `{name}`: {error}")))
            }
            Some(Field::Default { body, plan, .. }) => {
                let mut input = Input::new(body);
                seed.deserialize(Decoder { plans: self.decoder.plans, plan, input: &mut input })
            }
            Some(Field::Skip(_)) | None => Err(Malformed("a value was asked for before its key".into())),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.fields.len())
    }
}

/// A branch of the reader's union, as a variant.
struct Variant<'a, 'de> {
    variant: &'static str,
    content: Decoder<'a, 'de>,
}

impl<'a, 'de> EnumAccess<'de> for Variant<'a, 'de> {
    type Error = Malformed;
    type Variant = Decoder<'a, 'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Decoder<'a, 'de>), Malformed> {
        Ok((seed.deserialize(StrDeserializer::new(self.variant))?, self.content))
    }
}

impl<'de> VariantAccess<'de> for Decoder<'_, 'de> {
    type Error = Malformed;

    fn unit_variant(self) -> Result<(), Malformed> {
        ::serde::Deserialize::deserialize(UnitDeserializer::<Malformed>::new())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Malformed> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Malformed> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Malformed> {
        self.deserialize_any(visitor)
    }
}
