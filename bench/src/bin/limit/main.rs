//! The limit: the same workloads as a bare loop over librdkafka and hash maps, without a framework.
//!
//! It shows what librdkafka costs, not what a framework can reach: one thread, state in a hash map only, nothing restored, nothing
//! expired, strings never decoded. What Kafka Streams promises by default it keeps: an idempotent producer, a changelog, offsets
//! committed behind what they stand for, exactly-once in transactions. Its allocator is that of `bench`.

mod input;
mod output;
mod state;

use clap::Parser;
use input::{Event, Input};
use output::Output;
use side_by_side::arguments::{Arguments, Workload};
use side_by_side::report::{Mark, Measured};
use state::{Counts, Table};
use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Updates that are held back, in bytes as Kafka Streams counts them.
const CACHE_BYTES: usize = 10 << 20;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("limit: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<serde_json::Value> {
    let mut job = Job::new(arguments)?;
    if arguments.workload == Workload::Join {
        job.read("profiles", |job, event| {
            job.table.put(event.key, event.value);
            Ok(())
        })?;
    }
    let topic = if arguments.workload == Workload::Restore { "restore-input" } else { "events" };
    let read = job.read(topic, |job, event| job.process(event))?;
    let last = Mark::now()?;
    let records = if arguments.workload == Workload::Restore { job.table.len() } else { read };
    let first = job.first.ok_or("there was nothing to read")?;
    let closing = Instant::now();
    let Job { input, output, .. } = job;
    output.close()?;
    drop(input);
    let measured = Measured { records, first, last, shutdown_seconds: closing.elapsed().as_secs_f64() };
    Ok(measured.report("limit", arguments.workload)?)
}

/// A workload under way.
struct Job {
    workload: Workload,
    input: Input,
    output: Output,
    counts: Counts,
    table: Table,
    first: Option<Mark>,
    committed: Instant,
    scratch: Vec<u8>,
}

impl Job {
    fn new(arguments: &Arguments) -> Result<Job> {
        let transactional = arguments.workload == Workload::CountEos;
        Ok(Job {
            workload: arguments.workload,
            input: Input::open(&arguments.brokers, &arguments.app_id)?,
            output: Output::open(&arguments.brokers, transactional.then_some(arguments.app_id.as_str()))?,
            counts: Counts::default(),
            table: Table::default(),
            first: None,
            committed: Instant::now(),
            scratch: Vec::new(),
        })
    }

    /// Reads a topic to its present end, and commits.
    fn read(&mut self, topic: &str, each: impl Fn(&mut Job, &Event<'_>) -> Result<()>) -> Result<u64> {
        let mut records = 0;
        self.input.assign(topic)?;
        while !self.input.is_at_end() {
            let batch = self.input.take()?;
            if !batch.is_empty() && self.first.is_none() {
                self.first = Some(Mark::now()?);
            }
            for message in &batch {
                each(self, &message.event())?;
            }
            records += batch.len() as u64;
            drop(batch);
            self.output.serve();
            self.flush_when_due()?;
        }
        self.commit()?;
        Ok(records)
    }

    fn process(&mut self, event: &Event<'_>) -> Result<()> {
        match self.workload {
            Workload::Map => self.map(event),
            Workload::Count | Workload::CountEos => {
                self.counts.add(event.key, event.timestamp, true);
                Ok(())
            }
            Workload::CountNocache => {
                let (count, timestamp) = self.counts.add(event.key, event.timestamp, false);
                self.output.send_count(event.key, count, timestamp)
            }
            Workload::Window => {
                self.scratch.clear();
                self.scratch.extend_from_slice(event.key);
                self.scratch.extend_from_slice(&(event.timestamp / 10_000 * 10_000).to_be_bytes());
                self.counts.add(&self.scratch, event.timestamp, true);
                Ok(())
            }
            Workload::Join => self.join(event),
            Workload::Restore | Workload::RestoreFill => {
                self.table.put(event.key, event.value);
                Ok(())
            }
        }
    }

    fn map(&mut self, event: &Event<'_>) -> Result<()> {
        const BLUE: &[u8] = b"\"line\":\"blue\"";
        if event.value.windows(BLUE.len()).any(|part| part == BLUE) {
            return Ok(());
        }
        self.scratch.clear();
        self.scratch.extend_from_slice(event.value);
        self.scratch.make_ascii_uppercase();
        self.output.send("out", event.key, &self.scratch, event.timestamp)
    }

    fn join(&mut self, event: &Event<'_>) -> Result<()> {
        let Some(profile) = self.table.get(event.key) else { return Ok(()) };
        self.scratch.clear();
        self.scratch.extend_from_slice(&event.value[..17]);
        self.scratch.push(b'|');
        self.scratch.extend_from_slice(&profile[..32]);
        self.output.send("out", event.key, &self.scratch, event.timestamp)
    }

    fn flush_when_due(&mut self) -> Result<()> {
        if self.counts.held_back_bytes() > CACHE_BYTES {
            self.flush()?;
        }
        let interval = Duration::from_millis(if self.output.is_transactional() { 100 } else { 30_000 });
        if self.committed.elapsed() > interval { self.commit() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let Job { counts, output, .. } = self;
        counts.take_updates(|key, count, timestamp| output.send_count(key, count, timestamp))
    }

    fn commit(&mut self) -> Result<()> {
        self.flush()?;
        self.output.commit(&self.input)?;
        self.committed = Instant::now();
        Ok(())
    }
}
