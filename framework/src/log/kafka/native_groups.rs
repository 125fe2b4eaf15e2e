//! The members of a group, which the crate `rdkafka` tells of the classic protocol only. The second and last module with
//! unsafe code: every block states why it is sound.
#![allow(unsafe_code)]

use crate::log::GroupMember;
use crate::record::TopicPartition;
use rdkafka::bindings as sys;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::RDKafkaErrorCode as Code;
use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr::NonNull;

/// Something of librdkafka's that is given back when dropped.
struct Owned<T>(NonNull<T>, unsafe extern "C" fn(*mut T));

impl<T> Owned<T> {
    fn new(given: *mut T, back: unsafe extern "C" fn(*mut T)) -> Result<Self, Code> {
        NonNull::new(given).map(|given| Owned(given, back)).ok_or(Code::CriticalSystemResource)
    }

    fn raw(&self) -> *mut T {
        self.0.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: it was given to us with this function to give it back, and is not used again.
        unsafe { (self.1)(self.0.as_ptr()) };
    }
}

/// The members of a group, by id; waits at most `timeout_ms`.
///
/// # Errors
/// `GroupIdNotFound` if there is no such group, or what a broker answers.
pub(super) fn members<C: ClientContext>(
    client: &Client<C>,
    group: &str,
    timeout_ms: c_int,
) -> Result<Vec<GroupMember>, Code> {
    let native = client.native_ptr();
    let group = CString::new(group).map_err(|_| Code::InvalidGroupId)?;
    // SAFETY: the client lives during the call; both answers are ours to give back.
    let (queue, options) = unsafe {
        let queue = Owned::new(sys::rd_kafka_queue_new(native), sys::rd_kafka_queue_destroy)?;
        let of = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
        let options = sys::rd_kafka_AdminOptions_new(native, of);
        (queue, Owned::new(options, sys::rd_kafka_AdminOptions_destroy)?)
    };
    let mut names = [group.as_ptr()];
    // SAFETY: names and options are copied during the call; the answer comes into our queue.
    unsafe { sys::rd_kafka_DescribeConsumerGroups(native, names.as_mut_ptr(), 1, options.raw(), queue.raw()) };
    // SAFETY: the queue is ours; an event is ours to give back.
    let event = unsafe { sys::rd_kafka_queue_poll(queue.raw(), timeout_ms) };
    let Some(event) = NonNull::new(event) else { return Err(Code::OperationTimedOut) };
    let event = Owned(event, sys::rd_kafka_event_destroy);
    // SAFETY: all that is read belongs to the event, which is dropped afterwards; what is kept is copied.
    unsafe { read(event.raw()) }
}

/// # Safety
/// `event` is valid during the call.
unsafe fn read(event: *mut sys::rd_kafka_event_t) -> Result<Vec<GroupMember>, Code> {
    // SAFETY: the caller's promise; librdkafka gives null or parts of the event.
    unsafe {
        check(sys::rd_kafka_event_error(event).into())?;
        let result = sys::rd_kafka_event_DescribeConsumerGroups_result(event);
        let mut count = 0;
        let groups = if result.is_null() {
            std::ptr::null_mut()
        } else {
            sys::rd_kafka_DescribeConsumerGroups_result_groups(result, &raw mut count)
        };
        if groups.is_null() || count == 0 {
            return Err(Code::GroupIdNotFound);
        }
        let group = *groups;
        let error = sys::rd_kafka_ConsumerGroupDescription_error(group);
        if !error.is_null() {
            check(sys::rd_kafka_error_code(error).into())?;
        }
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
    // SAFETY: the caller's promise; `elems` has `cnt` elements, whose topics are C strings.
    let mut partitions: Vec<TopicPartition> = unsafe {
        let Some(list) = list.as_ref().filter(|list| list.cnt > 0) else { return Vec::new() };
        let elements = std::slice::from_raw_parts(list.elems, list.cnt.unsigned_abs() as usize);
        elements.iter().map(|element| TopicPartition::new(text(element.topic), element.partition)).collect()
    };
    partitions.sort();
    partitions
}

/// # Safety
/// `text` is null, or points to a C string.
unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
