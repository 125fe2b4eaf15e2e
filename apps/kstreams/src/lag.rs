//! `kstreams lag`: how far an application is behind, partition by partition.

use crate::group::{self, GroupView, Position};
use crate::output;
use crate::{ConnectionArgs, Failure, Session, time};
use kstreams::config::LogUrl;
use serde::Serialize;
use std::io::Write;
use std::thread;
use std::time::Duration;

/// Flags of `kstreams lag`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
COMMITTED is the next message that would be read after a restart, END one behind the last message, LAG the difference. A \
partition without a committed offset is read from its beginning. Markers of transactions count as messages, as they do \
in Kafka's own tools.

With --json each look is one line.")]
pub struct Args {
    /// Look again and again, with so many seconds in between
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    watch: Option<u64>,

    /// Stop after so many looks
    #[arg(long, value_name = "N", requires = "watch", value_parser = clap::value_parser!(u64).range(1..))]
    times: Option<u64>,

    #[command(flatten)]
    connection: ConnectionArgs,
}

/// One look.
#[derive(Debug, Serialize)]
struct Look<'a> {
    application_id: &'a str,
    time: String,
    lag: i64,
    partitions: &'a [Position],
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let is_on_disk = matches!(args.connection.config()?.url.parse(), Ok(LogUrl::Embedded { .. }));
    if args.watch.is_some() && is_on_disk {
        return Err(Failure::usage(
            "an embedded log cannot be watched: nothing else can use it meanwhile",
            "leave out --watch, or ask the running application for its metrics",
        ));
    }
    watch(&args.connection.open()?, args, out)
}

fn watch(session: &Session, args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let mut looks = 0;
    loop {
        look(session, args, out)?;
        looks += 1;
        match args.watch {
            Some(seconds) if args.times.is_none_or(|times| looks < times) => {
                out.flush()?;
                thread::sleep(Duration::from_secs(seconds));
            }
            _ => return Ok(()),
        }
    }
}

fn look(session: &Session, args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let Some(found) = group::find(session)? else { return Err(group::unknown(session)) };
    let topics = session.ask(|admin| admin.topics())?;
    let view = GroupView::of(session, &found, &topics)?;
    let now = time::shown(session.log.clock().now_ms());
    if args.connection.application.json {
        let application_id = session.application_id();
        let look = Look { application_id, time: now, lag: view.lag(), partitions: &view.positions };
        return output::json_line(&look, out);
    }
    if args.watch.is_some() {
        writeln!(out, "{now}")?;
    }
    view.print_positions(out)?;
    if args.watch.is_some() {
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ApplicationArgs;
    use kstreams::config::Config;
    use kstreams::log::client::create_topics;
    use kstreams::log::embedded::{EmbeddedLog, EmbeddedOptions};
    use kstreams::log::{Log, NewTopic, OffsetAndMetadata, Offsets};
    use kstreams::record::TopicPartition;

    #[test]
    fn watch_looks_again_until_it_has_looked_often_enough() {
        let timeout = Duration::from_secs(30);
        let log = EmbeddedLog::in_memory(EmbeddedOptions::default());
        create_topics(&*log, &[NewTopic::new("in", 1)], timeout).unwrap();
        let offsets: Offsets = [(TopicPartition::new("in", 0), OffsetAndMetadata::new(0))].into();
        let session = Session::new(log.clone() as std::sync::Arc<dyn Log>, Config::new("app", "embedded:"), timeout);
        session.ask(|admin| admin.alter_offsets("app", &offsets)).unwrap();

        let application = ApplicationArgs { json: true, ..ApplicationArgs::default() };
        let connection = ConnectionArgs { application, ..ConnectionArgs::default() };
        let args = Args { connection, watch: Some(1), times: Some(2) };
        let mut out = Vec::new();
        watch(&session, &args, &mut out).unwrap();
        let lines: Vec<serde_json::Value> = out
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2);
        assert_eq!((&lines[1]["lag"], &lines[1]["partitions"][0]["committed"]), (&0.into(), &0.into()));
    }
}
