//! Running a workload to its end, and the report.

use crate::arguments::{Arguments, Workload};
use crate::ends::ends;
use crate::report::{Mark, Measured};
use crate::workload::{self, RESTORED};
use kstreams::config::Config;
use kstreams::log::connect;
use kstreams::record::SystemClock;
use kstreams::runtime::{State, Streams};
use kstreams::store::TimestampedKeyValueStore;
use std::error::Error;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// For questions to the broker, and for the end.
const PATIENCE: Duration = Duration::from_secs(120);

/// Between two looks at what is counted: the resolution of the times that are reported.
const LOOK: Duration = Duration::from_millis(2);

/// Runs the workload and says what it took. Whether the result is right is for others to say.
///
/// # Errors
/// What the application ended with.
pub fn run(arguments: &Arguments) -> Result<serde_json::Value> {
    let url = format!("kafka://{}", arguments.brokers);
    let config = Config::new(&arguments.app_id, &url).state_dir(&arguments.state_dir).threads(arguments.threads);
    let (topology, mut config) =
        (workload::topology(arguments.workload)?, workload::configured(arguments.workload, config));
    config.apply_environment()?;
    let log = connect(&url, Arc::new(SystemClock))?;
    let ends = ends(&*log, arguments.workload.inputs(), PATIENCE)?;
    let start = Mark::now()?;
    let streams = Streams::start(&topology, config)?;
    let measured = match arguments.workload {
        Workload::Restore => restore(&streams, start)?,
        _ => process(&streams, ends.values().sum::<i64>().unsigned_abs(), arguments.records, arguments.threads)?,
    };
    drop(streams);
    Ok(measured.report("kstreams", arguments.workload)?)
}

/// Until all of the input, `total` records of it, is processed and committed; then closes. `records` is what the report says.
///
/// # Errors
/// What the application ended with.
pub fn process(streams: &Streams, total: u64, records: u64, threads: usize) -> Result<Measured> {
    wait_until(streams, || streams.counts().processed > 0)?;
    let first = Mark::now()?;
    wait_until(streams, || streams.counts().processed >= total)?;
    let (commits, threads) = (streams.counts().commits, threads as u64);
    // Closing commits what is left and leaves the group.
    let (last, closed) = thread::scope(|scope| {
        let closing = scope.spawn(|| streams.close(PATIENCE).map(|()| Instant::now()));
        // Each thread commits once more, if there is something to commit.
        while streams.counts().commits < commits + threads && !closing.is_finished() {
            thread::sleep(LOOK);
        }
        let last = Mark::now()?;
        Ok::<_, Box<dyn Error>>((last, closing.join().expect("closing does not panic")?))
    })?;
    let shutdown_seconds = (closed - last.at).as_secs_f64();
    Ok(Measured { records, first, last, shutdown_seconds })
}

/// Until the instance is running; what was restored is counted afterwards.
fn restore(streams: &Streams, start: Mark) -> Result<Measured> {
    wait_until(streams, || streams.state() == State::Running)?;
    let last = Mark::now()?;
    let rows = streams.store::<TimestampedKeyValueStore<String, String>>(RESTORED)?;
    let records = rows.all()?.try_fold(0, |count, row| row.map(|_| count + 1))?;
    drop(rows);
    let closing = Instant::now();
    streams.close(PATIENCE)?;
    // Counting lies between, and is no part of stopping.
    Ok(Measured { records, first: start, last, shutdown_seconds: closing.elapsed().as_secs_f64() })
}

fn wait_until(streams: &Streams, mut holds: impl FnMut() -> bool) -> Result<()> {
    while !holds() {
        if streams.state().has_ended() {
            streams.wait()?;
            return Err("the application has ended too early".into());
        }
        thread::sleep(LOOK);
    }
    Ok(())
}
