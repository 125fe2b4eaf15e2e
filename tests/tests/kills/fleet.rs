//! The instances of an application: processes that start, die and come back, each on a directory of its own.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use system_tests::peer::{Peer, Run};

/// How long something may take. Only a failure waits for so long.
const PATIENCE: Duration = Duration::from_secs(180);

/// A partition of a changelog: its topic and number.
pub type Changelog = (String, i32);

/// What an instance has said about restoring a changelog's partition.
#[derive(Debug, Clone)]
pub struct Restored {
    pub slot: u8,
    pub changelog: Changelog,
    /// The first offset that was read, 0 where the store had nothing.
    pub from: i64,
    /// The first offset that was not.
    pub end: i64,
    pub records: u64,
    /// When it ended, in milliseconds since the epoch.
    pub at_ms: u64,
}

/// All instances, and what they have said so far.
pub struct Fleet {
    run: Run,
    directory: PathBuf,
    is_static: bool,
    running: BTreeMap<u8, Peer>,
    /// Asked to end.
    ending: BTreeSet<u8>,
    counted: BTreeMap<u8, (u64, u64)>,
    past: (u64, u64),
    pub restored: Vec<Restored>,
}

/// Milliseconds since the epoch.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_millis() as u64
}

impl Fleet {
    /// A fleet of what `run` says, of static members if wanted. None runs yet.
    pub fn new(run: Run, is_static: bool) -> Fleet {
        Fleet {
            directory: run.state_dir.clone(),
            run,
            is_static,
            running: BTreeMap::new(),
            ending: BTreeSet::new(),
            counted: BTreeMap::new(),
            past: (0, 0),
            restored: Vec::new(),
        }
    }

    /// The directory of an instance.
    pub fn state_dir(&self, slot: u8) -> PathBuf {
        self.directory.join(slot.to_string())
    }

    /// Every instance that has run.
    pub fn slots(&self) -> Vec<u8> {
        (0..=u8::MAX).filter(|slot| self.state_dir(*slot).exists()).collect()
    }

    /// Rollbacks, and stores that were wiped, of all instances.
    pub fn rollbacks_and_wipes(&self) -> (u64, u64) {
        let add = |sum: (u64, u64), more: &(u64, u64)| (sum.0 + more.0, sum.1 + more.1);
        self.counted.values().fold(self.past, add)
    }

    pub fn start(&mut self, slot: u8) {
        let begun = Instant::now();
        while self.running.contains_key(&slot) {
            assert!(self.ending.contains(&slot), "instance {slot} runs already");
            assert!(begun.elapsed() < PATIENCE, "instance {slot} does not end");
            std::thread::sleep(Duration::from_millis(5));
            self.hear();
        }
        let mut run = Run { state_dir: self.state_dir(slot), ..self.run.clone() };
        if self.is_static {
            run.config.push(("consumer.group.instance.id".to_owned(), format!("member-{slot}")));
        }
        let peer = Peer::ours(env!("CARGO_BIN_EXE_peer"), &run);
        // From its first word on it hears signals.
        peer.said("describe");
        self.running.insert(slot, peer);
    }

    /// Kills an instance as `kill -9` does, and waits until it is gone.
    pub fn kill(&mut self, slot: u8) {
        let mut peer = self.running.remove(&slot).expect("what is killed runs");
        self.ending.remove(&slot);
        peer.signal("KILL");
        for news in peer.last_words() {
            self.note(slot, &news);
        }
        self.bury(slot);
    }

    /// Lets an instance end in order, which takes a while; it leaves its group, or does not tell it.
    pub fn end(&mut self, slot: u8, leaves: bool) {
        self.ending.insert(slot);
        self.peer(slot).signal(if leaves { "TERM" } else { "INT" });
    }

    pub fn pause(&self, slot: u8) {
        self.peer(slot).signal("STOP");
    }

    pub fn resume(&self, slot: u8) {
        self.peer(slot).signal("CONT");
    }

    /// Deletes the stores of an instance that does not run.
    pub fn wipe(&self, slot: u8) {
        assert!(!self.running.contains_key(&slot), "instance {slot} runs");
        fs::remove_dir_all(self.state_dir(slot)).expect("its directory can be deleted");
    }

    /// Ends all that run, in order.
    pub fn end_all(&mut self) {
        let left: Vec<u8> = self.running.keys().copied().filter(|slot| !self.ending.contains(slot)).collect();
        left.into_iter().for_each(|slot| self.end(slot, true));
        let begun = Instant::now();
        while !self.running.is_empty() {
            assert!(begun.elapsed() < PATIENCE, "these do not end: {:?}", self.running.keys());
            std::thread::sleep(Duration::from_millis(5));
            self.hear();
        }
    }

    fn peer(&self, slot: u8) -> &Peer {
        self.running.get(&slot).unwrap_or_else(|| panic!("instance {slot} does not run"))
    }

    /// Hears what instances have said; one that ended without being asked is a failure.
    pub fn hear(&mut self) {
        let slots: Vec<u8> = self.running.keys().copied().collect();
        for slot in slots {
            let mut peer = self.running.remove(&slot).expect("it runs");
            let ended = peer.ended();
            let news = if ended.is_some() { peer.last_words() } else { peer.news() };
            for news in &news {
                if let Some(error) = news.get("error") {
                    peer.fail(&format!("{slot} failed: {error}"));
                }
                self.note(slot, news);
            }
            match ended {
                None => drop(self.running.insert(slot, peer)),
                Some(status) if status.success() && self.ending.remove(&slot) => self.bury(slot),
                Some(status) => peer.fail(&format!("{slot} ended with {status}")),
            }
        }
    }

    fn note(&mut self, slot: u8, news: &Value) {
        let number = |value: &Value, name: &str| value[name].as_i64().unwrap_or_else(|| panic!("no {name}: {value}"));
        if let Some(restored) = news.get("restored") {
            let topic = restored["topic"].as_str().expect("a topic has a name").to_owned();
            self.restored.push(Restored {
                slot,
                changelog: (topic, number(restored, "partition") as i32),
                from: number(restored, "from"),
                end: number(restored, "end"),
                records: number(restored, "records") as u64,
                at_ms: number(restored, "at_ms") as u64,
            });
        }
        if news.get("rollbacks").is_some() {
            self.counted.insert(slot, (number(news, "rollbacks") as u64, number(news, "wiped") as u64));
        }
    }

    /// Its numbers begin anew with its next start.
    fn bury(&mut self, slot: u8) {
        let (rollbacks, wiped) = self.counted.remove(&slot).unwrap_or_default();
        self.past = (self.past.0 + rollbacks, self.past.1 + wiped);
    }
}
