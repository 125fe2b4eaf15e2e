//! How long a partition of the output got nothing new while input came in all the time.

use kstreams::error::ErrorKind;
use kstreams::log::client::{Consumer, wait};
use kstreams::log::{ConsumerConfig, Isolation, Log, OffsetAt, Start};
use kstreams::record::TopicPartition;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use system_tests::until;

const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);

/// Time between two committed records of a partition, the longest of each.
pub type Pauses = BTreeMap<TopicPartition, Duration>;

/// What there was to see.
pub struct Watched {
    pub pauses: Pauses,
    /// Everything before these offsets was read.
    pub ends: BTreeMap<TopicPartition, i64>,
}

/// Reads these partitions until it is to stop, and then what was committed by then. What comes before a partition's first record
/// is no pause.
///
/// # Panics
/// If they cannot be read, but for brokers that are away.
pub fn watch(log: &dyn Log, partitions: &[TopicPartition], stop: &AtomicBool) -> Watched {
    let config = ConsumerConfig { isolation: Isolation::ReadCommitted, ..ConsumerConfig::default() };
    let starts: Vec<_> = partitions.iter().map(|partition| (partition.clone(), Start::Beginning)).collect();
    let mut consumer = Consumer::of_partitions(log, &config, &starts, PATIENCE).expect("outputs exist");
    let (mut last, mut pauses) = (BTreeMap::<TopicPartition, Instant>::new(), Pauses::new());
    let mut look = || {
        let polled = consumer.poll(LOOK, &mut |partition, _| {
            note(&mut pauses, partition, last.insert(partition.clone(), Instant::now()));
            ControlFlow::Continue(())
        });
        match polled {
            Ok(_) => {}
            // A broker is away: so is what it would have told.
            Err(error) if error.kind() == ErrorKind::Timeout => std::thread::sleep(LOOK),
            Err(error) => panic!("the outputs cannot be read: {error:?}"),
        }
        consumer.positions().clone()
    };
    while !stop.load(Ordering::Relaxed) {
        look();
    }
    let admin = log.admin().expect("the client is built in");
    let ends = wait(log, admin.offsets(partitions, OffsetAt::LastStable), PATIENCE).expect("outputs have ends");
    until("the outputs are read to their ends", PATIENCE, || {
        let read = look();
        ends.iter().all(|(partition, end)| read.get(partition).is_some_and(|read| read.offset >= *end))
    });
    for (partition, seen) in last {
        note(&mut pauses, &partition, Some(seen));
    }
    Watched { pauses, ends }
}

fn note(pauses: &mut Pauses, partition: &TopicPartition, before: Option<Instant>) {
    let pause = before.map_or(Duration::ZERO, |before| before.elapsed());
    let longest = pauses.entry(partition.clone()).or_default();
    *longest = pause.max(*longest);
}
