//! What a run leaves behind, and how two of them are compared.

use crate::case::{Case, Variant};
use std::collections::BTreeMap;
use system_tests::desk::{Stored, TopicFacts};

/// How many differences are shown.
const SHOWN_MAX: usize = 6;

/// What others can see of an application. Names stand without the application's own.
pub struct Outcome {
    pub describe: String,
    pub topics: BTreeMap<String, TopicFacts>,
    pub records: BTreeMap<String, Vec<Stored>>,
    /// Whether `topics` holds what was set and nothing else, not a broker's defaults.
    pub knows_what_was_set: bool,
}

/// A record without its offset: transactions take offsets of their own.
type Update = (i64, Option<String>, Vec<(String, Option<String>)>);

/// The updates of each key of each partition.
type Updates = BTreeMap<(i32, Option<String>), Vec<Update>>;

impl Outcome {
    /// Holds that both are equal as far as they can be.
    pub fn compare(&self, java: &Outcome, case: &Case, variant: Variant) {
        assert_eq!(self.describe, java.describe, "describe()");
        self.compare_topics(java);
        for (topic, records) in &java.records {
            let is_final = variant == Variant::Cached;
            if is_final && topic.ends_with("-repartition") {
                continue;
            }
            let is_unordered = case.unordered.contains(&topic.as_str());
            let updates = |records| updates(records, is_final, is_unordered);
            let differences = differences(&updates(&self.records[topic]), &updates(records));
            assert!(differences.is_empty(), "{}: topic `{topic}`:\n{}", case.name, differences.join("\n"));
            assert!(!records.is_empty(), "{}: topic `{topic}` is empty, which shows nothing", case.name);
        }
    }

    fn compare_topics(&self, java: &Outcome) {
        let names = |outcome: &Outcome| outcome.topics.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(self), names(java), "names of topics");
        for (topic, java) in &java.topics {
            let mut ours = self.topics[topic].clone();
            if !self.knows_what_was_set {
                ours.config.retain(|key, _| java.config.contains_key(key));
            }
            assert_eq!(&ours, java, "topic `{topic}`: ours left, Java's right");
        }
    }
}

fn updates(records: &[Stored], is_final: bool, is_unordered: bool) -> Updates {
    let mut updates = Updates::new();
    for record in records {
        let of_key = updates.entry((record.partition, record.key.clone())).or_default();
        if is_final {
            of_key.clear();
        }
        of_key.push((record.timestamp, record.value.clone(), record.headers.clone()));
    }
    if is_unordered {
        updates.values_mut().for_each(|updates| updates.sort());
    }
    updates
}

fn differences(ours: &Updates, java: &Updates) -> Vec<String> {
    let mut keys: Vec<_> = ours.keys().chain(java.keys()).collect();
    keys.sort();
    keys.dedup();
    let differing = keys.into_iter().filter(|key| ours.get(key) != java.get(key));
    differing.take(SHOWN_MAX).map(|key| shown(key, ours.get(key), java.get(key))).collect()
}

/// Both sides from the first update that differs.
fn shown(key: &(i32, Option<String>), ours: Option<&Vec<Update>>, java: Option<&Vec<Update>>) -> String {
    let (ours, java) = (ours.map_or(&[][..], Vec::as_slice), java.map_or(&[][..], Vec::as_slice));
    let equal = ours.iter().zip(java).take_while(|(one, other)| one == other).count();
    format!(
        "partition {}, key {:?}: {equal} updates are equal, then of {} ours\n  {:?}\nand of {} Java's\n  {:?}",
        key.0,
        key.1,
        ours.len(),
        &ours[equal..ours.len().min(equal + 3)],
        java.len(),
        &java[equal..java.len().min(equal + 3)],
    )
}
