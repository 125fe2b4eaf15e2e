//! The embedded log beside Kafka: the same counts, the log in this process's memory, in a directory, and on a broker.
//!
//! What a run takes is what its process takes between the first record and the last commit: on the embedded log that is the log,
//! too, on Kafka it is the client alone. The difference between memory and directory is the cost of surviving the process; what survives
//! a power cut as well, the embedded log does not offer.

use crate::broker::Broker;
use crate::peers::{self, Peer};
use crate::{Options, Result, check, topics};
use kstreams::config::Config;
use kstreams::log::connect;
use kstreams::record::SystemClock;
use kstreams::runtime::Streams;
use serde_json::Value;
use side_by_side::arguments::Workload;
use side_by_side::ends::ends;
use side_by_side::{run, workload};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

const WORKLOADS: [Workload; 3] = [Workload::Count, Workload::CountNocache, Workload::CountEos];

/// Runs each workload on each log, and prints a table.
///
/// # Errors
/// What a log fails with, and a wrong result.
pub(crate) fn compare(options: &Options, directory: &Path) -> Result<()> {
    let options = &Options { workloads: WORKLOADS.to_vec(), ..options.clone() };
    let Options { records, keys, partitions, .. } = options;
    let mut page = format!("{records} records, {keys} keys, {partitions} partitions, one thread\n\n");
    page.push_str("| workload | log | records/s | of Kafka | CPU s per million |\n|---|---|---:|---:|---:|\n");
    for workload in WORKLOADS {
        let on_kafka = on_kafka(options, directory, workload)?;
        let in_memory = alone(options, &directory.join("memory"), "embedded-memory:bench", workload)?;
        let data = directory.join("log");
        let on_disk = alone(options, &directory.join("disk"), &format!("embedded:{}", data.display()), workload)?;
        std::fs::remove_dir_all(&data)?;
        let of = |run: &Value, field: &str| run[field].as_f64().unwrap_or(f64::NAN);
        let runs = [("Kafka", &on_kafka), ("embedded, in memory", &in_memory), ("embedded, in a directory", &on_disk)];
        for (log, run) in runs {
            let a_second = of(run, "records_per_second");
            let _ = writeln!(
                page,
                "| `{}` | {log} | {a_second:.0} | {:.2} | {:.2} |",
                workload.name(),
                a_second / of(&on_kafka, "records_per_second"),
                of(run, "cpu_seconds_run") * 1e6 / of(run, "records"),
            );
        }
    }
    println!("{page}");
    Ok(())
}

fn on_kafka(options: &Options, directory: &Path, workload: Workload) -> Result<Value> {
    let broker = Broker::start(directory, &options.heap)?;
    let log = topics::connect(broker.servers())?;
    topics::load(&*log, options)?;
    let run = peers::measure(&*log, options, broker.servers(), directory, Peer::Kstreams, workload, 0)?;
    Ok(run.numbers?)
}

/// Loads, runs and checks in this process, which the log lives in.
fn alone(options: &Options, state: &Path, url: &str, kind: Workload) -> Result<Value> {
    let log = connect(url, Arc::new(SystemClock))?;
    topics::load(&*log, options)?;
    topics::renew(&*log, options)?;
    let app_id = format!("embedded-{}", kind.name());
    let config = workload::configured(kind, Config::new(&app_id, url).state_dir(state));
    let total: i64 = ends(&*log, kind.inputs(), topics::PATIENCE)?.values().sum();
    let streams = Streams::start(&workload::topology(kind)?, config)?;
    let measured = run::process(&streams, total.unsigned_abs(), options.records, 1)?;
    drop(streams);
    check::check(&*log, options, &app_id, kind).map_err(|why| format!("{} on {url}: {why}", kind.name()))?;
    std::fs::remove_dir_all(state)?;
    Ok(measured.report("embedded", kind)?)
}
