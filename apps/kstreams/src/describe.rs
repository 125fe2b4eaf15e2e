//! `kstreams describe`: what the log knows of an application.

use crate::group::{self, GroupView, Member, Position};
use crate::internal::{self, InternalKind};
use crate::output::{self, Side, Table, counted};
use crate::{ConnectionArgs, Failure, Session};
use kstreams::error::Result;
use kstreams::log::TopicConfig;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;

/// The settings that decide how long an internal topic keeps what.
const SETTINGS: &[&str] = &[
    "cleanup.policy",
    "retention.ms",
    "retention.bytes",
    "min.compaction.lag.ms",
    "delete.retention.ms",
    "segment.bytes",
    "message.timestamp.type",
];

/// Flags of `kstreams describe`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
An application's internal topics are those whose names begin with its application.id and end with `-changelog` or \
`-repartition`. They exist once it has started on the log. The topology itself is printed by the running application, \
under /topology of its `kstreams.http.listen`.")]
pub struct Args {
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Debug, Serialize)]
struct Description {
    application_id: String,
    log: String,
    /// Whether there is a group of that name.
    has_group: bool,
    generation: Option<i32>,
    members: Vec<Member>,
    internal_topics: Vec<InternalTopic>,
    lag: i64,
    partitions: Vec<Position>,
}

#[derive(Debug, Serialize)]
struct InternalTopic {
    topic: String,
    kind: InternalKind,
    partitions: i32,
    config: BTreeMap<String, String>,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let session = args.connection.open()?;
    let description = describe(&session)?;
    if !description.has_group && description.internal_topics.is_empty() {
        return Err(group::unknown(&session));
    }
    if args.connection.application.json { output::json(&description, out) } else { print(&description, out) }
}

fn describe(session: &Session) -> Result<Description> {
    let topics = session.ask(|admin| admin.topics())?;
    let groups = session.ask(|admin| admin.groups())?;
    let group = group::find(session)?;
    let view = group.as_ref().map(|group| GroupView::of(session, group, &topics)).transpose()?;
    let own = internal::candidates(session.application_id(), &topics, &groups);
    let own = own.into_iter().filter(|candidate| candidate.rather_of.is_none());
    let internal_topics = own.map(|candidate| {
        let config = session.ask(|admin| admin.describe_topic(&candidate.info.topic))?;
        Ok(InternalTopic {
            topic: candidate.info.topic.as_str().to_owned(),
            kind: candidate.kind,
            partitions: candidate.info.partitions,
            config: settings(&config),
        })
    });
    let has_group = view.is_some();
    let view = view.unwrap_or(GroupView { generation: None, members: Vec::new(), positions: Vec::new() });
    Ok(Description {
        application_id: session.application_id().to_owned(),
        log: session.url(),
        has_group,
        generation: view.generation,
        internal_topics: internal_topics.collect::<Result<_>>()?,
        lag: view.lag(),
        members: view.members,
        partitions: view.positions,
    })
}

fn settings(config: &TopicConfig) -> BTreeMap<String, String> {
    config.entries().into_iter().filter(|(key, _)| SETTINGS.contains(&key.as_str())).collect()
}

fn print(description: &Description, out: &mut dyn Write) -> Result<(), Failure> {
    let group = match (description.has_group, description.generation) {
        (false, _) => String::from("none yet: nothing is committed"),
        (true, None) => counted(description.members.len(), "member", "members"),
        (true, Some(generation)) => {
            format!("generation {generation}, {}", counted(description.members.len(), "member", "members"))
        }
    };
    writeln!(
        out,
        "application  {}\nlog          {}\ngroup        {group}",
        description.application_id, description.log
    )?;
    if !description.members.is_empty() {
        writeln!(out)?;
        print_members(&description.members, out)?;
    }
    writeln!(out)?;
    print_internal(&description.internal_topics, out)?;
    if description.has_group {
        writeln!(out)?;
        let positions = description.partitions.clone();
        GroupView { generation: None, members: Vec::new(), positions }.print_positions(out)?;
    }
    Ok(())
}

fn print_members(members: &[Member], out: &mut dyn Write) -> Result<(), Failure> {
    let mut table = Table::new([("CLIENT", Side::Left), ("MEMBER", Side::Left), ("PARTITIONS", Side::Left)]);
    for member in members {
        let partitions = if member.partitions.is_empty() { String::from("-") } else { member.partitions.join(" ") };
        table.row([member.client_id.clone(), member.member.clone(), partitions]);
    }
    table.print(out)
}

fn print_internal(topics: &[InternalTopic], out: &mut dyn Write) -> Result<(), Failure> {
    if topics.is_empty() {
        return Ok(writeln!(out, "no internal topics: the topology needs none, or has not started yet")?);
    }
    let mut table = Table::new([
        ("INTERNAL TOPIC", Side::Left),
        ("KIND", Side::Left),
        ("PARTITIONS", Side::Right),
        ("CONFIGURATION", Side::Left),
    ]);
    for topic in topics {
        let config: Vec<String> = in_short(&topic.config).map(|(key, value)| format!("{key}={value}")).collect();
        table.row([topic.topic.clone(), topic.kind.to_string(), topic.partitions.to_string(), config.join(" ")]);
    }
    table.print(out)
}

/// The settings that mean something together: a topic that only compacts has no retention.
fn in_short(config: &BTreeMap<String, String>) -> impl Iterator<Item = (&String, &String)> {
    let policy = config.get("cleanup.policy").map_or("", String::as_str);
    let (compacts, deletes) = (policy.contains("compact"), policy.contains("delete"));
    config.iter().filter(move |(key, value)| match key.as_str() {
        "retention.ms" => deletes,
        "retention.bytes" => deletes && *value != "-1",
        "delete.retention.ms" => compacts,
        "min.compaction.lag.ms" => compacts && *value != "0",
        "message.timestamp.type" => *value != "CreateTime",
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_an_effect_is_printed() {
        let short = |entries: &[(&str, &str)]| {
            let config = settings(&TopicConfig::from_entries(entries.iter().copied()).unwrap());
            in_short(&config).map(|(key, _)| key.clone()).collect::<Vec<_>>()
        };
        let all =
            [("retention.ms", "7"), ("delete.retention.ms", "7"), ("min.compaction.lag.ms", "0"), ("flush.ms", "1")];
        assert_eq!(
            short(&[&all[..], &[("cleanup.policy", "compact")]].concat()),
            ["cleanup.policy", "delete.retention.ms"]
        );
        assert_eq!(short(&[&all[..], &[("cleanup.policy", "delete")]].concat()), ["cleanup.policy", "retention.ms"]);
    }
}
