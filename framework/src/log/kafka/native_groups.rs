//! The members of a group, which the crate `rdkafka` tells of the classic protocol only, and all offsets that it has
//! committed. One of the three modules with unsafe code: every block states why it is sound.
#![allow(unsafe_code)]

use super::native::{Owned, text};
use crate::log::{GroupMember, OffsetAndMetadata, Offsets};
use crate::record::TopicPartition;
use rdkafka::bindings as sys;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::RDKafkaErrorCode as Code;
use std::ffi::{CString, c_int};

/// The members of a group, by id; waits at most `timeout_ms`.
///
/// # Errors
/// `GroupIdNotFound` if there is no such group, or what a broker answers.
pub(super) fn members<C: ClientContext>(
    client: &Client<C>,
    group: &str,
    timeout_ms: c_int,
) -> Result<Vec<GroupMember>, Code> {
    let group = CString::new(group).map_err(|_| Code::InvalidGroupId)?;
    let asked = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
    let event = ask(client, asked, timeout_ms, |native, options, queue| {
        let mut names = [group.as_ptr()];
        // SAFETY: client, options and queue live during the call, which copies the name.
        unsafe { sys::rd_kafka_DescribeConsumerGroups(native, names.as_mut_ptr(), 1, options, queue) };
    })?;
    // SAFETY: all that is read belongs to the event, which is dropped afterwards; what is kept is copied.
    unsafe { read_members(event.raw()) }
}

/// All committed offsets of a group; waits at most `timeout_ms`.
///
/// # Errors
/// What a broker answers.
pub(super) fn offsets<C: ClientContext>(client: &Client<C>, group: &str, timeout_ms: c_int) -> Result<Offsets, Code> {
    let group = CString::new(group).map_err(|_| Code::InvalidGroupId)?;
    // SAFETY: the name is copied; no list of partitions means all that the group has. The request is ours to give back.
    let request = unsafe { sys::rd_kafka_ListConsumerGroupOffsets_new(group.as_ptr(), std::ptr::null()) };
    let request = Owned::new(request, sys::rd_kafka_ListConsumerGroupOffsets_destroy)?;
    let asked = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS;
    let event = ask(client, asked, timeout_ms, |native, options, queue| {
        let mut requests = [request.raw()];
        // SAFETY: client, options and queue live during the call, which copies the request.
        unsafe { sys::rd_kafka_ListConsumerGroupOffsets(native, requests.as_mut_ptr(), 1, options, queue) };
    })?;
    // SAFETY: as in `members`.
    unsafe { read_offsets(event.raw()) }
}

/// Asks something of the brokers and waits for the event that answers it.
fn ask<C: ClientContext>(
    client: &Client<C>,
    what: sys::rd_kafka_admin_op_t,
    timeout_ms: c_int,
    send: impl FnOnce(*mut sys::rd_kafka_t, *const sys::rd_kafka_AdminOptions_t, *mut sys::rd_kafka_queue_t),
) -> Result<Owned<sys::rd_kafka_event_t>, Code> {
    let native = client.native_ptr();
    // SAFETY: the client lives during the call; both answers are ours to give back.
    let (queue, options) = unsafe {
        let queue = Owned::new(sys::rd_kafka_queue_new(native), sys::rd_kafka_queue_destroy)?;
        let options = sys::rd_kafka_AdminOptions_new(native, what);
        (queue, Owned::new(options, sys::rd_kafka_AdminOptions_destroy)?)
    };
    send(native, options.raw(), queue.raw());
    // SAFETY: the queue is ours; an event is ours to give back.
    let event = unsafe { sys::rd_kafka_queue_poll(queue.raw(), timeout_ms) };
    let event = Owned::new(event, sys::rd_kafka_event_destroy).map_err(|_| Code::OperationTimedOut)?;
    // SAFETY: the event is valid until it is dropped.
    check(unsafe { sys::rd_kafka_event_error(event.raw()) }.into())?;
    Ok(event)
}

/// The first of the groups that an event tells of, if it tells of any.
///
/// # Safety
/// `result` is null, or valid during the call and of the kind that `groups` takes.
unsafe fn first<R, G>(
    result: *const R,
    groups: unsafe extern "C" fn(*const R, *mut usize) -> *mut *const G,
) -> Option<*const G> {
    if result.is_null() {
        return None;
    }
    let mut count = 0;
    // SAFETY: the caller's promise; `count` is written before the call returns, and says how many groups there are.
    unsafe {
        let groups = groups(result, &raw mut count);
        (!groups.is_null() && count > 0).then(|| *groups)
    }
}

/// # Safety
/// `event` is valid during the call and answers a question about members.
unsafe fn read_members(event: *mut sys::rd_kafka_event_t) -> Result<Vec<GroupMember>, Code> {
    // SAFETY: the caller's promise; librdkafka gives null or parts of the event.
    unsafe {
        let result = sys::rd_kafka_event_DescribeConsumerGroups_result(event);
        let group = first(result, sys::rd_kafka_DescribeConsumerGroups_result_groups).ok_or(Code::GroupIdNotFound)?;
        check_error(sys::rd_kafka_ConsumerGroupDescription_error(group))?;
        use sys::rd_kafka_consumer_group_state_t::RD_KAFKA_CONSUMER_GROUP_STATE_DEAD;
        if sys::rd_kafka_ConsumerGroupDescription_state(group) == RD_KAFKA_CONSUMER_GROUP_STATE_DEAD {
            return Err(Code::GroupIdNotFound);
        }
        let members = 0..sys::rd_kafka_ConsumerGroupDescription_member_count(group);
        let mut members: Vec<GroupMember> =
            members.map(|index| member(sys::rd_kafka_ConsumerGroupDescription_member(group, index))).collect();
        members.sort_by(|one, other| one.member.cmp(&other.member));
        Ok(members)
    }
}

/// # Safety
/// `event` is valid during the call and answers a question about offsets.
unsafe fn read_offsets(event: *mut sys::rd_kafka_event_t) -> Result<Offsets, Code> {
    // SAFETY: the caller's promise; librdkafka gives null or parts of the event.
    unsafe {
        let result = sys::rd_kafka_event_ListConsumerGroupOffsets_result(event);
        let group = first(result, sys::rd_kafka_ListConsumerGroupOffsets_result_groups).ok_or(Code::BadMessage)?;
        check_error(sys::rd_kafka_group_result_error(group))?;
        let mut offsets = Offsets::new();
        for element in elements(sys::rd_kafka_group_result_partitions(group)) {
            check(element.err.into())?;
            if element.offset >= 0 {
                offsets.insert(TopicPartition::new(text(element.topic), element.partition), committed(element));
            }
        }
        Ok(offsets)
    }
}

/// # Safety
/// `element` belongs to a list of librdkafka's.
unsafe fn committed(element: &sys::rd_kafka_topic_partition_t) -> OffsetAndMetadata {
    let metadata = match element.metadata.is_null() {
        true => String::new(),
        // SAFETY: the caller's promise: the text has that many bytes.
        false => unsafe {
            let bytes = std::slice::from_raw_parts(element.metadata.cast::<u8>(), element.metadata_size);
            String::from_utf8_lossy(bytes).into_owned()
        },
    };
    OffsetAndMetadata { offset: element.offset, metadata }
}

/// # Safety
/// `error` is null, or valid during the call.
unsafe fn check_error(error: *const sys::rd_kafka_error_t) -> Result<(), Code> {
    // SAFETY: the caller's promise.
    if error.is_null() { Ok(()) } else { check(unsafe { sys::rd_kafka_error_code(error) }.into()) }
}

fn check(code: Code) -> Result<(), Code> {
    if code == Code::NoError { Ok(()) } else { Err(code) }
}

/// # Safety
/// `member` is valid during the call.
unsafe fn member(member: *const sys::rd_kafka_MemberDescription_t) -> GroupMember {
    // SAFETY: the caller's promise; names and lists belong to the member.
    unsafe {
        let assignment = sys::rd_kafka_MemberDescription_assignment(member);
        let list =
            if assignment.is_null() { std::ptr::null() } else { sys::rd_kafka_MemberAssignment_partitions(assignment) };
        GroupMember {
            member: text(sys::rd_kafka_MemberDescription_consumer_id(member)),
            client_id: text(sys::rd_kafka_MemberDescription_client_id(member)),
            partitions: partitions(list),
        }
    }
}

/// # Safety
/// `list` is null, or valid during the call.
unsafe fn partitions(list: *const sys::rd_kafka_topic_partition_list_t) -> Vec<TopicPartition> {
    // SAFETY: the caller's promise; topics are C strings.
    let mut partitions: Vec<TopicPartition> = unsafe {
        elements(list).iter().map(|element| TopicPartition::new(text(element.topic), element.partition)).collect()
    };
    partitions.sort();
    partitions
}

/// # Safety
/// `list` is null, or valid for as long as the answer is used.
unsafe fn elements<'a>(list: *const sys::rd_kafka_topic_partition_list_t) -> &'a [sys::rd_kafka_topic_partition_t] {
    // SAFETY: the caller's promise; `elems` has `cnt` elements.
    unsafe {
        let Some(list) = list.as_ref().filter(|list| list.cnt > 0) else { return &[] };
        std::slice::from_raw_parts(list.elems, list.cnt.unsigned_abs() as usize)
    }
}
