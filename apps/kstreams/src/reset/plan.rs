//! What a reset would do: found out without changing anything.

use super::target::Target;
use crate::group;
use crate::internal::{self, Candidate};
use crate::output::{Side, Table, bytes, counted, or_dash};
use crate::session::local_state;
use crate::{Failure, Session};
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::log::{GroupMember, OffsetAndMetadata, Offsets, TopicInfo};
use kstreams::record::{Topic, TopicPartition};
use kstreams::runtime::LocalState;
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Empty: all that the group has committed offsets of.
    pub input_topics: Vec<String>,
    /// Empty: all that are called so.
    pub internal_topics: Vec<String>,
    /// Where input is read from.
    pub target: Target,
    /// Where local state is.
    pub state_dir: PathBuf,
}

/// A committed offset that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OffsetChange {
    topic: String,
    partition: i32,
    from: Option<i64>,
    to: i64,
}

/// Local state that is deleted. Its lock is held, so that no instance starts on it before the reset is done.
#[derive(Debug)]
pub struct StateToDelete {
    pub(super) local: LocalState,
    bytes: u64,
}

/// What a reset does.
#[derive(Debug)]
pub struct Plan {
    application_id: String,
    offsets: Vec<OffsetChange>,
    deleted: Vec<Candidate>,
    /// Topics that may belong to another application.
    spared: Vec<Candidate>,
    state_path: PathBuf,
    pub(super) state: Option<StateToDelete>,
    /// Why it cannot be done now.
    pub(super) obstacle: Option<Error>,
}

/// The plan for programs.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    application_id: &'a str,
    executed: bool,
    obstacle: Option<String>,
    offsets: &'a [OffsetChange],
    deleted_topics: Vec<&'a str>,
    spared_topics: Vec<&'a str>,
    deleted_state: Option<&'a Path>,
    deleted_state_bytes: u64,
}

impl Plan {
    /// Finds out what there is to do.
    pub fn make(session: &Session, choice: &Choice) -> Result<Self, Failure> {
        let application_id = session.application_id();
        let topics = session.ask(|admin| admin.topics())?;
        let groups = session.ask(|admin| admin.groups())?;
        let group = group::find(session)?;
        let (members, committed) = group.map(|group| (group.members, group.offsets)).unwrap_or_default();
        let candidates = internal::candidates(application_id, &topics, &groups);
        let inputs = inputs(choice, &topics, &committed, application_id)?;
        let to = choice.target.offsets(session, &inputs, &committed)?;
        let (deleted, spared) = internal_topics(choice, candidates, &topics, application_id)?;
        let (state, in_use) = state(choice, application_id)?;
        let plan = Plan {
            application_id: application_id.to_owned(),
            offsets: to.into_iter().map(|(partition, to)| change(&partition, to, &committed)).collect(),
            deleted,
            spared,
            state_path: choice.state_dir.join(application_id),
            state,
            obstacle: has_members(application_id, &members).or(in_use),
        };
        let is_unknown = !groups.iter().any(|group| group == application_id) && plan.is_empty();
        if is_unknown && plan.obstacle.is_none() { Err(group::unknown(session)) } else { Ok(plan) }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.offsets_to_set().is_empty() && self.deleted.is_empty() && self.state.is_none()
    }

    /// The offsets that are not committed already.
    pub fn offsets_to_set(&self) -> Offsets {
        let changes = self.offsets.iter().filter(|change| change.from != Some(change.to));
        // Without its text, in which the task's stream time is kept: that begins again, too.
        changes
            .map(|one| (TopicPartition::new(one.topic.as_str(), one.partition), OffsetAndMetadata::new(one.to)))
            .collect()
    }

    /// The topics that are to go.
    pub fn topics_to_delete(&self) -> Vec<Topic> {
        self.deleted.iter().map(|candidate| candidate.info.topic.clone()).collect()
    }

    /// The plan for programs.
    pub fn report(&self, executed: bool) -> Report<'_> {
        Report {
            application_id: &self.application_id,
            executed,
            obstacle: self.obstacle.as_ref().map(Error::to_string),
            offsets: &self.offsets,
            deleted_topics: self.deleted.iter().map(|candidate| candidate.info.topic.as_str()).collect(),
            spared_topics: self.spared.iter().map(|candidate| candidate.info.topic.as_str()).collect(),
            deleted_state: self.state.as_ref().map(|state| state.local.path()),
            deleted_state_bytes: self.state.as_ref().map_or(0, |state| state.bytes),
        }
    }

    /// Prints the plan for people; `executes` decides in which words.
    pub fn print(&self, executes: bool, out: &mut dyn Write) -> Result<(), Failure> {
        let does = if executes { "is" } else { "would be" };
        writeln!(out, "application {}", self.application_id)?;
        match &self.state {
            Some(state) => {
                let (path, size) = (state.local.path().display(), bytes(state.bytes));
                writeln!(out, "\nlocal state in {path} {does} deleted: {size}")?;
            }
            None => writeln!(out, "\nno local state in {}", self.state_path.display())?,
        }
        self.print_offsets(does, out)?;
        self.print_topics(does, out)?;
        if self.is_empty() && self.obstacle.is_none() {
            writeln!(out, "there is nothing to do")?;
        }
        Ok(())
    }

    fn print_offsets(&self, does: &str, out: &mut dyn Write) -> Result<(), Failure> {
        if self.offsets.is_empty() {
            return Ok(writeln!(out, "\nno committed offsets of input topics\n")?);
        }
        writeln!(out, "\ncommitted offsets that {} set:", if does == "is" { "are" } else { does })?;
        let sides = [Side::Left, Side::Right, Side::Right, Side::Right];
        let mut table = Table::new(["TOPIC", "PARTITION", "FROM", "TO"].into_iter().zip(sides));
        for change in &self.offsets {
            let cells = [change.partition.to_string(), or_dash(change.from), change.to.to_string()];
            table.row(std::iter::once(change.topic.clone()).chain(cells));
        }
        table.print(out)?;
        Ok(writeln!(out)?)
    }

    fn print_topics(&self, does: &str, out: &mut dyn Write) -> Result<(), Failure> {
        if self.deleted.is_empty() {
            writeln!(out, "no internal topics to delete")?;
        } else {
            writeln!(out, "internal topics that {} deleted:", if does == "is" { "are" } else { does })?;
        }
        for Candidate { info, kind, .. } in &self.deleted {
            writeln!(
                out,
                "  {}  ({kind}, {})",
                info.topic,
                counted(info.partitions.max(0) as u32, "partition", "partitions")
            )?;
        }
        for Candidate { info, rather_of, .. } in &self.spared {
            let other = or_dash(rather_of.as_ref());
            writeln!(out, "  {}  stays: it is rather one of `{other}`; name it with --internal-topics", info.topic)?;
        }
        Ok(writeln!(out)?)
    }
}

fn change(partition: &TopicPartition, to: i64, committed: &Offsets) -> OffsetChange {
    OffsetChange {
        topic: partition.topic.as_str().to_owned(),
        partition: partition.partition,
        from: committed.get(partition).map(|committed| committed.offset),
        to,
    }
}

/// The topics that were named, or those that have committed offsets. Internal ones are deleted, and their offsets with them.
fn inputs<'a>(
    choice: &Choice,
    topics: &'a [TopicInfo],
    committed: &Offsets,
    application_id: &str,
) -> Result<Vec<&'a TopicInfo>, Failure> {
    let mut named: BTreeSet<String> = choice.input_topics.iter().cloned().collect();
    if named.is_empty() {
        named.extend(choice.target.topics());
    }
    if named.is_empty() {
        let is_input = |topic: &&str| internal::kind(application_id, topic).is_none();
        let read = committed.keys().map(|partition| partition.topic.as_str()).filter(is_input);
        let read: BTreeSet<&str> = read.collect();
        return Ok(topics.iter().filter(|info| read.contains(info.topic.as_str())).collect());
    }
    named.iter().map(|name| existing(name, topics)).collect()
}

fn existing<'a>(name: &str, topics: &'a [TopicInfo]) -> Result<&'a TopicInfo, Failure> {
    topics.iter().find(|info| info.topic.as_str() == name).ok_or_else(|| {
        let hint = "nothing was changed; check the name and the log's address";
        Failure::failed(ErrorKind::NotFound, format!("there is no topic `{name}`"), hint)
    })
}

/// Those to delete, and those that are spared.
fn internal_topics(
    choice: &Choice,
    candidates: Vec<Candidate>,
    topics: &[TopicInfo],
    application_id: &str,
) -> Result<(Vec<Candidate>, Vec<Candidate>), Failure> {
    if choice.internal_topics.is_empty() {
        return Ok(candidates.into_iter().partition(|candidate| candidate.rather_of.is_none()));
    }
    for name in &choice.internal_topics {
        if internal::kind(application_id, name).is_none() {
            return Err(Failure::usage(
                format!("`{name}` is not the name of an internal topic of `{application_id}`"),
                format!("they are called {application_id}-…-changelog and {application_id}-…-repartition"),
            ));
        }
        existing(name, topics)?;
    }
    let is_named =
        |candidate: &Candidate| choice.internal_topics.iter().any(|name| name == candidate.info.topic.as_str());
    Ok((candidates.into_iter().filter(is_named).collect(), Vec::new()))
}

/// The local state, or why it cannot be had.
fn state(choice: &Choice, application_id: &str) -> Result<(Option<StateToDelete>, Option<Error>)> {
    match local_state(&choice.state_dir, application_id) {
        Err(error) if error.kind() == ErrorKind::InUse => Ok((None, Some(error))),
        Err(error) => Err(error),
        Ok(None) => Ok((None, None)),
        Ok(Some(local)) => {
            let bytes = local.disk_bytes()?;
            Ok(((bytes > 0).then_some(StateToDelete { local, bytes }), None))
        }
    }
}

fn has_members(application_id: &str, members: &[GroupMember]) -> Option<Error> {
    let mut clients: Vec<&str> = members.iter().map(|member| member.client_id.as_str()).collect();
    clients.sort_unstable();
    let count = counted(members.len(), "member", "members");
    let error = Error::new(ErrorKind::InUse, format!("group `{application_id}` has {count}"));
    let hint = "stop all instances; a member whose process is gone stays until its session.timeout.ms is over, for which \
                --force waits: no log lets others remove it";
    (!members.is_empty()).then(|| error.with_detail(clients.join(", ")).with_hint(hint))
}
