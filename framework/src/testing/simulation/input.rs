//! Input: what a seed writes to the topics that the topology reads.

use super::Simulation;
use super::failure::{Finding, FindingKind};
use super::random::Random;
use super::shown;
use crate::error::Result;
use crate::record::Topic;
use crate::serde::{Nullable, Registry, SerdeContext, Wire};
use std::collections::VecDeque;
use std::sync::Arc;

/// A record of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputRecord<K, V> {
    /// The key; its partition is that of Kafka's default partitioner.
    pub key: K,
    /// The value.
    pub value: V,
    /// Milliseconds since the epoch. The clock of a run begins at 1,000,000.
    pub timestamp: i64,
}

impl<K, V> InputRecord<K, V> {
    /// A record.
    pub fn new(key: K, value: V, timestamp: i64) -> Self {
        InputRecord { key, value, timestamp }
    }
}

/// An input message, encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InputMessage {
    pub(super) topic: Topic,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) timestamp: i64,
    /// Written before the first instance starts.
    pub(super) is_before: bool,
}

type Generate = dyn Fn(&mut Random, &Arc<dyn Registry>) -> Result<Vec<InputMessage>> + Send + Sync;

/// A topic's input.
pub(super) struct Input(Box<Generate>);

impl Input {
    pub(super) fn typed<K: Nullable<Inner: Wire>, V: Nullable<Inner: Wire>>(
        topic: Topic,
        is_before: bool,
        generate: impl Fn(&mut Random) -> Vec<InputRecord<K, V>> + Send + Sync + 'static,
    ) -> Self {
        Input(Box::new(move |random, registry| {
            let encode = |record: InputRecord<K, V>| {
                Ok(InputMessage {
                    topic: topic.clone(),
                    key: encoded(record.key.as_option(), &topic, true, registry)?,
                    value: encoded(record.value.as_option(), &topic, false, registry)?,
                    timestamp: record.timestamp,
                    is_before,
                })
            };
            generate(random).into_iter().map(encode).collect()
        }))
    }
}

fn encoded<T: Wire>(
    value: Option<&T>,
    topic: &Topic,
    is_key: bool,
    registry: &Arc<dyn Registry>,
) -> Result<Option<Vec<u8>>> {
    let Some(value) = value else { return Ok(None) };
    let context = SerdeContext { topic: topic.clone(), is_key, registry: registry.clone() };
    let mut bytes = Vec::new();
    T::format().serde(&context)?.serialize(value, &mut bytes)?;
    Ok(Some(bytes))
}

impl Simulation {
    /// The input of a seed.
    pub(super) fn input_of(
        &self,
        seed: u64,
        registry: &Arc<dyn Registry>,
    ) -> std::result::Result<VecDeque<InputMessage>, Finding> {
        draw(&self.inputs, &mut Random::new(seed), registry).map_err(Finding::of_the_log)
    }
}

/// Holds what was drawn for a seed against what was drawn for it once more, some time later.
pub(super) fn check_same(
    first: &VecDeque<InputMessage>,
    again: &VecDeque<InputMessage>,
) -> std::result::Result<(), Finding> {
    let Some(at) = (0..first.len().max(again.len())).find(|at| first.get(*at) != again.get(*at)) else {
        return Ok(());
    };
    let shown = |input: &VecDeque<InputMessage>| input.get(at).map_or_else(|| String::from("nothing"), shown_message);
    let sentence = "the input of a seed is another each time: a closure of `input` asks for more than its `Random`";
    let detail = format!("  record {at} was {}\n  then it was {}", shown(first), shown(again));
    Err(Finding::new(FindingKind::NotDeterministic, sentence).with_detail(detail))
}

fn shown_message(message: &InputMessage) -> String {
    let InputMessage { topic, key, value, timestamp, .. } = message;
    format!("{} for {topic}", shown::message(key.as_deref(), value.as_deref(), *timestamp))
}

/// The input of a seed: first what is there before the start, then each topic's records in their order, the topics mixed.
fn draw(inputs: &[Input], random: &mut Random, registry: &Arc<dyn Registry>) -> Result<VecDeque<InputMessage>> {
    let mut topics: Vec<VecDeque<InputMessage>> = Vec::with_capacity(inputs.len());
    for Input(generate) in inputs {
        topics.push(generate(random, registry)?.into());
    }
    let (before, mut topics): (Vec<_>, Vec<_>) =
        topics.into_iter().partition(|topic| topic.front().is_some_and(|message| message.is_before));
    let mut mixed: VecDeque<InputMessage> = before.into_iter().flatten().collect();
    loop {
        let left: u64 = topics.iter().map(|topic| topic.len() as u64).sum();
        let mut chosen = random.below(left);
        let Some(next) = topics.iter_mut().find_map(|topic| match topic.len() as u64 {
            here if chosen < here => topic.pop_front(),
            here => {
                chosen -= here;
                None
            }
        }) else {
            return Ok(mixed);
        };
        mixed.push_back(next);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Compare;
    use super::*;
    use crate::config::Config;
    use crate::dsl::StreamsBuilder;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::{SystemTime, UNIX_EPOCH};

    /// What one seed finds whose input is made in this way.
    fn found(generate: impl Fn(&mut Random) -> Vec<InputRecord<i64, i64>> + Send + Sync + 'static) -> Option<Finding> {
        let builder = StreamsBuilder::new();
        builder.stream::<i64, i64>("in").to("out");
        Simulation::new(&builder.build().unwrap(), Config::new("copy", "embedded:").exactly_once())
            .topic("in", 1)
            .output("out", 1, Compare::InOrder)
            .input("in", generate)
            .run(7)
            .err()
            .map(|failure| failure.finding().clone())
    }

    #[test]
    fn input_of_a_counter_is_found_out() {
        let next = AtomicI64::new(5);
        let counts = move |_: &mut Random| vec![InputRecord::new(1, next.fetch_add(1, Ordering::Relaxed), 0)];
        let finding = found(counts).expect("each draw is another");
        assert_eq!(finding.kind(), &FindingKind::NotDeterministic);
        let detail = finding.to_string();
        assert!(
            detail.contains("record 0 was 1 = ") && detail.contains(" at 0 for in\n  then it was 1 = "),
            "{detail}"
        );
    }

    #[test]
    fn input_of_a_clock_is_found_out() {
        let now = |_: &mut Random| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            vec![InputRecord::new(1, 1, now.as_micros() as i64)]
        };
        assert_eq!(found(now).map(|finding| finding.kind), Some(FindingKind::NotDeterministic));
    }

    #[test]
    fn input_of_a_number_that_is_not_the_seeds_is_found_out() {
        let lengths = AtomicI64::new(0);
        let grows =
            move |_: &mut Random| vec![InputRecord::new(1, 1, 0); lengths.fetch_add(1, Ordering::Relaxed) as usize];
        assert!(found(grows).unwrap().to_string().contains("was nothing"));
    }

    #[test]
    fn input_of_the_seed_is_fine() {
        assert_eq!(found(|random| vec![InputRecord::new(random.between(0, 9), random.between(0, 9), 0)]), None);
    }
}
