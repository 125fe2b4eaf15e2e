//! What Kafka's error codes mean to a caller: which kind of error each is. The sentences are in [`errors`](super::errors).

use crate::error::ErrorKind;
use rdkafka::error::RDKafkaErrorCode::{self as Code, *};

/// A broker refuses who the client says it is.
const AUTHENTICATION: &[Code] = &[Authentication, SaslAuthenticationFailed, UnsupportedSASLMechanism, SecurityDisabled];

/// A broker does not let this client do what it asks for.
#[rustfmt::skip]
const AUTHORISATION: &[Code] = &[
    TopicAuthorizationFailed, GroupAuthorizationFailed, ClusterAuthorizationFailed, TransactionalIdAuthorizationFailed,
    DelegationTokenAuthorizationFailed,
];

/// The group has gone on without this member.
#[rustfmt::skip]
const STALE_MEMBER: &[Code] = &[
    IllegalGeneration, UnknownMemberId, RebalanceInProgress, FencedInstanceId, StaleMemberEpoch, FencedMemberEpoch,
    AssignmentLost,
];

/// The brokers do not know what is asked of them.
const TOO_OLD: &[Code] = &[UnsupportedVersion, UnsupportedFeature, UnsupportedForMessageFormat];

/// The kinds of all other codes.
#[rustfmt::skip]
const KINDS: &[(ErrorKind, &[Code])] = &[
    (ErrorKind::Unauthorized, AUTHENTICATION),
    (ErrorKind::Unauthorized, AUTHORISATION),
    (ErrorKind::Fenced, STALE_MEMBER),
    (ErrorKind::Fenced, &[
        Fenced, ProducerFenced, InvalidProducerEpoch, InvalidProducerIdMapping, TransactionCoordinatorFenced,
        OutOfOrderSequenceNumber, UnknownProducerId, Fatal, GaplessGuarantee, Inconsistent,
    ]),
    (ErrorKind::Aborted, &[PurgeQueue, PurgeInflight, State, InvalidTransactionalState]),
    (ErrorKind::NotFound, &[
        UnknownTopicOrPartition, UnknownTopic, UnknownPartition, UnknownTopicId, GroupIdNotFound, ResourceNotFound,
        UnknownGroup,
    ]),
    (ErrorKind::OutOfRange, &[OffsetOutOfRange, AutoOffsetReset, NoOffset, LogTruncation]),
    (ErrorKind::Production, &[
        MessageSizeTooLarge, MessageBatchTooLarge, InvalidMessage, InvalidMessageSize, InvalidRecord, InvalidTimestamp,
        UnsupportedForMessageFormat, UnsupportedCompressionType, BadMessage,
    ]),
    (ErrorKind::Config, &[
        InvalidTopic, InvalidPartitions, InvalidReplicationFactor, InvalidReplicaAssignment, InvalidConfig,
        InvalidRequest, PolicyViolation, InvalidGroupId, InvalidSessionTimeout, InvalidTransactionTimeout,
        UnsupportedVersion, UnsupportedFeature, UnsupportedAssignor, InconsistentGroupProtocol, InvalidArgument,
        NotImplemented, InvalidRequiredAcks,
    ]),
    (ErrorKind::InUse, &[NonEmptyGroup, GroupSubscribedToTopic, TopicAlreadyExists, UnreleasedInstanceId]),
    (ErrorKind::Io, &[KafkaStorageError, FileSystem, CriticalSystemResource]),
];

/// What went wrong, as far as a caller can act on it. What is not in the table, a broker or a connection recovers from.
pub(super) fn kind_of(code: Code) -> ErrorKind {
    let found = KINDS.iter().find(|(_, codes)| codes.contains(&code));
    found.map_or(ErrorKind::Timeout, |(kind, _)| *kind)
}

pub(super) fn is_authentication(code: Code) -> bool {
    AUTHENTICATION.contains(&code)
}

pub(super) fn is_stale_member(code: Code) -> bool {
    STALE_MEMBER.contains(&code)
}

pub(super) fn is_too_old(code: Code) -> bool {
    TOO_OLD.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_recovers_by_itself_is_tried_again() {
        for code in [BrokerTransportFailure, NotCoordinator, NotEnoughReplicas, AllBrokersDown] {
            assert_eq!(kind_of(code), ErrorKind::Timeout, "{code:?}");
        }
    }

    #[test]
    fn code_has_one_meaning() {
        let all: Vec<Code> = KINDS.iter().flat_map(|(_, codes)| codes.iter().copied()).collect();
        for (place, code) in all.iter().enumerate() {
            assert!(!all[..place].contains(code), "{code:?} is there twice");
        }
    }
}
