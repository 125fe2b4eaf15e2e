//! Messages and positions.

use crate::world::*;
use kstreams::error::ErrorKind;
use kstreams::log::*;
use kstreams::record::{Headers, Outgoing, Topic};
use std::ops::ControlFlow;
use std::task::Poll;

/// Key, value, timestamp.
type Bytes<'a> = (Option<&'a [u8]>, Option<&'a [u8]>, i64);

pub fn messages_come_back_in_order_with_all_they_carried(world: &World) {
    let a = world.single("a");
    let headers: Headers = [("trace", Some(&b"1"[..])), ("trace", None)].into_iter().collect();
    // Kafka's client takes 0 for "now", and is given 1 instead.
    let first_ms = if world.is_real() { 1 } else { 0 };
    let bytes: [Bytes<'_>; 4] = [
        (Some(b"k"), Some(b"v"), 7),
        (Some(b""), None, 3),
        (None, Some(b""), NOON),
        (Some(&[0, 255]), Some(&[128]), first_ms),
    ];
    let mut writer = world.producer();
    writer.know(&a.topic).unwrap();
    for (token, (key, value, timestamp)) in bytes.iter().enumerate() {
        let message = Outgoing {
            topic: &a.topic,
            partition: Some(0),
            key: *key,
            value: *value,
            timestamp: Some(*timestamp),
            headers: &headers,
            changelog: None,
        };
        assert_eq!(writer.inner.send(&message, 10 + token as u64, NOON).unwrap(), Sent::Queued);
    }
    let acknowledged =
        writer.flush().unwrap().into_iter().map(|delivery| (delivery.token, delivery.placed.unwrap().offset));
    assert_eq!(acknowledged.collect::<Vec<_>>(), [(10, 0), (11, 1), (12, 2), (13, 3)]);

    let mut reader = world.reader(Isolation::ReadCommitted);
    reader.assign(&a, Start::Beginning);
    let mut read = Vec::new();
    while read.len() < bytes.len() {
        let visit = &mut |message: &kstreams::record::Message<'_>| {
            assert_eq!(message.headers, headers);
            assert_eq!(message.offset, read.len() as i64);
            read.push((message.key.map(<[u8]>::to_vec), message.value.map(<[u8]>::to_vec), message.timestamp));
            ControlFlow::Continue(())
        };
        reader.inner.fetch(&a, Budget::records(10), world.now_ms(), visit).unwrap();
    }
    let sent = bytes.map(|(key, value, time)| (key.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec), time));
    assert_eq!(read, sent);
}

pub fn key_goes_to_the_partition_java_computes(world: &World) {
    world.create("a", 10);
    let topic = Topic::from("a");
    let mut writer = world.producer();
    writer.know(&topic).unwrap();
    for key in ["21", "foobar", "abc"] {
        let message = outgoing(&topic, None, Some(key.as_bytes()));
        assert_eq!(writer.inner.send(&message, 0, world.now_ms()).unwrap(), Sent::Queued);
    }
    let mut partitions: Vec<i32> =
        writer.flush().unwrap().into_iter().map(|delivery| delivery.placed.unwrap().partition).collect();
    partitions.sort();
    // (murmur2 & 0x7fffffff) % 10 of the three vectors.
    let mut expected = [(-973_932_308i32), -790_332_482, 479_470_107].map(|hash| (hash & i32::MAX) % 10);
    expected.sort();
    assert_eq!(partitions, expected);
    assert_eq!(world.wait(|now_ms| writer.inner.poll_partitions(&topic, now_ms)).unwrap(), 10);
}

pub fn messages_without_key_go_somewhere_and_arrive(world: &World) {
    world.create("a", 3);
    let topic = Topic::from("a");
    let mut writer = world.producer();
    writer.know(&topic).unwrap();
    for _ in 0..50 {
        assert_eq!(writer.inner.send(&outgoing(&topic, None, None), 0, world.now_ms()).unwrap(), Sent::Queued);
        writer.flush().unwrap();
    }
    let counts: Vec<i64> = (0..3).map(|number| world.offset(&partition("a", number), OffsetAt::End)).collect();
    assert_eq!(counts.iter().sum::<i64>(), 50);
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}

fn outgoing<'a>(topic: &'a Topic, partition: Option<i32>, key: Option<&'a [u8]>) -> Outgoing<'a> {
    static NO_HEADERS: std::sync::LazyLock<Headers> = std::sync::LazyLock::new(Headers::default);
    Outgoing { topic, partition, key, value: Some(b"v"), timestamp: None, headers: &NO_HEADERS, changelog: None }
}

pub fn unknown_topic_and_partition_are_refused(world: &World) {
    world.create("a", 2);
    let mut writer = world.producer();
    assert_eq!(kind(writer.try_send(&partition("b", 0), "k", None)), ErrorKind::NotFound);
    assert_eq!(kind(writer.try_send(&partition("a", 2), "k", None)), ErrorKind::NotFound);
    assert_eq!(kind(world.wait(|now_ms| writer.inner.poll_partitions(&Topic::from("b"), now_ms))), ErrorKind::NotFound);
    let mut reader = world.reader(Isolation::ReadCommitted);
    let missing = partition("a", 2);
    let assigned = reader.inner.assign(&[(missing.clone(), Start::Beginning)]);
    // It is known at once, or found out by the first fetch.
    let read = assigned.and_then(|()| {
        world.wait(|_| match reader.fetch(&missing, Budget::records(1), &mut |_, _, _| ControlFlow::Continue(())) {
            Ok(_) => Poll::Pending,
            Err(error) => Poll::Ready(Err::<(), _>(error)),
        })
    });
    assert_eq!(kind(read), ErrorKind::NotFound);
}

pub fn message_larger_than_the_topic_allows_is_refused(world: &World) {
    world.create_with("a", 1, &[("max.message.bytes", "1000")]);
    let a = partition("a", 0);
    let mut writer = world.producer();
    let error = writer.try_send(&a, "k", Some(&"v".repeat(1_000))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Production);
    assert_eq!(error.class(), "org.apache.kafka.common.errors.RecordTooLargeException");
    assert_eq!(writer.send(&a, "k", "small"), 0);
}

pub fn compacted_topic_refuses_a_message_without_key(world: &World) {
    world.create_with("a", 1, &[("cleanup.policy", "compact")]);
    let topic = Topic::from("a");
    let mut writer = world.producer();
    writer.know(&topic).unwrap();
    // It is known at once, or told by the delivery.
    let sent = writer.inner.send(&outgoing(&topic, Some(0), None), 0, NOON);
    let refused = sent.and_then(|_| writer.flush()?.pop().expect("a message was sent").placed);
    assert_eq!(kind(refused), ErrorKind::Production);
}

pub fn budget_limits_a_fetch_and_break_stops_it(world: &World) {
    let a = world.single("a");
    let mut writer = world.producer();
    for number in 0..10 {
        writer.send(&a, "k", &format!("value-{number}"));
    }
    let mut reader = world.reader(Isolation::ReadCommitted);
    reader.assign(&a, Start::Beginning);
    let mut fetch = |budget: Budget, stop_after: usize| {
        let mut values = Vec::new();
        while values.is_empty() {
            world.pass_ms(1);
            let fetched = reader.fetch(&a, budget, &mut |_, value, _| {
                values.extend(value);
                if values.len() < stop_after { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            assert_eq!(fetched.unwrap().records, values.len());
        }
        (values, reader.inner.position(&a).unwrap())
    };
    assert_eq!(fetch(Budget::records(1), 99), (vec![String::from("value-0")], 1));
    let bytes = fetch(Budget { records: 99, bytes: 1 }, 99);
    assert_eq!(bytes, (vec![String::from("value-1")], 2));
    assert_eq!(fetch(Budget::records(99), 1), (vec![String::from("value-2")], 3));
    assert_eq!(fetch(Budget::records(99), 1).1, 4);
}

pub fn position_outside_of_the_log_follows_the_reset_policy(world: &World) {
    let a = world.single("a");
    let mut writer = world.producer();
    for value in ["0", "1", "2", "3"] {
        writer.send(&a, "k", value);
    }
    world.call(world.log.admin().unwrap().delete_records(&[(a.clone(), 2)].into())).unwrap();
    let read = |offset_reset, offset| {
        let mut reader = world.reader_with(&ConsumerConfig { offset_reset, ..ConsumerConfig::default() });
        reader.assign(&a, Start::Offset(offset));
        reader.values(&a)
    };
    assert_eq!(read(OffsetReset::Earliest, 1), ["2", "3"]);
    assert_eq!(read(OffsetReset::Earliest, 5), ["2", "3"]);
    assert!(read(OffsetReset::Latest, 1).is_empty());
    assert_eq!(read(OffsetReset::None, 2), ["2", "3"]);
    assert!(read(OffsetReset::None, 4).is_empty());
    for outside in [1, 5] {
        let mut reader =
            world.reader_with(&ConsumerConfig { offset_reset: OffsetReset::None, ..ConsumerConfig::default() });
        reader.assign(&a, Start::Offset(outside));
        let fetched =
            world.wait(|_| match reader.fetch(&a, Budget::records(1), &mut |_, _, _| ControlFlow::Continue(())) {
                Ok(fetched) if fetched.records == 0 => Poll::Pending,
                fetched => Poll::Ready(fetched),
            });
        assert_eq!(kind(fetched), ErrorKind::OutOfRange);
    }
}

pub fn reading_starts_where_it_is_told(world: &World) {
    let a = world.single("a");
    let mut writer = world.producer();
    for value in ["0", "1", "2"] {
        writer.send(&a, "k", value);
    }
    let mut reader = world.reader(Isolation::ReadCommitted);
    reader.assign(&a, Start::Offset(1));
    assert_eq!(reader.values(&a), ["1", "2"]);
    reader.inner.seek(&a, Start::Beginning).unwrap();
    assert_eq!(reader.values(&a), ["0", "1", "2"]);
    reader.inner.seek(&a, Start::End).unwrap();
    assert!(reader.values(&a).is_empty());
    writer.send(&a, "k", "3");
    assert_eq!(reader.values(&a), ["3"]);
    reader.inner.unassign(std::slice::from_ref(&a)).unwrap();
    assert!(reader.inner.assignment().is_empty());
    assert!(reader.values(&a).is_empty());
}

pub fn lag_counts_to_the_end_of_the_last_fetch(world: &World) {
    let a = world.single("a");
    let mut writer = world.producer();
    for value in ["0", "1", "2"] {
        writer.send(&a, "k", value);
    }
    let mut reader = world.reader(Isolation::ReadCommitted);
    reader.assign(&a, Start::Beginning);
    assert_eq!(reader.inner.lag(&a), None);
    while reader.fetch(&a, Budget::records(1), &mut |_, _, _| ControlFlow::Continue(())).unwrap().records == 0 {
        world.pass_ms(1);
    }
    assert_eq!(reader.inner.lag(&a), Some(2));
    reader.values(&a);
    assert_eq!(reader.inner.lag(&a), Some(0));
}

pub fn full_queue_is_an_answer(world: &World) {
    let a = world.single("a");
    let mut writer = world.producer_with(&ProducerConfig { queue_records_max: 2, ..ProducerConfig::default() });
    assert_eq!(writer.queue(&a, "k", Some("0")).unwrap(), Sent::Queued);
    assert_eq!(writer.queue(&a, "k", Some("1")).unwrap(), Sent::Queued);
    assert_eq!(writer.queue(&a, "k", Some("2")).unwrap(), Sent::QueueFull);
    assert_eq!(writer.flush().unwrap().len(), 2);
    assert_eq!(writer.queue(&a, "k", Some("2")).unwrap(), Sent::Queued);
    writer.flush().unwrap();
    assert_eq!(world.committed_values(&a), ["0", "1", "2"]);
}

pub fn topic_may_stamp_messages_itself(world: &World) {
    world.create_with("a", 1, &[("message.timestamp.type", "LogAppendTime")]);
    let a = partition("a", 0);
    let mut writer = world.producer();
    let message = Outgoing { timestamp: Some(1), ..outgoing(&a.topic, Some(0), Some(b"k")) };
    writer.know(&a.topic).unwrap();
    let before = world.now_ms();
    assert_eq!(writer.inner.send(&message, 0, before).unwrap(), Sent::Queued);
    writer.flush().unwrap();
    let mut reader = world.reader(Isolation::ReadCommitted);
    reader.assign(&a, Start::Beginning);
    let mut timestamp = None;
    while timestamp.is_none() {
        let visit = &mut |message: &kstreams::record::Message<'_>| {
            timestamp = Some(message.timestamp);
            ControlFlow::Continue(())
        };
        reader.inner.fetch(&a, Budget::records(1), world.now_ms(), visit).unwrap();
    }
    assert!(timestamp >= Some(before), "{timestamp:?}");
}
