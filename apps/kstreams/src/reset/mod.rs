//! `kstreams reset`: an application reads its input again. What Kafka's own reset tool does, and local state as well.
//!
//! A plan is made first and always printed; it is carried out only with `--execute`.

mod plan;
mod target;

use crate::{ConnectionArgs, Failure, Session, output};
use kstreams::error::{Error, ErrorKind};
use plan::{Choice, Plan};
use std::io::Write;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};
use target::TargetArgs;

/// How long to wait between two looks at something that takes a while.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Flags of `kstreams reset`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What it does, in this order:
  1. deletes the stores in the local state directory (on other machines, delete DIR/ID yourself);
  2. sets the committed offsets of the input topics;
  3. deletes the internal topics: changelogs and repartition topics.
Without --execute it only says so. Output topics are left as they are: what is counted again is written again. Stop all \
instances first, and start none until it is done. If it fails halfway, run it again: it does what is left.

The options are those of kafka-streams-application-reset, except that one executes unless told otherwise.")]
pub struct Args {
    /// The input topics [default: all that the application has committed offsets of, without its internal ones]
    #[arg(long, value_name = "TOPIC,…", value_delimiter = ',')]
    input_topics: Vec<String>,

    /// The internal topics to delete [default: all that begin with the application.id and end as internal topics do]
    #[arg(long, value_name = "TOPIC,…", value_delimiter = ',')]
    internal_topics: Vec<String>,

    /// The local state directory, the application's state.dir [default: that of --config, else kstreams-state]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,

    /// While the group has members, wait up to --timeout for their sessions to end instead of refusing at once
    #[arg(long)]
    force: bool,

    /// Do it, instead of saying what would be done
    #[arg(long)]
    execute: bool,

    /// Only say what would be done; this is the default
    #[arg(long, conflicts_with = "execute")]
    dry_run: bool,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    connection: ConnectionArgs,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let session = args.connection.open()?;
    run_on(&session, args, out)
}

fn run_on(session: &Session, args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    if args.force {
        wait_for_members(session)?;
    }
    let choice = Choice {
        input_topics: args.input_topics.clone(),
        internal_topics: args.internal_topics.clone(),
        target: args.target.target(session.log.clock().now_ms())?,
        state_dir: args.state_dir.clone().unwrap_or_else(|| session.config.state_dir.clone()),
    };
    let plan = Plan::make(session, &choice)?;
    let executes = args.execute && plan.obstacle.is_none();
    if args.connection.application.json {
        if executes {
            carry_out(session, &plan)?;
        }
        output::json(&plan.report(executes), out)?;
    } else {
        plan.print(executes, out)?;
        if executes {
            out.flush()?;
            carry_out(session, &plan)?;
            writeln!(out, "done")?;
        } else if plan.obstacle.is_none() && !plan.is_empty() {
            writeln!(out, "nothing was changed: add --execute to do it")?;
        }
    }
    plan.obstacle.map_or(Ok(()), |obstacle| Err(Failure::Failed(obstacle)))
}

/// Members of processes that were killed stay until their sessions end.
fn wait_for_members(session: &Session) -> Result<(), Failure> {
    let begun = Instant::now();
    while let Some(group) = crate::group::find(session)?
        && !group.members.is_empty()
        && begun.elapsed() < session.timeout()
    {
        thread::sleep(LOOK_AGAIN);
    }
    Ok(())
}

/// State goes first: whatever happens behind it, an application without local state restores what its topics hold. The
/// other way round it could go on from stores whose topics are gone. Offsets go before topics, because a member that has
/// joined meanwhile is noticed there, before anything is lost.
fn carry_out(session: &Session, plan: &Plan) -> Result<(), Failure> {
    let result =
        delete_state(plan).and_then(|()| set_offsets(session, plan)).and_then(|()| delete_topics(session, plan));
    result.map_err(|error| {
        let hint = error.hint().map(|hint| format!("{hint}; ")).unwrap_or_default();
        let again = format!("{hint}the reset is not complete: run it again before the application is started");
        Failure::Failed(error.with_hint(again))
    })
}

fn delete_state(plan: &Plan) -> Result<(), Error> {
    plan.state.as_ref().map_or(Ok(()), |state| state.local.delete())
}

fn set_offsets(session: &Session, plan: &Plan) -> Result<(), Error> {
    let offsets = plan.offsets_to_set();
    if offsets.is_empty() {
        return Ok(());
    }
    session.ask(|admin| admin.alter_offsets(session.application_id(), &offsets))
}

/// Topics are gone some time after their deletion was answered; an application that starts in between would find them.
fn delete_topics(session: &Session, plan: &Plan) -> Result<(), Error> {
    let topics = plan.topics_to_delete();
    if topics.is_empty() {
        return Ok(());
    }
    session.ask(|admin| admin.delete_topics(&topics))?;
    let begun = Instant::now();
    loop {
        let left = session.ask(|admin| admin.topics())?;
        let Some(left) = left.into_iter().find(|info| topics.contains(&info.topic)) else { return Ok(()) };
        if begun.elapsed() >= session.timeout() {
            let sentence = format!("topic `{}` is still there after its deletion", left.topic);
            return Err(Error::new(ErrorKind::Timeout, sentence).with_hint("see the brokers' logs"));
        }
        thread::sleep(LOOK_AGAIN);
    }
}

#[cfg(test)]
mod tests;
