//! The topics: loaded once, and those of results made anew for each run.

use crate::{Options, Result};
use kstreams::config::Config;
use kstreams::error::{Error, ErrorKind};
use kstreams::log::client::{NewMessage, Producer, create_topics, wait};
use kstreams::log::{Log, NewTopic, OffsetAt, ProducerConfig, TopicConfig, connect_with};
use kstreams::record::{SystemClock, Topic, TopicPartition};
use side_by_side::arguments::Workload;
use side_by_side::data;
use side_by_side::ends::ends;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What is loaded; all other topics are results.
const INPUTS: [&str; 3] = ["events", "profiles", "restore-input"];

/// Clients of the broker.
pub(crate) fn connect(servers: &str) -> Result<Arc<dyn Log>> {
    let config = Config::from_properties(&format!("kstreams.url=kafka://{servers}\nproducer.linger.ms=20"))?;
    Ok(connect_with(&config.url, &config.clients, Arc::new(SystemClock))?)
}

/// Loads what the workloads read.
pub(crate) fn load(log: &dyn Log, options: &Options) -> Result<()> {
    let reads = |topic: &str| options.workloads.iter().any(|workload| workload.inputs().contains(&topic));
    if reads("profiles") {
        fill(log, options, "profiles", options.keys, profile)?;
    }
    if reads("restore-input") {
        fill(log, options, "restore-input", options.restore_keys, profile)?;
    }
    if reads("events") {
        let keys = options.keys;
        fill(log, options, "events", options.records, |number| {
            (
                data::key(data::event_key(number, keys)),
                data::event(number, options.value_bytes),
                data::event_time_ms(number),
            )
        })?;
    }
    Ok(())
}

fn profile(number: u64) -> (String, String, i64) {
    (data::key(number), data::profile(number), data::profile_time_ms(number))
}

fn fill(
    log: &dyn Log,
    options: &Options,
    name: &str,
    count: u64,
    record: impl Fn(u64) -> (String, String, i64),
) -> Result<()> {
    let (begun, topic) = (Instant::now(), Topic::from(name));
    create(log, vec![topic_of(options, name, name != "events")])?;
    let mut producer = Producer::new(log, &ProducerConfig::default(), PATIENCE)?;
    for number in 0..count {
        let (key, value, timestamp) = record(number);
        producer.send(&NewMessage::new(&topic, Some(key.as_bytes()), Some(value.as_bytes())).at(timestamp))?;
    }
    producer.flush()?;
    eprintln!("{name}: {count} records in {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

fn topic_of(options: &Options, name: &str, compacted: bool) -> NewTopic {
    let config = if compacted { TopicConfig::compacted() } else { TopicConfig::default() };
    NewTopic::new(name, options.partitions).with_config(config)
}

/// Deletes results, and makes the topics for new ones.
pub(crate) fn renew(log: &dyn Log, options: &Options) -> Result<()> {
    let admin = log.admin()?;
    let results = || -> Result<Vec<Topic>> {
        let topics = wait(log, admin.topics(), PATIENCE)?;
        Ok(topics.into_iter().map(|info| info.topic).filter(|topic| !INPUTS.contains(&topic.as_str())).collect())
    };
    let old = results()?;
    if !old.is_empty() {
        wait(log, admin.delete_topics(&old), PATIENCE)?;
    }
    let begun = Instant::now();
    loop {
        let left = results()?;
        if left.is_empty() {
            break;
        }
        if begun.elapsed() > PATIENCE {
            return Err(format!("{left:?} were deleted and are still there").into());
        }
        thread::sleep(LOOK_AGAIN);
    }
    create(log, vec![topic_of(options, "out", false), topic_of(options, "changelog", true)])
}

/// Creates topics and waits for their leaders.
fn create(log: &dyn Log, topics: Vec<NewTopic>) -> Result<()> {
    let partitions: Vec<TopicPartition> = topics
        .iter()
        .flat_map(|new| (0..new.partitions).map(|partition| TopicPartition { topic: new.topic.clone(), partition }))
        .collect();
    create_topics(log, &topics, PATIENCE)?;
    let begun = Instant::now();
    loop {
        match wait(log, log.admin()?.offsets(&partitions, OffsetAt::End), PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) if is_too_early(&error) && begun.elapsed() < PATIENCE => thread::sleep(LOOK_AGAIN),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether it may be another thing once the topic has its leaders.
fn is_too_early(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Timeout | ErrorKind::NotFound)
}

/// What of a workload's input the group has not committed.
pub(crate) fn uncommitted(log: &dyn Log, group: &str, workload: Workload) -> Result<Vec<String>> {
    let offsets = wait(log, log.admin()?.describe_group(group), PATIENCE)?.offsets;
    let lacking = |(partition, end): (TopicPartition, i64)| {
        let committed = offsets.get(&partition).map_or(0, |committed| committed.offset);
        (committed != end).then(|| format!("{partition}: {committed} of {end} are committed"))
    };
    Ok(ends(log, workload.inputs(), PATIENCE)?.into_iter().filter_map(lacking).collect())
}
