//! From Kafka's error codes to the errors that the runtime acts on: a kind, one sentence, what the client saw, what may be done.

use super::codes::{is_authentication, is_stale_member, is_too_old, kind_of};
use super::native::TransactionError;
use crate::error::{Error, ErrorKind};
use crate::record::{Topic, TopicPartition};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// What an error is about, for its sentence: a topic, a group, the brokers.
#[derive(Debug, Clone, Copy)]
pub(super) enum About<'a> {
    /// A topic, or a partition of it.
    Topic(&'a str),
    /// A group.
    Group(&'a str),
    /// A producer, by its transactional id if it has one.
    Producer(Option<&'a str>),
    /// Everything else.
    Brokers,
}

impl About<'_> {
    fn name(self) -> String {
        match self {
            About::Topic(topic) => format!("topic `{topic}`"),
            About::Group(group) => format!("group `{group}`"),
            About::Producer(Some(id)) => format!("transactional id `{id}`"),
            About::Producer(None) => String::from("the producer"),
            About::Brokers => String::from("the cluster"),
        }
    }
}

/// The error for a code. `seen` is what the client says about it.
pub(super) fn error(code: Code, about: About<'_>, seen: &str) -> Error {
    let kind = kind_of(code);
    let name = about.name();
    let sentence = match kind {
        ErrorKind::Unauthorized if is_authentication(code) => String::from("the brokers refused the credentials"),
        ErrorKind::Unauthorized => format!("the brokers do not allow what is to be done with {name}"),
        ErrorKind::Fenced if is_stale_member(code) => {
            String::from("the group has removed this member or moved on to another generation")
        }
        ErrorKind::Fenced => {
            String::from("another producer has taken over this transactional id, or its transaction timed out")
        }
        ErrorKind::Aborted => String::from("the transaction can only be aborted"),
        ErrorKind::NotFound => format!("{name} does not exist"),
        ErrorKind::OutOfRange => format!("the position in {name} is not in the log"),
        ErrorKind::Config if is_too_old(code) => format!("the brokers are too old for {name}"),
        ErrorKind::Config => format!("the brokers refuse the settings of {name}"),
        ErrorKind::Production => format!("{name} does not take a message"),
        ErrorKind::InUse => format!("{name} is in use"),
        ErrorKind::Io => format!("a disk of the brokers fails for {name}"),
        _ => format!("the brokers did not answer about {name}"),
    };
    let error = Error::new(kind, sentence);
    let error = if seen.is_empty() { error } else { error.with_detail(seen) };
    let error = match class_of(code) {
        Some(class) => error.with_class(class),
        None => error,
    };
    match hint_of(code, kind) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// The class of Java's client where somebody acts on it.
fn class_of(code: Code) -> Option<&'static str> {
    Some(match code {
        _ if is_stale_member(code) => "org.apache.kafka.clients.consumer.CommitFailedException",
        _ if kind_of(code) == ErrorKind::Fenced => "org.apache.kafka.common.errors.ProducerFencedException",
        _ if kind_of(code) == ErrorKind::Aborted => "org.apache.kafka.common.errors.TransactionAbortedException",
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge => {
            "org.apache.kafka.common.errors.RecordTooLargeException"
        }
        Code::InvalidRecord => "org.apache.kafka.common.InvalidRecordException",
        Code::InvalidTimestamp => "org.apache.kafka.common.errors.InvalidTimestampException",
        Code::OffsetOutOfRange | Code::AutoOffsetReset => "org.apache.kafka.clients.consumer.OffsetOutOfRangeException",
        Code::TopicAuthorizationFailed => "org.apache.kafka.common.errors.TopicAuthorizationException",
        Code::GroupAuthorizationFailed => "org.apache.kafka.common.errors.GroupAuthorizationException",
        _ => return None,
    })
}

fn hint_of(code: Code, kind: ErrorKind) -> Option<&'static str> {
    Some(match code {
        _ if is_authentication(code) => {
            "check `security.protocol`, `sasl.mechanism`, `sasl.username` and `sasl.password`"
        }
        Code::TopicAuthorizationFailed => "allow this client's principal to read, write and describe the topic",
        Code::GroupAuthorizationFailed => {
            "allow this client's principal to read the group, which is the application's id"
        }
        Code::TransactionalIdAuthorizationFailed => {
            "allow this client's principal to write transactional ids that begin with the application's id"
        }
        Code::ClusterAuthorizationFailed => "allow this client's principal to create topics, or create them beforehand",
        _ if is_too_old(code) => "Apache Kafka 2.5 or later is needed",
        _ if kind == ErrorKind::Timeout => {
            "check that the brokers run, that the address is right, and `security.protocol`"
        }
        _ => return None,
    })
}

/// The code of what the safe client answers; it does not tell those of administration itself.
pub(super) fn code_of(failed: &KafkaError) -> Code {
    match failed {
        KafkaError::AdminOp(code) => *code,
        _ => failed.rdkafka_error_code().unwrap_or(Code::Fail),
    }
}

/// The error for what the safe client answers.
pub(super) fn from_client(failed: &KafkaError, about: About<'_>, seen: &str) -> Error {
    match failed {
        KafkaError::ClientConfig(_, why, key, value) => refused_setting(key, value, why),
        KafkaError::ClientCreation(why) => {
            Error::new(ErrorKind::Config, "the settings of the Kafka client contradict each other").with_detail(why)
        }
        KafkaError::AdminOpCreation(why) => {
            Error::new(ErrorKind::Config, format!("the settings of {} are not allowed", about.name())).with_detail(why)
        }
        KafkaError::Nul(_) => Error::new(ErrorKind::Config, format!("the name of {} holds a zero byte", about.name())),
        KafkaError::Transaction(answer) => {
            let answer = TransactionError {
                code: answer.code(),
                text: answer.string(),
                is_fatal: answer.is_fatal(),
                is_retriable: answer.is_retriable(),
                requires_abort: answer.txn_requires_abort(),
            };
            from_transaction(&answer, about)
        }
        _ => {
            let code = code_of(failed);
            let told = if seen.is_empty() { failed.to_string() } else { format!("{failed}; {seen}") };
            error(code, about, &told)
        }
    }
}

/// A setting that librdkafka does not know, or a value that it does not take.
fn refused_setting(key: &str, value: &str, why: &str) -> Error {
    let needs = |feature: &str| format!("build with the cargo feature `{feature}`");
    let error = match why.starts_with("No such configuration property") {
        true => Error::new(ErrorKind::Config, format!("Kafka's client has no setting `{key}`")),
        // A value may be a secret.
        false if key.contains("password") || key.contains("secret") => {
            Error::new(ErrorKind::Config, format!("Kafka's client refuses the value of `{key}`"))
        }
        false => Error::new(ErrorKind::Config, format!("Kafka's client refuses `{value}` for `{key}`")),
    };
    let error = error.with_detail(why);
    match why {
        _ if why.contains("OpenSSL not available") => error.with_hint(needs("kafka-tls")),
        _ if why.contains("GSSAPI") || why.contains("Cyrus") => error.with_hint(needs("kafka-gssapi")),
        _ => error,
    }
}

/// The error for offsets that were not put into a transaction: a member that was removed is named as the reason.
pub(super) fn from_offsets(answer: &TransactionError, about: About<'_>) -> Error {
    if is_stale_member(answer.code) { error(answer.code, about, &answer.text) } else { from_transaction(answer, about) }
}

/// The error for a failed step of a transaction.
fn from_transaction(answer: &TransactionError, about: About<'_>) -> Error {
    let kind = kind_of(answer.code);
    match kind {
        ErrorKind::Fenced if is_stale_member(answer.code) => error(Code::PurgeQueue, about, &answer.text),
        ErrorKind::Unauthorized | ErrorKind::Config => error(answer.code, about, &answer.text),
        _ if answer.is_fatal => error(Code::Fenced, about, &answer.text),
        _ if answer.requires_abort => error(Code::PurgeQueue, about, &answer.text),
        _ if answer.is_retriable => error(Code::OperationTimedOut, about, &answer.text),
        _ => error(answer.code, about, &answer.text),
    }
}

/// The brokers' certificate is signed by nobody whom this client trusts, or for another host. `seen` tells which.
pub(super) fn untrusted(seen: &str) -> Error {
    Error::new(ErrorKind::Unauthorized, "the certificate of the brokers is not trusted")
        .with_detail(seen)
        .with_hint("name the PEM file of the authority that signed it with `ssl.ca.location`, and the brokers by the host names in it")
}

/// A static member has a namesake that lives.
pub(super) fn same_name(seen: &str) -> Error {
    Error::new(ErrorKind::InUse, "another instance of the group has the same `group.instance.id`")
        .with_detail(seen)
        .with_hint("give each instance its own")
}

/// There is no such topic.
pub(super) fn no_topic(topic: &Topic) -> Error {
    Error::new(ErrorKind::NotFound, format!("topic `{topic}` does not exist"))
}

/// There is no such partition.
pub(super) fn no_partition(partition: &TopicPartition) -> Error {
    Error::new(ErrorKind::NotFound, format!("partition {partition} does not exist"))
}

/// The caller broke the order of calls.
pub(super) fn misuse(what: &str) -> Error {
    Error::new(ErrorKind::Bug, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_member_and_replaced_producer_are_told_apart_by_their_class() {
        let member = error(Code::StaleMemberEpoch, About::Group("g"), "");
        let producer = error(Code::ProducerFenced, About::Producer(Some("t")), "");
        assert_eq!((member.kind(), producer.kind()), (ErrorKind::Fenced, ErrorKind::Fenced));
        assert!(member.class().ends_with("CommitFailedException"));
        assert!(producer.class().ends_with("ProducerFencedException"));
    }

    #[test]
    fn unknown_setting_is_named_and_a_password_is_not_shown() {
        let unknown = refused_setting("fetch.max", "1", "No such configuration property: \"fetch.max\"");
        assert!(unknown.to_string().starts_with("Kafka's client has no setting `fetch.max`"), "{unknown}");
        let secret = refused_setting("sasl.password", "hush", "Invalid value");
        assert!(!secret.to_string().contains("hush"), "{secret}");
        let ssl = refused_setting("security.protocol", "SSL", "OpenSSL not available at build time");
        assert_eq!(ssl.hint(), Some("build with the cargo feature `kafka-tls`"));
    }
}
