//! The blocking clients.

use crate::world::*;
use kstreams::error::ErrorKind;
use kstreams::log::client::{self, Consumer, NewMessage, Producer, read_all};
use kstreams::log::*;
use kstreams::record::Topic;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

pub fn blocking_clients_send_and_read(world: &World) {
    let (log, topic) = (&*world.log, Topic::from("a"));
    client::create_topics(log, &[NewTopic::new("a", 3)], PATIENCE).unwrap();
    let mut producer =
        Producer::new(log, &ProducerConfig { queue_records_max: 10, ..Default::default() }, PATIENCE).unwrap();
    for number in 0..100 {
        producer.send(&NewMessage::new(&topic, Some(&[number]), Some(b"v")).at(5)).unwrap();
    }
    producer.flush().unwrap();
    let placed = producer.send_all(&[
        NewMessage::new(&topic, Some(b"k"), None).to_partition(2),
        NewMessage::new(&topic, Some(b"k"), None).to_partition(2),
    ]);
    let offsets: Vec<i64> = placed.unwrap().into_iter().map(|placed| placed.unwrap().offset).collect();
    assert_eq!(offsets[1], offsets[0] + 1);
    assert_eq!(read_all(log, &topic, PATIENCE).unwrap().len(), 102);
    assert_eq!(kind(read_all(log, &Topic::from("b"), PATIENCE)), ErrorKind::NotFound);
    assert_eq!(kind(producer.send(&NewMessage::new(&Topic::from("b"), None, None))), ErrorKind::NotFound);
}

pub fn subscribers_share_a_topic_and_miss_nothing(world: &World) {
    let (log, topic) = (&*world.log, Topic::from("a"));
    client::create_topics(log, &[NewTopic::new("a", 4)], PATIENCE).unwrap();
    let config = ConsumerConfig { group: Some(String::from("g")), ..ConsumerConfig::default() };
    let subscribe = || Consumer::subscribe(log, &config, std::slice::from_ref(&topic), PATIENCE).unwrap();
    let mut producer = Producer::new(log, &ProducerConfig::default(), PATIENCE).unwrap();
    let mut consumers = vec![subscribe()];
    let mut seen = BTreeSet::new();
    for round in 0..6u8 {
        for number in 0..20u8 {
            producer.send(&NewMessage::new(&topic, Some(&[number]), Some(&[round, number]))).unwrap();
        }
        producer.flush().unwrap();
        if round == 1 {
            consumers.push(subscribe());
        }
        if round == 4 {
            let mut leaver = consumers.remove(0);
            leaver.commit().unwrap();
            leaver.leave().unwrap();
        }
        for _ in 0..5 {
            read_some(&mut consumers, &mut seen);
        }
    }
    let begun = Instant::now();
    while world.is_real() && seen.len() < 120 && begun.elapsed() < PATIENCE {
        read_some(&mut consumers, &mut seen);
    }
    assert_eq!(seen.len(), 120);
    assert_eq!(consumers[0].assignment().len(), 4);
}

fn read_some(consumers: &mut [Consumer], seen: &mut BTreeSet<Vec<u8>>) {
    for consumer in consumers {
        let visit = &mut |_: &_, message: &kstreams::record::Message<'_>| {
            assert!(seen.insert(message.value.unwrap().to_vec()), "a message was read twice");
            ControlFlow::Continue(())
        };
        consumer.poll(Duration::ZERO, visit).unwrap();
        consumer.commit().unwrap();
    }
}
