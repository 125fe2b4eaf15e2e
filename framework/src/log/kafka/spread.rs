//! Where messages without a key go: to one partition until a batch of it is full, then to the next.

use crate::record::Topic;
use rustc_hash::FxHashMap;

/// So many bytes go to one partition before the next has its turn. Kafka: `batch.size`.
const BATCH_BYTES: usize = 16 * 1024;

/// The turn of each topic.
#[derive(Debug, Default)]
pub(super) struct Spread(FxHashMap<Topic, Turn>);

#[derive(Debug, Default)]
struct Turn {
    partition: i32,
    bytes: usize,
}

impl Spread {
    /// The partition for a message of `bytes`; a new one, too, if the batch before was sent.
    pub(super) fn next(&mut self, topic: &Topic, partitions: i32, bytes: usize, is_sent: bool) -> i32 {
        let turn = match self.0.get_mut(topic) {
            Some(turn) => turn,
            None => self.0.entry(topic.clone()).or_default(),
        };
        if is_sent || turn.bytes >= BATCH_BYTES {
            *turn = Turn { partition: turn.partition.wrapping_add(1), bytes: 0 };
        }
        turn.bytes += bytes;
        turn.partition.rem_euclid(partitions.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_stays_together_and_batches_take_turns() {
        let (mut spread, topic) = (Spread::default(), Topic::from("a"));
        let half = BATCH_BYTES / 2;
        let went: Vec<i32> = (0..8).map(|_| spread.next(&topic, 3, half, false)).collect();
        assert_eq!(went, [0, 0, 1, 1, 2, 2, 0, 0]);
        assert_eq!(spread.next(&topic, 3, half, true), 1);
        assert_eq!(spread.next(&topic, 3, half, false), 1);
    }
}
