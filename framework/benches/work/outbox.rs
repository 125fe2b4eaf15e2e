//! What a task has to send.

use super::{RECORDS, Work, key, value};
use kstreams::record::{Headers, Outbox, Outgoing, Topic};
use std::hint::black_box;

/// A message into the outbox, and out of it again.
pub struct Appends {
    outbox: Outbox,
    topic: Topic,
    headers: Headers,
    messages: Vec<(String, String)>,
}

impl Appends {
    pub fn new() -> Self {
        Appends {
            outbox: Outbox::default(),
            topic: Topic::from("out"),
            headers: Headers::default(),
            messages: (0..RECORDS).map(|number| (key(number), value(number))).collect(),
        }
    }
}

impl Work for Appends {
    fn run(&mut self) {
        for (key, value) in &self.messages {
            self.outbox.push(&Outgoing {
                topic: &self.topic,
                partition: Some(0),
                key: Some(key.as_bytes()),
                value: Some(value.as_bytes()),
                timestamp: Some(0),
                headers: &self.headers,
                changelog: None,
            });
        }
        while let Some(message) = self.outbox.front() {
            black_box(message);
            self.outbox.pop();
        }
    }
}
