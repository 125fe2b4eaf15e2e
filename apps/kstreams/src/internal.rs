//! Which topics belong to an application: changelogs and repartition topics, by Kafka Streams' rule for their names.

use kstreams::log::TopicInfo;
use serde::Serialize;
use std::fmt;

/// What an internal topic is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum InternalKind {
    /// It backs a store.
    Changelog,
    /// It carries records to the partition of a new key.
    Repartition,
    /// It carries the subscriptions of a foreign-key join and their answers.
    ForeignKeyJoin,
}

impl fmt::Display for InternalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            InternalKind::Changelog => "changelog",
            InternalKind::Repartition => "repartition",
            InternalKind::ForeignKeyJoin => "foreign-key join",
        })
    }
}

/// What the topic is for, if it is called as an internal topic of the application is.
pub fn kind(application_id: &str, topic: &str) -> Option<InternalKind> {
    let name = topic.strip_prefix(application_id)?.strip_prefix('-')?;
    match name {
        _ if name.ends_with("-changelog") => Some(InternalKind::Changelog),
        _ if name.ends_with("-repartition") => Some(InternalKind::Repartition),
        _ if is_of_foreign_key_join(name) => Some(InternalKind::ForeignKeyJoin),
        _ => None,
    }
}

/// `KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-0000000006-topic`, or with a name of the user's before the end.
fn is_of_foreign_key_join(name: &str) -> bool {
    let is_named = name.ends_with("-subscription-registration-topic") || name.ends_with("-subscription-response-topic");
    let generated = ["KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-", "KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-"];
    is_named || generated.iter().any(|begin| name.contains(begin) && name.ends_with("-topic"))
}

/// An internal topic of the application, or one that only looks like it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The topic.
    pub info: TopicInfo,
    /// What it is for.
    pub kind: InternalKind,
    /// The other application that it rather belongs to: a group whose name goes on where this one's ends.
    pub rather_of: Option<String>,
}

/// The topics that are called as the application's internal topics are, by name.
///
/// `app` and `app-two` cannot be told apart by names alone: `app-two-counts-changelog` may be either's. So a topic that
/// begins with the name of another group is given to that.
pub fn candidates(application_id: &str, topics: &[TopicInfo], groups: &[String]) -> Vec<Candidate> {
    let rival = |topic: &str| {
        let longer = groups.iter().filter(|group| group.len() > application_id.len());
        longer.filter(|group| kind(group, topic).is_some()).max_by_key(|group| group.len()).cloned()
    };
    let named = topics.iter().filter_map(|info| Some((info, kind(application_id, info.topic.as_str())?)));
    named.map(|(info, kind)| Candidate { info: info.clone(), kind, rather_of: rival(info.topic.as_str()) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_topics_are_known_by_their_names() {
        for (topic, expected) in [
            ("app-counts-changelog", Some(InternalKind::Changelog)),
            ("app-KSTREAM-AGGREGATE-STATE-STORE-0000000002-changelog", Some(InternalKind::Changelog)),
            ("app-by-word-repartition", Some(InternalKind::Repartition)),
            ("app-KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-0000000006-topic", Some(InternalKind::ForeignKeyJoin)),
            ("app-KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-0000000014-topic", Some(InternalKind::ForeignKeyJoin)),
            ("app-mine-subscription-response-topic", Some(InternalKind::ForeignKeyJoin)),
            ("app-changelog", None),
            ("app-output", None),
            ("application-counts-changelog", None),
            ("counts-changelog", None),
        ] {
            assert_eq!(kind("app", topic), expected, "{topic}");
        }
    }

    #[test]
    fn topic_that_begins_with_another_group_is_given_to_that() {
        let topics = ["app-a-changelog", "app-two-a-changelog", "app-two-b-changelog", "lines"];
        let topics = topics.map(|topic| TopicInfo { topic: topic.into(), partitions: 1 });
        let owners = |groups: &[&str]| {
            let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
            candidates("app", &topics, &groups).into_iter().map(|one| one.rather_of).collect::<Vec<_>>()
        };
        assert_eq!(owners(&["app"]), [None, None, None]);
        assert_eq!(owners(&["app", "app-two"]), [None, Some("app-two".into()), Some("app-two".into())]);
        assert_eq!(owners(&["app-two", "app-two-b"]), [None, Some("app-two".into()), Some("app-two".into())]);
    }
}
