//! Records of keys, values and times.

use super::times::{Clock, Times};
use crate::testing::simulation::InputRecord;
use proptest::collection::{SizeRange, vec};
use proptest::prelude::*;
use proptest::strategy::{NewTree, SBoxedStrategy};
use proptest::test_runner::TestRunner;
use std::fmt::Debug;

/// Lists of records, made by [`records`].
#[derive(Debug, Clone)]
pub struct Records<K, V> {
    drafts: SBoxedStrategy<Draft<K, V>>,
    list: SBoxedStrategy<Vec<InputRecord<K, V>>>,
    pub(super) times: Times,
    pub(super) count: SizeRange,
}

/// A record whose time is not known before it is known what comes before it.
#[derive(Debug, Clone)]
pub(super) struct Draft<K, V> {
    key: K,
    value: V,
    step_ms: i64,
}

/// So many records. Shrinks to fewer, with plainer keys, values and times.
///
/// ```
/// use kstreams::testing::strategies::{keys, records, times};
/// use proptest::prelude::*;
///
/// let rides = records(keys(5, i64::from), "[a-z]{1,3}", times(1_000).late_by(200), 0..20);
/// proptest!(|(rides in rides)| {
///     prop_assert!(rides.len() < 20);
///     prop_assert!(rides.iter().all(|ride| (0..5).contains(&ride.key) && ride.timestamp >= 0));
/// });
/// ```
pub fn records<K: Debug + Clone + 'static, V: Debug + Clone + 'static>(
    key: impl Strategy<Value = K> + Send + Sync + 'static,
    value: impl Strategy<Value = V> + Send + Sync + 'static,
    times: Times,
    count: impl Into<SizeRange>,
) -> Records<K, V> {
    let draft = (key, value, times.steps()).prop_map(|(key, value, step_ms)| Draft { key, value, step_ms });
    let (drafts, clock, count) = (draft.sboxed(), times.clock(), count.into());
    let list = vec(drafts.clone(), count.clone()).prop_map(move |drafts| {
        let mut clock = clock.clone();
        drafts.into_iter().map(|draft| draft.record(&mut clock)).collect()
    });
    Records { drafts, list: list.sboxed(), times, count }
}

impl<K, V> Draft<K, V> {
    pub(super) fn record(self, clock: &mut Clock) -> InputRecord<K, V> {
        InputRecord::new(self.key, self.value, clock.tick(self.step_ms))
    }
}

impl<K, V> Records<K, V> {
    pub(super) fn drafts(&self) -> SBoxedStrategy<Draft<K, V>> {
        self.drafts.clone()
    }
}

impl<K: Debug, V: Debug> Strategy for Records<K, V> {
    type Tree = <SBoxedStrategy<Vec<InputRecord<K, V>>> as Strategy>::Tree;
    type Value = Vec<InputRecord<K, V>>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        self.list.new_tree(runner)
    }
}
