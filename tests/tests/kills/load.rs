//! Input, sent at a steady rate while everything else happens.

use crate::workload::{NewInput, Workload};
use kstreams::log::Log;
use kstreams::log::client::{NewMessage, Producer};
use kstreams::record::Topic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a broker may be away.
const PATIENCE: Duration = Duration::from_secs(120);
const TICK: Duration = Duration::from_millis(20);

/// Sends messages.
pub struct Load {
    producer: Producer,
    sent: u64,
}

impl Load {
    /// Sends what is to be there before anything runs.
    pub fn open(log: &dyn Log, workload: &dyn Workload) -> Load {
        let producer = Producer::new(log, &Default::default(), PATIENCE).expect("the brokers answer");
        let mut load = Load { producer, sent: 0 };
        workload.first().iter().for_each(|input| load.send(input));
        load.flush();
        load
    }

    /// Sends until it is to stop; returns how many messages there are in all, every one of them acknowledged.
    pub fn run(mut self, workload: &dyn Workload, a_second: u64, about: u64, stop: &AtomicBool) -> u64 {
        let (begun, mut number) = (Instant::now(), 0);
        while !stop.load(Ordering::Relaxed) {
            while number < begun.elapsed().as_millis() as u64 * a_second / 1_000 {
                self.send(&workload.message(number, about));
                number += 1;
            }
            std::thread::sleep(TICK);
        }
        self.flush();
        self.sent
    }

    fn send(&mut self, input: &NewInput) {
        let topic = Topic::from(input.topic);
        let message = NewMessage::new(&topic, Some(&input.key), Some(&input.value)).at(input.timestamp);
        self.producer.send(&message).expect("input is sent");
        self.sent += 1;
    }

    fn flush(&mut self) {
        self.producer.flush().expect("input is acknowledged");
    }
}
