//! Random interleavings of transactional producers, crashes and read-committed readers, against a plain list of what was
//! committed.

use crate::world::*;
use kstreams::engine::memory::MemoryEngine;
use kstreams::log::embedded::{EmbeddedLog, EmbeddedOptions, Fault, Operation};
use kstreams::log::*;
use kstreams::record::ManualClock;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const PRODUCERS: usize = 3;
const PARTITIONS: i32 = 2;

/// What happens next.
#[derive(Debug, Clone)]
enum Action {
    Send {
        producer: usize,
        partition: i32,
    },
    SendPlain {
        partition: i32,
    },
    Commit {
        producer: usize,
    },
    Abort {
        producer: usize,
    },
    /// The producer is dropped and another one takes over its id.
    Replace {
        producer: usize,
    },
    Step,
    Read {
        partition: i32,
        records: usize,
    },
    /// The process dies and another one opens the log.
    Crash,
    /// So much time passes that every open transaction times out.
    TimeOut,
}

fn action() -> impl Strategy<Value = Action> {
    let (producer, partition) = (|| 0..PRODUCERS, || 0..PARTITIONS);
    prop_oneof![
        8 => (producer(), partition()).prop_map(|(producer, partition)| Action::Send { producer, partition }),
        2 => partition().prop_map(|partition| Action::SendPlain { partition }),
        4 => producer().prop_map(|producer| Action::Commit { producer }),
        2 => producer().prop_map(|producer| Action::Abort { producer }),
        1 => producer().prop_map(|producer| Action::Replace { producer }),
        4 => Just(Action::Step),
        4 => (partition(), 1usize..5).prop_map(|(partition, records)| Action::Read { partition, records }),
        1 => Just(Action::Crash),
        1 => Just(Action::TimeOut),
    ]
}

/// One message of the model: where it is and what became of its transaction.
#[derive(Debug, Clone)]
struct Entry {
    offset: i64,
    value: String,
    fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Open { transaction: usize },
    Committed,
    Aborted,
}

/// The log beside the model of what it must show.
struct Bench {
    engine: Arc<MemoryEngine>,
    log: Arc<EmbeddedLog>,
    world: World,
    clock: ManualClock,
    faulty: bool,
    producers: Vec<Producing>,
    readers: BTreeMap<i32, (Box<dyn Consumer>, Vec<String>)>,
    entries: BTreeMap<i32, Vec<Entry>>,
    transactions: usize,
    sent: usize,
}

struct Producing {
    inner: Box<dyn Producer>,
    transaction: usize,
}

fn open(engine: &Arc<MemoryEngine>, clock: &ManualClock, faulty: bool) -> Arc<EmbeddedLog> {
    let mut calls = 0u32;
    let faults = move |operation: &Operation<'_>, _: i64| {
        calls += 1;
        match operation {
            Operation::Append { .. } if calls.is_multiple_of(5) => Fault::LostAnswer,
            Operation::EndTransaction { .. } if calls.is_multiple_of(3) => Fault::LostAnswer,
            Operation::Fetch { .. } if calls.is_multiple_of(4) => Fault::Delay { by_ms: 2 },
            _ => Fault::None,
        }
    };
    let options = EmbeddedOptions { stepped: true, cache_bytes_max: 300, ..options(clock) };
    let options = EmbeddedOptions { faults: if faulty { Some(Box::new(faults)) } else { None }, ..options };
    EmbeddedLog::on_engine(engine.clone(), options).unwrap()
}

impl Bench {
    fn new(faulty: bool) -> Self {
        let (engine, clock) = (Arc::new(MemoryEngine::default()), ManualClock::new(NOON));
        let log = open(&engine, &clock, faulty);
        let world = World::new(log.clone(), clock.clone());
        world.create("a", PARTITIONS);
        let mut bench = Bench {
            engine,
            log,
            world,
            clock,
            faulty,
            producers: Vec::new(),
            readers: BTreeMap::new(),
            entries: (0..PARTITIONS).map(|number| (number, Vec::new())).collect(),
            transactions: 0,
            sent: 0,
        };
        for number in 0..PRODUCERS {
            let producing = bench.producing(number);
            bench.producers.push(producing);
        }
        bench.new_readers();
        bench
    }

    fn producing(&mut self, number: usize) -> Producing {
        let id = Some(format!("t{number}"));
        let config = ProducerConfig { transactional_id: id, transaction_timeout_ms: 5_000, ..Default::default() };
        let mut inner = self.world.log.producer(&config).unwrap();
        let log = self.log.clone();
        self.world
            .wait(|now_ms| {
                let answer = inner.poll_init(now_ms);
                log.step(now_ms).unwrap();
                answer
            })
            .unwrap();
        self.transactions += 1;
        Producing { inner, transaction: self.transactions }
    }

    fn new_readers(&mut self) {
        for number in 0..PARTITIONS {
            let mut reader = self.world.log.consumer(&ConsumerConfig::default()).unwrap();
            reader.assign(&[(partition("a", number), Start::Beginning)]).unwrap();
            self.readers.insert(number, (reader, Vec::new()));
        }
    }

    fn settle(&mut self, transaction: usize, fate: Fate) {
        for entry in self.entries.values_mut().flatten() {
            if entry.fate == (Fate::Open { transaction }) {
                entry.fate = fate;
            }
        }
    }

    fn act(&mut self, action: &Action) {
        match *action {
            Action::Send { producer, partition } => self.send(producer, partition),
            Action::SendPlain { partition } => self.send_plain(partition),
            Action::Commit { producer } => self.end(producer, true),
            Action::Abort { producer } => self.end(producer, false),
            Action::Replace { producer } => self.replace(producer),
            Action::Step => drop(self.log.step(self.clock_ms()).unwrap()),
            Action::Read { partition, records } => self.read(partition, records),
            Action::Crash => self.crash(),
            Action::TimeOut => self.time_out(),
        }
    }

    fn clock_ms(&self) -> i64 {
        self.world.now_ms()
    }

    fn next_value(&mut self) -> String {
        self.sent += 1;
        self.sent.to_string()
    }

    fn send(&mut self, number: usize, to: i32) {
        let value = self.next_value();
        let (world, log) = (&self.world, &self.log);
        let producing = &mut self.producers[number];
        if !producing.inner.in_transaction() {
            producing.inner.begin().unwrap();
        }
        let offset = deliver(world, log, producing.inner.as_mut(), to, &value).unwrap();
        let fate = Fate::Open { transaction: producing.transaction };
        self.entries.get_mut(&to).unwrap().push(Entry { offset, value, fate });
    }

    fn send_plain(&mut self, to: i32) {
        let value = self.next_value();
        let mut producer = self.world.log.producer(&ProducerConfig::default()).unwrap();
        let offset = deliver(&self.world, &self.log, producer.as_mut(), to, &value).unwrap();
        self.entries.get_mut(&to).unwrap().push(Entry { offset, value, fate: Fate::Committed });
    }

    fn end(&mut self, number: usize, commit: bool) {
        let (world, log) = (&self.world, &self.log);
        let producing = &mut self.producers[number];
        if !producing.inner.in_transaction() {
            return;
        }
        let outcome = world.wait(|now_ms| {
            let answer = if commit { producing.inner.poll_commit(now_ms) } else { producing.inner.poll_abort(now_ms) };
            if answer.is_pending() {
                log.step(now_ms).unwrap();
            }
            answer
        });
        let ended = producing.transaction;
        self.transactions += 1;
        producing.transaction = self.transactions;
        outcome.unwrap();
        self.settle(ended, if commit { Fate::Committed } else { Fate::Aborted });
    }

    fn replace(&mut self, number: usize) {
        let ended = self.producers[number].transaction;
        self.producers[number] = self.producing(number);
        self.settle(ended, Fate::Aborted);
    }

    fn time_out(&mut self) {
        self.world.pass_ms(6_000);
        self.log.step(self.clock_ms()).unwrap();
        for number in 0..PRODUCERS {
            let producing = &mut self.producers[number];
            let open = Fate::Open { transaction: producing.transaction };
            if self.entries.values().flatten().any(|entry| entry.fate == open) {
                let late = self.world.wait(|now_ms| producing.inner.poll_commit(now_ms));
                assert_eq!(kind(late), kstreams::error::ErrorKind::Fenced);
            }
            self.replace(number);
        }
    }

    fn crash(&mut self) {
        self.engine = Arc::new(self.engine.fork());
        self.log = open(&self.engine, &self.clock, self.faulty);
        self.world = World::new(self.log.clone(), self.clock.clone());
        for number in 0..PRODUCERS {
            self.replace(number);
        }
        self.new_readers();
    }

    fn read(&mut self, number: i32, records: usize) {
        let (reader, seen) = self.readers.get_mut(&number).unwrap();
        let visit = &mut |message: &kstreams::record::Message<'_>| {
            seen.push(String::from_utf8(message.value.unwrap().to_vec()).unwrap());
            std::ops::ControlFlow::Continue(())
        };
        reader.fetch(&partition("a", number), Budget::records(records), self.world.now_ms(), visit).unwrap();
        let visible = visible(&self.entries[&number]);
        let seen = &self.readers[&number].1;
        assert!(visible.starts_with(seen), "read {seen:?}, but only {visible:?} is committed");
    }

    /// Everything ends, and everybody has seen the same.
    fn finish(mut self) {
        for number in 0..PRODUCERS {
            self.replace(number);
        }
        for number in 0..PARTITIONS {
            for _ in 0..100 {
                self.world.pass_ms(1);
                self.log.step(self.clock_ms()).unwrap();
                self.read(number, 50);
            }
            assert_eq!(self.readers[&number].1, visible(&self.entries[&number]));
            let offsets: Vec<i64> = self.entries[&number].iter().map(|entry| entry.offset).collect();
            assert!(offsets.is_sorted_by(|a, b| a < b), "{offsets:?}");
        }
    }
}

fn deliver(
    world: &World,
    log: &EmbeddedLog,
    producer: &mut dyn Producer,
    to: i32,
    value: &str,
) -> kstreams::error::Result<i64> {
    let to = partition("a", to);
    let headers = kstreams::record::Headers::default();
    let message = kstreams::record::Outgoing {
        topic: &to.topic,
        partition: Some(to.partition),
        key: None,
        value: Some(value.as_bytes()),
        timestamp: None,
        headers: &headers,
        changelog: None,
    };
    assert_eq!(producer.send(&message, 0, world.now_ms())?, Sent::Queued);
    let mut placed = None;
    world.wait(|now_ms| {
        let left = producer.deliveries(now_ms, &mut |delivery| placed = Some(delivery.placed))?;
        if left == 0 {
            return std::task::Poll::Ready(Ok(()));
        }
        log.step(now_ms)?;
        std::task::Poll::Pending
    })?;
    placed.expect("the message was answered").map(|placed| placed.offset)
}

/// What a read-committed reader may see: what is committed, up to the first message that is undecided.
fn visible(entries: &[Entry]) -> Vec<String> {
    let decided = entries.iter().take_while(|entry| !matches!(entry.fate, Fate::Open { .. }));
    decided.filter(|entry| entry.fate == Fate::Committed).map(|entry| entry.value.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn reader_sees_what_was_committed_in_order(actions in proptest::collection::vec(action(), 1..80), faulty: bool) {
        let mut bench = Bench::new(faulty);
        for action in &actions {
            bench.act(action);
        }
        bench.finish();
    }
}
