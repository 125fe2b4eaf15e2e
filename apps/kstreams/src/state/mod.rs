//! `kstreams state`: what is in a local state directory.

mod dump;
mod format;

use crate::output::{self, Side, Table, alternatives, bytes, or_dash};
use crate::session::local_state;
use crate::{ApplicationArgs, Failure, time};
use format::Format;
use kstreams::error::{ErrorKind, Result};
use kstreams::store::{OfflineStore, OfflineStores};
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;

/// Flags of `kstreams state`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reads what an instance left on disk in DIR/ID, and changes nothing. The instance must be stopped: stores belong to one \
process at a time. Stores in memory are not there.

Keys and values are printed as text if they are text, as a number if they have the length of one (4 bytes: i32, 8 bytes: \
i64), and else in hex. --format, --key-format and --value-format say what they are.

A row has the time of its last update if its store keeps it, and its window's beginning if it is windowed. \
With --json the list is one document; rows are one line each.")]
pub struct Args {
    /// The state directory, the application's state.dir [default: that of --config, else kstreams-state]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,

    /// Print the rows of this store instead of the list
    #[arg(long, value_name = "NAME")]
    store: Option<String>,

    /// Only this task, as SUBTOPOLOGY_PARTITION, or `global`
    #[arg(long, value_name = "0_1")]
    task: Option<String>,

    /// The most rows printed of a task's store; 0 prints all
    #[arg(long, value_name = "N", default_value_t = 100, requires = "store")]
    limit: usize,

    /// What keys and values are
    #[arg(long, value_enum, default_value_t, requires = "store")]
    format: Format,

    /// What keys are, if not as --format says
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true, requires = "store")]
    key_format: Option<Format>,

    /// What values are, if not as --format says
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true, requires = "store")]
    value_format: Option<Format>,

    #[command(flatten)]
    application: ApplicationArgs,
}

/// A line of the list.
#[derive(Debug, Serialize)]
struct Listed {
    task: String,
    store: String,
    kind: Option<String>,
    rows: u64,
    bytes: u64,
    changelog: Option<String>,
    position: Option<i64>,
    committed: Option<String>,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let config = args.application.config()?;
    let state_dir = args.state_dir.as_ref().unwrap_or(&config.state_dir);
    let Some(state) = local_state(state_dir, &config.application_id)? else {
        let sentence = format!("there is no state of `{}` in `{}`", config.application_id, state_dir.display());
        let hint = "name the application's state.dir with --state-dir; instances on other machines have their own";
        return Err(Failure::failed(ErrorKind::NotFound, sentence, hint));
    };
    let Some(stores) = state.stores()? else {
        let sentence = format!("there are no stores on disk in `{}`", state.path().display());
        let hint = "the application keeps its stores in memory, or its state was deleted";
        return Err(Failure::failed(ErrorKind::NotFound, sentence, hint));
    };
    let found = stores.list()?;
    let wanted = of_task(args, &found)?;
    match &args.store {
        Some(name) => dump::run(args, &stores, &named(name, args, &wanted)?, out),
        None => list(args, &stores, &wanted, out),
    }
}

fn of_task<'a>(args: &Args, found: &'a [OfflineStore]) -> Result<Vec<&'a OfflineStore>, Failure> {
    let Some(task) = &args.task else { return Ok(found.iter().collect()) };
    let of_task: Vec<&OfflineStore> = found.iter().filter(|store| store.task == *task).collect();
    if of_task.is_empty() {
        let tasks = names(found.iter().map(|store| store.task.as_str()));
        return Err(Failure::failed(ErrorKind::NotFound, format!("there is no task `{task}` with stores"), tasks));
    }
    Ok(of_task)
}

fn named<'a>(name: &str, args: &Args, wanted: &[&'a OfflineStore]) -> Result<Vec<&'a OfflineStore>, Failure> {
    let named: Vec<&OfflineStore> = wanted.iter().copied().filter(|store| store.name == name).collect();
    if named.is_empty() {
        let place = args.task.as_ref().map(|task| format!(" of task `{task}`")).unwrap_or_default();
        let known = names(wanted.iter().map(|store| store.name.as_str()));
        return Err(Failure::failed(ErrorKind::NotFound, format!("there is no store `{name}`{place}"), known));
    }
    Ok(named)
}

/// What there is, as a hint.
fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    alternatives(names).unwrap_or_else(|| String::from("there are none"))
}

fn list(args: &Args, stores: &OfflineStores, wanted: &[&OfflineStore], out: &mut dyn Write) -> Result<(), Failure> {
    let listed = wanted.iter().map(|store| {
        let size = stores.size(store)?;
        Ok(Listed {
            task: store.task.clone(),
            store: store.name.clone(),
            kind: store.kind.clone(),
            rows: size.rows,
            bytes: size.bytes,
            changelog: store.changelog.clone(),
            position: store.position,
            committed: store.committed_at_ms.map(time::shown),
        })
    });
    let listed: Vec<Listed> = listed.collect::<Result<_>>()?;
    if args.application.json { output::json(&listed, out) } else { print_list(&listed, out) }
}

fn print_list(listed: &[Listed], out: &mut dyn Write) -> Result<(), Failure> {
    let mut table = Table::new([
        ("TASK", Side::Left),
        ("STORE", Side::Left),
        ("KIND", Side::Left),
        ("ROWS", Side::Right),
        ("SIZE", Side::Right),
        ("CHANGELOG", Side::Left),
        ("POSITION", Side::Right),
        ("COMMITTED", Side::Left),
    ]);
    for store in listed {
        table.row([
            store.task.clone(),
            store.store.clone(),
            or_dash(store.kind.as_ref()),
            store.rows.to_string(),
            bytes(store.bytes),
            or_dash(store.changelog.as_ref()),
            or_dash(store.position),
            or_dash(store.committed.as_ref()),
        ]);
    }
    table.print(out)
}
