//! How cost, memory and the start of kstreams grow: one thing is varied, everything else stays, each point on a broker of its own.

use crate::broker::Broker;
use crate::peers::{self, Peer, Run};
use crate::{Options, Result, picture, topics};
use kstreams::log::Log;
use side_by_side::arguments::Workload;
use side_by_side::ends::ends;
use std::fmt::Write as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long the broker is stopped in the middle of a run, in seconds.
const STOPPED_S: u64 = 10;

/// The most bytes of values that one point reads.
const VALUES_BYTES_MAX: u64 = 1_000_000_000;

/// A thing that is varied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Varied {
    /// As many tasks on one thread.
    Partitions,
    /// Sixteen tasks on fewer and fewer threads.
    TasksPerThread,
    /// Keys of a count.
    Keys,
    /// Rows of a store that is restored.
    Rows,
    /// The length of an event's value.
    ValueBytes,
    /// As partitions, with a record cache and for the memory.
    Tasks,
    /// Seconds that the broker is stopped in the middle.
    Stopped,
}

impl Varied {
    const ALL: [Varied; 7] = [
        Varied::Partitions,
        Varied::TasksPerThread,
        Varied::Keys,
        Varied::Rows,
        Varied::ValueBytes,
        Varied::Tasks,
        Varied::Stopped,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Varied::Partitions => "partitions, one thread",
            Varied::TasksPerThread => "tasks a thread, 16 partitions",
            Varied::Keys => "keys",
            Varied::Rows => "rows to restore",
            Varied::ValueBytes => "bytes of a value",
            Varied::Tasks => "tasks, cached",
            Varied::Stopped => "seconds the broker is stopped",
        }
    }

    fn workload(self) -> Workload {
        match self {
            Varied::Partitions | Varied::TasksPerThread | Varied::Keys | Varied::Stopped => Workload::CountNocache,
            Varied::Rows => Workload::Restore,
            Varied::ValueBytes => Workload::Map,
            Varied::Tasks => Workload::Count,
        }
    }

    fn points(self) -> &'static [u64] {
        match self {
            Varied::Partitions => &[1, 4, 16, 64],
            Varied::TasksPerThread => &[1, 4, 16],
            Varied::Keys => &[10_000, 100_000, 1_000_000, 10_000_000],
            Varied::Rows => &[10_000, 100_000, 1_000_000, 10_000_000],
            Varied::ValueBytes => &[10, 100, 1_000, 10_000],
            Varied::Tasks => &[1, 20, 100],
            Varied::Stopped => &[0, STOPPED_S],
        }
    }

    fn applied(self, options: &Options, at: u64) -> Result<Options> {
        let mut options = Options { workloads: vec![self.workload()], ..options.clone() };
        match self {
            Varied::Partitions | Varied::Tasks => options.partitions = at.try_into()?,
            Varied::TasksPerThread => (options.partitions, options.threads) = (16, 16 / usize::try_from(at)?),
            Varied::Keys => options.keys = at,
            Varied::Rows => options.restore_keys = at,
            Varied::ValueBytes => {
                options.value_bytes = at.try_into()?;
                options.records = options.records.min(VALUES_BYTES_MAX / at);
            }
            Varied::Stopped => {}
        }
        Ok(options)
    }
}

/// One point, and what came of it.
pub(crate) struct Point {
    pub(crate) varied: Varied,
    pub(crate) at: u64,
    pub(crate) run: Run,
}

impl Point {
    pub(crate) fn number(&self, field: &str) -> Option<f64> {
        self.run.numbers.as_ref().ok()?[field].as_f64()
    }

    /// Between the first record and the last commit: what a start costs does not grow with the input.
    pub(crate) fn cpu_per_million(&self) -> Option<f64> {
        Some(self.number("cpu_seconds_run")? * 1e6 / self.number("records")?)
    }
}

/// Measures every point, prints a table, and draws the picture.
///
/// # Errors
/// What the broker or the picture fail with, and a wrong result.
pub(crate) fn grow(options: &Options, directory: &Path, drawing: &Path) -> Result<()> {
    let mut points = Vec::new();
    for varied in Varied::ALL {
        for at in varied.points() {
            let run = measure(&varied.applied(options, *at)?, directory, varied, *at)?;
            let point = Point { varied, at: *at, run };
            eprintln!("{}", line(&point, None));
            points.push(point);
        }
    }
    println!("{}", table(options, &points));
    picture::draw(&points, drawing)?;
    peers::all_right(points.iter().map(|point| (format!("{} {}", point.varied.title(), point.at), &point.run)))
}

fn measure(options: &Options, directory: &Path, varied: Varied, at: u64) -> Result<Run> {
    let broker = Broker::start(directory, &options.heap)?;
    let log = topics::connect(broker.servers())?;
    topics::load(&*log, options)?;
    thread::scope(|scope| {
        let stops = varied == Varied::Stopped && at > 0;
        let stopping = stops.then(|| scope.spawn(|| stop_in_the_middle(&*log, &broker, options)));
        let run = peers::measure(&*log, options, broker.servers(), directory, Peer::Kstreams, varied.workload(), 0);
        if let Some(Err(why)) = stopping.map(|stopping| stopping.join().expect("stopping does not panic")) {
            return Err(why.into());
        }
        let seconds = |run: &Run| run.numbers.as_ref().ok().and_then(|numbers| numbers["seconds"].as_f64());
        match run {
            Ok(run) if stops && seconds(&run).is_some_and(|seconds| seconds < STOPPED_S as f64) => {
                Err("the run had ended before the broker was stopped: give it more records".into())
            }
            run => run,
        }
    })
}

/// Stops the broker for a while once results come.
fn stop_in_the_middle(log: &dyn Log, broker: &Broker, options: &Options) -> std::result::Result<(), String> {
    let begun = Instant::now();
    // While the topic is made anew there is none to ask about.
    let has_results = || ends(log, &["out"], topics::PATIENCE).is_ok_and(|ends| ends.values().sum::<i64>() > 0);
    while !has_results() {
        if begun.elapsed() > Duration::from_secs(options.patience_s) {
            return Err("no result came".to_owned());
        }
        thread::sleep(Duration::from_millis(50));
    }
    broker.stop_for(Duration::from_secs(STOPPED_S)).map_err(|error| error.to_string())
}

fn table(options: &Options, points: &[Point]) -> String {
    let mut page = format!(
        "{} records, {} keys, {} bytes a value, {} partitions, one thread, where nothing else is said\n\n",
        options.records, options.keys, options.value_bytes, options.partitions
    );
    page.push_str("| varied | | workload | CPU s per million | of the first | memory, MB | start, s |\n");
    page.push_str("|---|---:|---|---:|---:|---:|---:|\n");
    for point in points {
        let first = points.iter().find(|first| first.varied == point.varied).and_then(Point::cpu_per_million);
        page.push_str(&line(point, first));
        page.push('\n');
    }
    page
}

fn line(point: &Point, first: Option<f64>) -> String {
    let mut line = format!("| {} | {} | `{}` |", point.varied.title(), point.at, point.varied.workload().name());
    if let Err(why) = &point.run.numbers {
        let _ = write!(line, " WRONG: {why} |");
        return line;
    }
    let cpu = point.cpu_per_million();
    let ratio = cpu.zip(first).map(|(cpu, first)| cpu / first);
    let cells = [(cpu, 2), (ratio, 2), (point.number("max_rss_mb"), 0), (point.number("startup_seconds"), 2)];
    for (number, digits) in cells {
        let _ = match number {
            Some(number) => write!(line, " {number:.digits$} |"),
            None => write!(line, " |"),
        };
    }
    line
}
