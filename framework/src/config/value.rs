//! Values of properties files as what they mean. Each says in words what it expected.

use super::choice::{Choice, Optimization};
use super::clients::RegistryConfig;
use std::str::FromStr;

/// Why a value cannot be used: the end of "`key` cannot be `value`: …".
pub(super) type Reason = String;

/// A whole number within the type's bounds.
pub(super) fn integer<T: FromStr>(text: &str) -> Result<T, Reason> {
    text.trim().parse().map_err(|_| "a whole number is expected".into())
}

/// Milliseconds: a whole number without a unit, as Kafka writes durations.
pub(super) fn millis(text: &str) -> Result<i64, Reason> {
    match text.trim().parse() {
        Ok(number) if number >= 0 => Ok(number),
        _ => Err("a number of milliseconds is expected, without a unit".into()),
    }
}

/// Milliseconds, or -1 for never.
pub(super) fn millis_or_never(text: &str) -> Result<i64, Reason> {
    if text.trim() == "-1" { Ok(-1) } else { millis(text).map_err(|reason| format!("{reason}, or -1")) }
}

/// `true` or `false`.
pub(super) fn boolean(text: &str) -> Result<bool, Reason> {
    match text.trim() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("`true` or `false` is expected".into()),
    }
}

/// One of the words of a closed choice, whatever their case.
pub(super) fn choice<C: Choice>(text: &str) -> Result<C, Reason> {
    let text = text.trim();
    let found = C::WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let words: Vec<String> = C::WORDS.iter().map(|(word, _)| format!("`{word}`")).collect();
        format!("{} is expected", words.join(" or "))
    })
}

/// `none`, `all`, or names separated by commas.
pub(super) fn optimization(text: &str) -> Result<Optimization, Reason> {
    let mut optimization = Optimization::NONE;
    for name in text.split(',').map(str::trim) {
        match name {
            "none" | "" => {}
            "all" => optimization = Optimization::ALL,
            "reuse.ktable.source.topics" => optimization.reuse_source_topics = true,
            "merge.repartition.topics" => optimization.merge_repartition_topics = true,
            "single.store.self.join" => optimization.single_store_self_join = true,
            _ => return Err(format!("`{name}` is no optimisation")),
        }
    }
    Ok(optimization)
}

/// `user:password`, for a registry whose address may come later.
pub(super) fn user_info(registry: &mut Option<RegistryConfig>, text: &str) -> Result<(), Reason> {
    let (user, password) = text.split_once(':').ok_or("`user:password` is expected")?;
    registry.get_or_insert_default().basic_auth = Some((user.into(), password.into()));
    Ok(())
}

/// Text that says something.
pub(super) fn text(text: &str) -> Result<String, Reason> {
    match text.trim() {
        "" => Err("it is empty".into()),
        text => Ok(text.into()),
    }
}

/// Text, or nothing.
#[expect(clippy::unnecessary_wraps, reason = "the signature of all values")]
pub(super) fn optional_text(text: &str) -> Result<Option<String>, Reason> {
    Ok(Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_string))
}
