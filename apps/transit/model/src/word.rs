//! Closed sets of words: an enum in Rust, a string in Avro and JSON.
//!
//! Serde's own enums are Avro enums, which the contract's string fields do not accept.

/// Declares an enum whose variants are written as the given words.
macro_rules! word {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// Every variant, in declared order.
            pub const ALL: [$name; [$($word),+].len()] = [$($name::$variant),+];

            /// The word that stands for it in records.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                $name::ALL
                    .into_iter()
                    .find(|known| known.as_str() == text)
                    .ok_or_else(|| format!("`{text}` is none of {}", $name::ALL.map($name::as_str).join(", ")))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Word;
                impl serde::de::Visitor<'_> for Word {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(f, "one of {}", $name::ALL.map($name::as_str).join(", "))
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Word)
            }
        }
    };
}

pub(crate) use word;

#[cfg(test)]
mod tests {
    use crate::Line;

    #[test]
    fn word_survives_json_and_an_unknown_one_is_refused() {
        for line in Line::ALL {
            let json = serde_json::to_string(&line).unwrap();
            assert_eq!(json, format!("\"{line}\""));
            assert_eq!(serde_json::from_str::<Line>(&json).unwrap(), line);
        }
        let error = serde_json::from_str::<Line>("\"pink\"").unwrap_err();
        assert!(error.to_string().contains("`pink` is none of blue, green, red"), "{error}");
    }
}
