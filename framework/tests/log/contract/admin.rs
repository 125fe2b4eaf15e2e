//! Topics, offsets and groups for tools.

use crate::world::*;
use kstreams::error::ErrorKind;
use kstreams::log::*;
use kstreams::record::Topic;

pub fn creating_a_topic_twice_says_so(world: &World) {
    let admin = world.log.admin().unwrap();
    let topics = [NewTopic::new("a", 3), NewTopic::new("b", 1), NewTopic::new("a", 5)];
    let created = world.call(admin.create_topics(&topics)).unwrap();
    assert_eq!(created, [Created::New, Created::New, Created::Existed { partitions: 3 }]);
    let listed = world.call(admin.topics()).unwrap();
    let listed: Vec<(&str, i32)> = listed.iter().map(|info| (info.topic.as_str(), info.partitions)).collect();
    assert_eq!(listed, [("a", 3), ("b", 1)]);
}

pub fn impossible_topics_are_refused(world: &World) {
    let admin = world.log.admin().unwrap();
    let long = "n".repeat(250);
    for (name, partitions) in [("", 1), ("..", 1), ("with blank", 1), (&long, 1), ("fine", 0)] {
        let error = world.call(admin.create_topics(&[NewTopic::new(name, partitions)])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{name} {partitions}");
    }
    let config = TopicConfig::from_entries([("segment.bytes", "-3")]).unwrap();
    let call = admin.create_topics(&[NewTopic::new("fine", 1).with_config(config)]);
    assert_eq!(kind(world.call(call)), ErrorKind::Config);
    assert_eq!(kind(TopicConfig::from_entries([("cleanup.policy", "purge")])), ErrorKind::Config);
    assert!(world.call(admin.topics()).unwrap().is_empty());
}

pub fn configuration_is_described_with_defaults(world: &World) {
    world.create_with("a", 1, &[("cleanup.policy", "compact,delete"), ("retention.ms", "5"), ("flush.ms", "60000")]);
    let admin = world.log.admin().unwrap();
    let config = world.call(admin.describe_topic(&Topic::from("a"))).unwrap();
    assert_eq!(config.cleanup_policy, Some(CleanupPolicy::CompactDelete));
    assert_eq!(config.retention_ms, Some(5));
    assert_eq!(config.message_timestamp_type, Some(TimestampType::CreateTime));
    assert!(config.max_message_bytes.is_some_and(|bytes| bytes > 0));
    assert_eq!(kind(world.call(admin.describe_topic(&Topic::from("b")))), ErrorKind::NotFound);
}

pub fn deleted_topic_is_gone_with_its_messages(world: &World) {
    let a = world.single("a");
    let mut writer = world.producer();
    writer.send(&a, "k", "old");
    let admin = world.log.admin().unwrap();
    world.call(admin.delete_topics(&[Topic::from("a")])).unwrap();
    assert_eq!(kind(world.call(admin.delete_topics(&[Topic::from("a")]))), ErrorKind::NotFound);
    assert_eq!(kind(writer.try_send(&a, "k", Some("nowhere"))), ErrorKind::NotFound);
    world.create("a", 1);
    assert_eq!(writer.send(&a, "k", "new"), 0);
    assert_eq!(world.committed_values(&a), ["new"]);
}

pub fn pattern_resolves_to_the_topics_that_match_as_a_whole(world: &World) {
    for topic in ["arrivals", "arrivals.blue", "arrivals.red", "all-arrivals"] {
        world.create(topic, 1);
    }
    let topics = world.call(world.log.admin().unwrap().topics()).unwrap();
    let matching = TopicPattern::new(r"^arrivals(\..+)?$").unwrap().resolve(&topics);
    assert_eq!(matching, ["arrivals", "arrivals.blue", "arrivals.red"].map(Topic::from));
    assert_eq!(TopicPattern::new("arrivals|red").unwrap().resolve(&topics), [Topic::from("arrivals")]);
    assert_eq!(kind(TopicPattern::new("(")), ErrorKind::Config);
}

pub fn offset_of_a_timestamp_is_the_first_message_not_before_it(world: &World) {
    // Kafka's segments have a megabyte at least.
    let segment_bytes = if world.is_real() { "1048576" } else { "200" };
    world.create_with("a", 1, &[("segment.bytes", segment_bytes), ("retention.ms", "-1")]);
    let a = partition("a", 0);
    let mut writer = world.producer();
    let mut times = Vec::new();
    for _ in 0..20 {
        let time = NOON + 10 * times.len() as i64;
        assert_eq!(writer.queue_at(&a, "k", Some("v"), time).unwrap(), Sent::Queued);
        writer.flush().unwrap();
        times.push(time);
    }
    for (offset, time) in (0..).zip(&times) {
        assert_eq!(world.offset(&a, OffsetAt::Timestamp(*time)), offset);
        assert_eq!(world.offset(&a, OffsetAt::Timestamp(time + 1)), offset + 1);
    }
    assert_eq!(world.offset(&a, OffsetAt::Timestamp(i64::MAX)), 20);
    assert_eq!(
        kind(world.call(world.log.admin().unwrap().offsets(&[partition("b", 0)], OffsetAt::End))),
        ErrorKind::NotFound
    );
}

pub fn group_is_described_altered_and_deleted(world: &World) {
    world.create("a", 2);
    let a = partition("a", 0);
    let admin = world.log.admin().unwrap();
    assert_eq!(kind(world.call(admin.describe_group("g"))), ErrorKind::NotFound);
    let mut member = world.member("g", &["a"]);
    member.assigned();
    member.commit(&a, 5, "text").unwrap();
    let group = world.call(admin.describe_group("g")).unwrap();
    assert_eq!(group.members.len(), 1);
    assert_eq!(group.members[0].partitions, [a.clone(), partition("a", 1)]);
    // Kafka's brokers do not tell it.
    let told = if world.is_real() { -1 } else { member.group().generation };
    assert_eq!(group.generation, told);
    assert_eq!(group.offsets, offsets(&a, 5, "text"));
    assert_eq!(kind(world.call(admin.alter_offsets("g", &offsets(&a, 0, "")))), ErrorKind::InUse);
    assert_eq!(kind(world.call(admin.delete_group("g"))), ErrorKind::InUse);
    member.leave();
    world.call(admin.alter_offsets("g", &offsets(&a, 0, ""))).unwrap();
    assert_eq!(member.committed(&a), Some(OffsetAndMetadata::new(0)));
    assert_eq!(world.call(admin.groups()).unwrap(), ["g"]);
    world.call(admin.delete_group("g")).unwrap();
    assert!(world.call(admin.groups()).unwrap().is_empty());
}
