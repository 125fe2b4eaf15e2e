//! Keys: few of them, and some much more often than others.

use proptest::prelude::*;
use std::fmt::Debug;
use std::sync::Arc;

/// How often the first key comes, against once for a key that is that far behind it.
const WEIGHT: u32 = 1_000;

/// Keys of a set of `count`, made of their numbers from zero. The first comes twice as often as the second, three times as
/// often as the third: so keys meet again, and some are rare. Shrinks to the first.
///
/// # Panics
/// If there are none.
///
/// ```
/// use kstreams::testing::strategies::keys;
/// use proptest::prelude::*;
///
/// proptest!(|(station in keys(3, |n| format!("station {n}")))| {
///     prop_assert!(["station 0", "station 1", "station 2"].contains(&station.as_str()));
/// });
/// ```
pub fn keys<K: Debug + 'static>(
    count: u32,
    of: impl Fn(u32) -> K + Send + Sync + 'static,
) -> impl Strategy<Value = K> + Clone {
    assert!(count > 0, "there is at least one key");
    let ends: Vec<u64> = (0..count).scan(0, |end, number| Some(next_end(end, number))).collect();
    let last = ends.last().copied().expect("there is at least one key");
    let of = Arc::new(of);
    (0..last).prop_map(move |chosen| of(ends.partition_point(|end| *end <= chosen) as u32))
}

fn next_end(end: &mut u64, number: u32) -> u64 {
    *end += u64::from((WEIGHT / (number + 1)).max(1));
    *end
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    use std::collections::BTreeMap;

    #[test]
    fn every_key_comes_and_the_first_most_often() {
        let (mut runner, keys, mut seen) = (TestRunner::deterministic(), keys(10, |n| n), BTreeMap::new());
        for _ in 0..2_000 {
            let key = keys.new_tree(&mut runner).expect("it rejects nothing").current();
            *seen.entry(key).or_insert(0) += 1;
        }
        assert_eq!(seen.keys().copied().collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
        assert!(seen[&0] > 3 * seen[&4] && seen[&0] < 20 * seen[&9], "{seen:?}");
    }

    #[test]
    fn key_shrinks_to_the_first() {
        let mut tree = keys(100, |n| n).new_tree(&mut TestRunner::deterministic()).expect("it rejects nothing");
        while tree.simplify() {}
        assert_eq!(tree.current(), 0);
    }
}
