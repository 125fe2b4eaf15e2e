//! How long a partition of the output got nothing new while input came in all the time.

use kstreams::log::client::Consumer;
use kstreams::log::{ConsumerConfig, Isolation, Log, Start};
use kstreams::record::TopicPartition;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);

/// Time between two committed records of a partition, the longest of each.
pub type Pauses = BTreeMap<TopicPartition, Duration>;

/// Reads these partitions until it is to stop. What comes before a partition's first record is no pause.
pub fn watch(log: &dyn Log, partitions: &[TopicPartition], stop: &AtomicBool) -> Pauses {
    let config = ConsumerConfig { isolation: Isolation::ReadCommitted, ..ConsumerConfig::default() };
    let starts: Vec<_> = partitions.iter().map(|partition| (partition.clone(), Start::Beginning)).collect();
    let mut consumer = Consumer::of_partitions(log, &config, &starts, PATIENCE).expect("outputs exist");
    let (mut last, mut pauses) = (BTreeMap::<TopicPartition, Instant>::new(), Pauses::new());
    while !stop.load(Ordering::Relaxed) {
        let polled = consumer.poll(LOOK, &mut |partition, _| {
            note(&mut pauses, partition, last.insert(partition.clone(), Instant::now()));
            ControlFlow::Continue(())
        });
        // A broker is away: so is what it would have told.
        if polled.is_err() {
            std::thread::sleep(LOOK);
        }
    }
    for (partition, seen) in last {
        note(&mut pauses, &partition, Some(seen));
    }
    pauses
}

fn note(pauses: &mut Pauses, partition: &TopicPartition, before: Option<Instant>) {
    let pause = before.map_or(Duration::ZERO, |before| before.elapsed());
    let longest = pauses.entry(partition.clone()).or_default();
    *longest = pause.max(*longest);
}
