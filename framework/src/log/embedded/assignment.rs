//! Who of a group gets which partitions: equal partition numbers of topics with equal counts stay together, members
//! keep what they have as far as balance allows.

use crate::record::{Topic, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

/// A member, as far as the assignment depends on it.
#[derive(Debug, Clone, Default)]
pub(super) struct Subscriber {
    /// What it subscribes to.
    pub(super) topics: BTreeSet<Topic>,
    /// What it has.
    pub(super) owned: BTreeSet<TopicPartition>,
}

/// Topics that have the same number of partitions and the same subscribers: their partitions move together.
type Classes<'a> = BTreeMap<(i32, Vec<usize>), Vec<&'a Topic>>;

/// The partitions of each subscriber, in the subscribers' order. `counts` are the partition counts of the topics that exist.
pub(super) fn assign(subscribers: &[Subscriber], counts: &BTreeMap<Topic, i32>) -> Vec<BTreeSet<TopicPartition>> {
    let mut assigned = vec![BTreeSet::new(); subscribers.len()];
    let mut load = vec![0usize; subscribers.len()];
    for ((count, members), topics) in classes(subscribers, counts) {
        let owners = owners(subscribers, &members, &topics, count);
        for (unit, member) in (0..count).zip(balance(&members, &owners, &mut load)) {
            assigned[member].extend(topics.iter().map(|topic| TopicPartition::new(topic.as_str(), unit)));
        }
    }
    assigned
}

fn classes<'a>(subscribers: &[Subscriber], counts: &'a BTreeMap<Topic, i32>) -> Classes<'a> {
    let mut classes = Classes::new();
    for (topic, count) in counts {
        let members: Vec<usize> =
            (0..subscribers.len()).filter(|member| subscribers[*member].topics.contains(topic)).collect();
        if !members.is_empty() {
            classes.entry((*count, members)).or_default().push(topic);
        }
    }
    classes
}

/// Who has most of each unit now; the first of equals.
fn owners(subscribers: &[Subscriber], members: &[usize], topics: &[&Topic], count: i32) -> Vec<Option<usize>> {
    let held = |member: usize, unit: i32| {
        let partition = |topic: &&&Topic| {
            subscribers[member].owned.contains(&TopicPartition { topic: (**topic).clone(), partition: unit })
        };
        topics.iter().filter(partition).count()
    };
    let owner = |unit: i32| {
        let best = members.iter().map(|member| (held(*member, unit), *member)).filter(|(held, _)| *held > 0);
        best.max_by_key(|(held, member)| (*held, std::cmp::Reverse(*member))).map(|(_, member)| member)
    };
    (0..count).map(owner).collect()
}

/// The member of each unit: everybody gets an equal share, one more where it does not divide evenly; whoever has the unit keeps it
/// within its share. `load` counts units over all classes, so that the extra ones do not all go to the same member.
fn balance(members: &[usize], owners: &[Option<usize>], load: &mut [usize]) -> Vec<usize> {
    let shares = shares(members, owners, load);
    let mut taken: BTreeMap<usize, usize> = members.iter().map(|member| (*member, 0)).collect();
    let mut placed: Vec<Option<usize>> = vec![None; owners.len()];
    for (unit, owner) in owners.iter().enumerate() {
        let Some(owner) = owner else { continue };
        if taken[owner] < shares[owner] {
            placed[unit] = Some(*owner);
            *taken.entry(*owner).or_default() += 1;
        }
    }
    let mut fill = |unit: Option<usize>| {
        let member = unit.unwrap_or_else(|| {
            let free = members.iter().copied().filter(|member| taken[member] < shares[member]);
            let member = free.min_by_key(|member| (taken[member], load[*member], *member));
            let member = member.expect("the shares add up to the number of units");
            *taken.entry(member).or_default() += 1;
            member
        });
        load[member] += 1;
        member
    };
    placed.into_iter().map(&mut fill).collect()
}

fn shares(members: &[usize], owners: &[Option<usize>], load: &[usize]) -> BTreeMap<usize, usize> {
    let (even, extra) = (owners.len() / members.len(), owners.len() % members.len());
    let held = |member: usize| owners.iter().filter(|owner| **owner == Some(member)).count();
    let mut order = members.to_vec();
    order.sort_by_key(|member| (held(*member) <= even, load[*member], *member));
    order.into_iter().enumerate().map(|(place, member)| (member, even + usize::from(place < extra))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counts(topics: &[(&str, i32)]) -> BTreeMap<Topic, i32> {
        topics.iter().map(|(topic, count)| (Topic::from(topic), *count)).collect()
    }

    fn subscriber(topics: &[&str]) -> Subscriber {
        Subscriber { topics: topics.iter().map(Topic::from).collect(), owned: BTreeSet::new() }
    }

    fn keep(subscribers: &mut [Subscriber], assigned: Vec<BTreeSet<TopicPartition>>) {
        for (subscriber, owned) in subscribers.iter_mut().zip(assigned) {
            subscriber.owned = owned;
        }
    }

    #[test]
    fn equal_numbers_of_equal_topics_go_together() {
        let subscribers = vec![subscriber(&["a", "b"]); 2];
        let assigned = assign(&subscribers, &counts(&[("a", 4), ("b", 4)]));
        for member in &assigned {
            for partition in member {
                let other = if partition.topic.as_str() == "a" { "b" } else { "a" };
                assert!(member.contains(&TopicPartition::new(other, partition.partition)));
            }
        }
    }

    #[test]
    fn third_member_takes_a_third_and_nobody_else_moves() {
        let mut subscribers = vec![subscriber(&["a"]); 2];
        let first = assign(&subscribers, &counts(&[("a", 9)]));
        keep(&mut subscribers, first.clone());
        subscribers.push(subscriber(&["a"]));
        let second = assign(&subscribers, &counts(&[("a", 9)]));
        assert_eq!(second[2].len(), 3);
        assert!(second[0].is_subset(&first[0]) && second[1].is_subset(&first[1]));
    }

    #[test]
    fn new_topic_follows_the_partitions_of_its_equals() {
        let mut subscribers = vec![subscriber(&["a", "b"]); 3];
        let first = assign(&subscribers, &counts(&[("a", 5)]));
        keep(&mut subscribers, first.clone());
        let second = assign(&subscribers, &counts(&[("a", 5), ("b", 5)]));
        for (before, now) in first.iter().zip(&second) {
            assert!(before.is_subset(now));
            assert_eq!(now.len(), 2 * before.len());
        }
    }

    proptest! {
        #[test]
        fn everything_is_assigned_once_evenly_and_stays(
            members in 1usize..6,
            leavers in 0usize..3,
            topic_counts in proptest::collection::vec(1i32..9, 1..4),
        ) {
            let names = ["t0", "t1", "t2"];
            let counts: BTreeMap<Topic, i32> =
                topic_counts.iter().enumerate().map(|(i, count)| (Topic::from(names[i]), *count)).collect();
            let mut subscribers = vec![subscriber(&names); members];
            let first = assign(&subscribers, &counts);
            check(&first, &counts)?;
            keep(&mut subscribers, first.clone());
            prop_assert_eq!(&assign(&subscribers, &counts), &first);
            subscribers.truncate(members.saturating_sub(leavers).max(1));
            let rest = assign(&subscribers, &counts);
            check(&rest, &counts)?;
            for (member, before) in rest.iter().zip(&first) {
                prop_assert!(before.is_subset(member), "a member lost something because others left");
            }
        }
    }

    fn check(assigned: &[BTreeSet<TopicPartition>], counts: &BTreeMap<Topic, i32>) -> Result<(), TestCaseError> {
        let total: usize = assigned.iter().map(BTreeSet::len).sum();
        let distinct: BTreeSet<_> = assigned.iter().flatten().collect();
        prop_assert_eq!(total, distinct.len());
        prop_assert_eq!(total, counts.values().sum::<i32>() as usize);
        for topic in counts.keys() {
            let shares = assigned.iter().map(|member| member.iter().filter(|p| p.topic == *topic).count());
            let (least, most) = shares.fold((usize::MAX, 0), |(least, most), n| (least.min(n), most.max(n)));
            prop_assert!(most - least <= 1);
        }
        Ok(())
    }
}
