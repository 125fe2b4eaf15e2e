//! How messages leave: compaction, retention, deletion of records.

use crate::world::*;
use kstreams::error::ErrorKind;
use kstreams::log::*;
use std::collections::BTreeMap;

const SMALL: &[(&str, &str)] = &[
    ("cleanup.policy", "compact"),
    ("segment.bytes", "500"),
    ("min.cleanable.dirty.ratio", "0.01"),
    ("delete.retention.ms", "60000"),
];

/// Enough messages to close the segments in which what matters lies.
fn push_out(world: &World, writer: &mut Writer<'_>, to: &kstreams::record::TopicPartition) {
    for number in 0..20 {
        writer.send(to, &format!("filler-{number}"), &"f".repeat(40));
    }
    world.live_ms(1_000);
}

fn by_key(messages: &[Read]) -> BTreeMap<String, Vec<String>> {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value, _) in messages {
        values.entry(key.clone()).or_default().push(value.clone().unwrap_or_else(|| String::from("tombstone")));
    }
    values
}

fn read(world: &World, from: &kstreams::record::TopicPartition) -> Vec<Read> {
    let mut reader = world.reader(Isolation::ReadCommitted);
    reader.assign(from, Start::Beginning);
    reader.messages(from)
}

pub fn compaction_keeps_the_newest_message_of_each_key(world: &World) {
    world.create_with("a", 1, SMALL);
    let a = partition("a", 0);
    let mut writer = world.producer();
    let mut newest = BTreeMap::new();
    for number in 0..60 {
        let key = format!("key-{}", number % 7);
        newest.insert(key.clone(), (format!("value-{number}"), writer.send(&a, &key, &format!("value-{number}"))));
    }
    push_out(world, &mut writer, &a);
    let messages = read(world, &a);
    let values = by_key(&messages);
    for (key, (value, offset)) in newest {
        assert_eq!(values[&key], std::slice::from_ref(&value), "{key}");
        assert!(messages.contains(&(key, Some(value), offset)), "offsets stay");
    }
    assert!(messages.windows(2).all(|pair| pair[0].2 < pair[1].2));
    assert_eq!(world.offset(&a, OffsetAt::Beginning), 0);
    let mut middle = world.reader(Isolation::ReadCommitted);
    middle.assign(&a, Start::Offset(3));
    assert_eq!(middle.messages(&a), messages, "reading from an offset that is gone goes on with the next");
}

pub fn compaction_drops_aborted_messages_and_keeps_offsets(world: &World) {
    world.create_with("a", 1, SMALL);
    let a = partition("a", 0);
    let mut writer = world.transactional("t");
    writer.write(&a, "key", "committed");
    writer.begin();
    writer.send(&a, "key", "aborted");
    writer.abort();
    let mut plain = world.producer();
    push_out(world, &mut plain, &a);
    assert_eq!(by_key(&read(world, &a))["key"], ["committed"]);
    let mut everything = world.reader(Isolation::ReadUncommitted);
    everything.assign(&a, Start::Beginning);
    assert_eq!(by_key(&everything.messages(&a))["key"], ["committed"], "aborted messages are compacted away");
}

pub fn tombstone_stays_for_a_while_and_then_goes(world: &World) {
    world.create_with("a", 1, SMALL);
    let a = partition("a", 0);
    let mut writer = world.producer();
    writer.send(&a, "key", "value");
    writer.try_send(&a, "key", None).unwrap();
    push_out(world, &mut writer, &a);
    assert_eq!(by_key(&read(world, &a))["key"], ["tombstone"]);
    world.live_ms(61_000);
    push_out(world, &mut writer, &a);
    assert!(!by_key(&read(world, &a)).contains_key("key"));
}

pub fn young_messages_are_not_compacted(world: &World) {
    world.create_with("a", 1, &[SMALL, &[("min.compaction.lag.ms", "30000")]].concat());
    let a = partition("a", 0);
    let mut writer = world.producer();
    writer.send(&a, "key", "1");
    writer.send(&a, "key", "2");
    push_out(world, &mut writer, &a);
    assert_eq!(by_key(&read(world, &a))["key"], ["1", "2"]);
    world.live_ms(31_000);
    assert_eq!(by_key(&read(world, &a))["key"], ["2"]);
}

pub fn old_messages_are_deleted(world: &World) {
    world.create_with("a", 1, &[("retention.ms", "10000"), ("segment.bytes", "300")]);
    let a = partition("a", 0);
    let mut writer = world.producer();
    for _ in 0..10 {
        writer.send(&a, "k", "old");
    }
    world.live_ms(5_000);
    let young = writer.send(&a, "k", "young");
    world.live_ms(2_000);
    assert_eq!(read(world, &a).len(), 11);
    world.live_ms(4_000);
    assert!(read(world, &a).len() < 11, "closed segments are older than 10 s");
    assert!(world.offset(&a, OffsetAt::Beginning) <= young);
    world.live_ms(8_000);
    assert!(read(world, &a).is_empty());
    assert_eq!(world.offset(&a, OffsetAt::Beginning), 11);
    assert_eq!(writer.send(&a, "k", "next"), 11, "offsets are never used again");
}

pub fn partition_larger_than_its_limit_loses_the_oldest(world: &World) {
    world.create_with("a", 1, &[("retention.bytes", "3000"), ("segment.bytes", "500")]);
    let a = partition("a", 0);
    let mut writer = world.producer();
    for number in 0..100 {
        writer.send(&a, "k", &format!("{number}-{}", "x".repeat(60)));
    }
    world.live_ms(500);
    let left = read(world, &a);
    assert!(left.len() > 5 && left.len() < 60, "{}", left.len());
    assert_eq!(left.last().unwrap().2, 99);
    assert_eq!(left[0].2, world.offset(&a, OffsetAt::Beginning));
}

pub fn deleted_records_are_gone_for_every_reader(world: &World) {
    let a = world.single("a");
    let mut writer = world.producer();
    for value in ["0", "1", "2", "3"] {
        writer.send(&a, "k", value);
    }
    let admin = world.log.admin().unwrap();
    world.call(admin.delete_records(&[(a.clone(), 3)].into())).unwrap();
    world.call(admin.delete_records(&[(a.clone(), 1)].into())).unwrap();
    assert_eq!(world.offset(&a, OffsetAt::Beginning), 3);
    assert_eq!(world.committed_values(&a), ["3"]);
    assert_eq!(kind(world.call(admin.delete_records(&[(a.clone(), 5)].into()))), ErrorKind::OutOfRange);
    assert_eq!(kind(world.call(admin.delete_records(&[(partition("b", 0), 0)].into()))), ErrorKind::NotFound);
}
