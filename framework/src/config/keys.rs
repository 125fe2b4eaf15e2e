//! What becomes of a key: the lookup in the table of all of them.

use super::Config;
use super::clients::ClientSide;
use super::table::{KEYS, NO_ASSIGNOR};
use super::value::Reason;
use crate::error::{Error, ErrorKind, nearest};

pub(super) type Set = fn(&mut Config, &str) -> Result<(), Reason>;

/// What becomes of a key.
#[derive(Clone, Copy)]
pub(super) enum Treatment<'a> {
    /// It means what it means in Kafka Streams.
    Taken(Set),
    /// It becomes something else, which the text says.
    Translated(Set, &'static str),
    /// It goes to the clients of that side.
    Client(ClientSide),
    /// It goes to internal topics, under that name.
    Topic(&'a str),
    /// It has no meaning here, for that reason. A warning says so.
    Ignored(&'static str),
    /// It would have a meaning and is not supported; the text says what to use instead.
    Refused(&'static str),
}

/// One row.
pub(super) struct Key {
    pub(super) name: &'static str,
    /// As it would be written in a file; empty if there is none.
    pub(super) default: &'static str,
    pub(super) treatment: Treatment<'static>,
    /// Why the default is what it is, or what the value means; for the reference.
    pub(super) about: &'static str,
}

/// The prefixes of client keys.
const CLIENT_PREFIXES: &[(&str, ClientSide)] = &[
    ("main.consumer.", ClientSide::Consumer),
    ("restore.consumer.", ClientSide::RestoreConsumer),
    ("global.consumer.", ClientSide::GlobalConsumer),
    ("consumer.", ClientSide::Consumer),
    ("producer.", ClientSide::Producer),
    ("admin.", ClientSide::Admin),
];

/// What becomes of `key`; `None` if it is unknown.
pub(super) fn treatment(key: &str) -> Option<Treatment<'_>> {
    if let Some(row) = row(key) {
        return Some(row.treatment);
    }
    if let Some((side, name)) = client_side(key) {
        return Some(match row(name).map(|row| row.treatment) {
            Some(decided @ (Treatment::Ignored(_) | Treatment::Refused(_))) => decided,
            Some(field @ Treatment::Taken(_)) if name.ends_with("timeout.ms") || name == "metadata.max.age.ms" => field,
            Some(field) if name == "auto.offset.reset" && side == ClientSide::Consumer => field,
            _ => Treatment::Client(side),
        });
    }
    if key.starts_with("client.tag.") {
        return Some(Treatment::Ignored(NO_ASSIGNOR));
    }
    key.strip_prefix("topic.").map(Treatment::Topic)
}

/// The key as the client knows it.
pub(super) fn without_client_prefix(key: &str) -> &str {
    client_side(key).map_or(key, |(_, name)| name)
}

fn row(key: &str) -> Option<&'static Key> {
    KEYS.iter().find(|row| row.name == key)
}

fn client_side(key: &str) -> Option<(ClientSide, &str)> {
    CLIENT_PREFIXES.iter().find_map(|(prefix, side)| Some((*side, key.strip_prefix(prefix)?)))
}

/// The key that a variable's name stands for: dots were written as underscores, and so were underscores.
pub(super) fn of_variable(words: &str) -> String {
    let words = words.to_ascii_lowercase();
    let as_words = |name: &str| name.trim_start_matches("kstreams.").replace('.', "_");
    match KEYS.iter().find(|row| as_words(row.name) == words) {
        Some(row) => row.name.to_string(),
        None => words.replace('_', "."),
    }
}

/// The error for an unknown key, with the nearest known one if there is one near.
pub(super) fn unknown(key: &str) -> Error {
    let error = Error::new(ErrorKind::Config, format!("unknown key `{key}`"));
    match nearest(key, KEYS.iter().map(|row| row.name)) {
        Some(nearest) => error.with_hint(format!("did you mean `{nearest}`?")),
        None => error,
    }
}
