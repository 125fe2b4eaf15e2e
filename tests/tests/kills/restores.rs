//! What a killed instance had on disk: all that it had committed, but for one transaction at most.
//!
//! A transaction is committed first, then written. So between what is on disk and what the changelog held when the instance
//! died lies one transaction at most, and that is all that its next start restores of its own work.

use crate::fleet::{Changelog, Restored};
use std::collections::BTreeMap;

/// An instance was killed, and these were the ends of changelogs soon afterwards.
#[derive(Debug, Clone)]
pub struct Death {
    pub slot: u8,
    /// Right before it, in milliseconds since the epoch.
    pub at_ms: u64,
    /// When the ends were known.
    pub seen_ms: u64,
    /// `None` if no broker told them.
    pub ends: Option<BTreeMap<Changelog, i64>>,
    /// Its disk, or the changelogs behind it, was deleted then for the last time before: what it had restored earlier is gone.
    pub whole_since_ms: u64,
    /// Until then its disk stood for what it had committed: then that, or the changelogs behind it, was deleted.
    pub whole_until_ms: u64,
}

/// What deaths came to.
#[derive(Debug, Default)]
pub struct Bound {
    /// Partitions of changelogs that were compared with a disk.
    pub compared: usize,
    /// Of these, how many lacked their last transaction.
    pub lacking: usize,
    /// Records that were restored after each death on a disk that was kept, of all partitions.
    pub restored: Vec<u64>,
}

/// Compares what was on disk with what had been committed; `offsets` are the committed records of each changelog.
///
/// # Panics
/// If more than one transaction was missing.
pub fn check(deaths: &[Death], restored: &[Restored], offsets: &BTreeMap<Changelog, Vec<i64>>, counts: bool) -> Bound {
    let span = |restored: &Restored| (restored.end - restored.from).max(0).unsigned_abs();
    let beyond = restored.iter().find(|restored| restored.records > span(restored));
    assert!(beyond.is_none(), "more was restored than was written: {beyond:?}");
    let mut bound = Bound::default();
    for death in deaths {
        let next_ms = next_death_ms(deaths, death).min(death.whole_until_ms);
        let later = restored.iter().filter(|restored| restored.slot == death.slot);
        let later: Vec<&Restored> =
            later.filter(|restored| restored.at_ms > death.at_ms && restored.at_ms < next_ms).collect();
        if !later.is_empty() {
            bound.restored.push(later.iter().map(|restored| restored.records).sum());
        }
        for (changelog, end) in death.ends.iter().flatten() {
            let Some(first) = later.iter().find(|restored| restored.changelog == *changelog) else { continue };
            if !counts || !was_alone(death, changelog, restored) {
                continue;
            }
            let committed = offsets.get(changelog).map(Vec::as_slice).unwrap_or_default();
            let missing = transactions(committed, first.from, *end);
            assert!(missing <= 1, "{missing} committed transactions were not on the disk of {death:?}: {first:?}");
            bound.compared += 1;
            bound.lacking += missing;
        }
    }
    bound
}

fn next_death_ms(deaths: &[Death], of: &Death) -> u64 {
    let later = deaths.iter().filter(|death| death.slot == of.slot && death.at_ms > of.at_ms);
    later.map(|death| death.at_ms).min().unwrap_or(u64::MAX)
}

/// Whether nobody else can have written to the changelog since the instance had it.
fn was_alone(death: &Death, changelog: &Changelog, restored: &[Restored]) -> bool {
    let of_it = restored.iter().filter(|restored| restored.changelog == *changelog && restored.at_ms <= death.seen_ms);
    let last = of_it.max_by_key(|restored| restored.at_ms);
    last.is_some_and(|last| last.slot == death.slot && (death.whole_since_ms..death.at_ms).contains(&last.at_ms))
}

/// How many transactions the committed records in this range belong to: a control record stands between any two.
fn transactions(offsets: &[i64], from: i64, end: i64) -> usize {
    let within: Vec<i64> = offsets.iter().copied().filter(|offset| (from..end).contains(offset)).collect();
    within.iter().enumerate().filter(|(place, offset)| *place == 0 || within[place - 1] + 1 != **offset).count()
}
