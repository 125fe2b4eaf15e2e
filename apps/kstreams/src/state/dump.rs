//! The rows of a store.

use super::Args;
use super::format::{Format, shown};
use crate::output::{self, Side, Table, counted, or_dash};
use crate::{Failure, time};
use kstreams::error::Result;
use kstreams::store::{OfflineRow, OfflineStore, OfflineStores};
use serde_json::{Map, Value, json};
use std::io::Write;

/// Rows that are put into columns together.
const ALIGNED_ROWS: usize = 1_000;

/// Prints the rows of a store, task after task.
pub(super) fn run(
    args: &Args,
    stores: &OfflineStores,
    named: &[&OfflineStore],
    out: &mut dyn Write,
) -> Result<(), Failure> {
    for (place, store) in named.iter().enumerate() {
        if args.application.json {
            print_lines(args, stores, store, out)?;
            continue;
        }
        if place > 0 {
            writeln!(out)?;
        }
        print_table(args, stores, store, out)?;
    }
    Ok(())
}

impl Args {
    /// More rows than any store has stand for no limit.
    fn rows_max(&self) -> usize {
        if self.limit == 0 { usize::MAX } else { self.limit }
    }

    fn key(&self, bytes: &[u8]) -> Result<Value> {
        read(self.key_format.unwrap_or(self.format), bytes, "key")
    }

    fn value(&self, bytes: &[u8]) -> Result<Value> {
        read(self.value_format.unwrap_or(self.format), bytes, "value")
    }
}

fn read(format: Format, bytes: &[u8], part: &str) -> Result<Value> {
    format.read(bytes).map_err(|error| {
        error.context(format!("reading a {part}")).with_hint(format!("--{part}-format hex reads everything"))
    })
}

fn print_lines(args: &Args, stores: &OfflineStores, store: &OfflineStore, out: &mut dyn Write) -> Result<(), Failure> {
    for row in stores.rows(store)?.take(args.rows_max()) {
        let row = row?;
        let mut line = Map::new();
        line.insert("task".into(), json!(store.task));
        line.insert("key".into(), args.key(&row.key)?);
        if let Some(start_ms) = row.window_start_ms {
            line.insert("window_start_ms".into(), json!(start_ms));
        }
        line.insert("value".into(), args.value(&row.value)?);
        if let Some(timestamp) = row.timestamp {
            line.insert("timestamp".into(), json!(timestamp));
        }
        output::json_line(&line, out)?;
    }
    Ok(())
}

fn print_table(args: &Args, stores: &OfflineStores, store: &OfflineStore, out: &mut dyn Write) -> Result<(), Failure> {
    let kind = store.kind.as_deref().unwrap_or("kind unknown");
    writeln!(out, "task {}, store {}, {kind}", store.task, store.name)?;
    let (mut rows, mut printed) = (stores.rows(store)?, 0);
    while printed < args.rows_max() {
        let most = ALIGNED_ROWS.min(args.rows_max() - printed);
        let chunk: Vec<OfflineRow> = rows.by_ref().take(most).collect::<Result<_>>()?;
        if chunk.is_empty() {
            break;
        }
        printed += chunk.len();
        print_rows(args, &chunk, out)?;
    }
    let more = if rows.next().is_some() { "; there are more: raise --limit, 0 prints all" } else { "" };
    Ok(writeln!(out, "{}{more}", counted(printed, "row", "rows"))?)
}

fn print_rows(args: &Args, rows: &[OfflineRow], out: &mut dyn Write) -> Result<(), Failure> {
    let is_windowed = rows.iter().any(|row| row.window_start_ms.is_some());
    let is_timestamped = rows.iter().any(|row| row.timestamp.is_some());
    let columns = [(true, "KEY"), (is_windowed, "WINDOW FROM"), (true, "VALUE"), (is_timestamped, "TIMESTAMP")];
    let titles = columns.into_iter().filter(|(is_shown, _)| *is_shown).map(|(_, title)| (title, Side::Left));
    let mut table = Table::new(titles);
    for row in rows {
        let cells = [
            Some(shown(&args.key(&row.key)?)),
            is_windowed.then(|| or_dash(row.window_start_ms.map(time::shown))),
            Some(shown(&args.value(&row.value)?)),
            is_timestamped.then(|| or_dash(row.timestamp.map(time::shown))),
        ];
        table.row(cells.into_iter().flatten());
    }
    table.print(out)
}
