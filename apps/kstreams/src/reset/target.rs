//! Where the committed offsets go.

use crate::group::partitions_of;
use crate::{Failure, Session, time};
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::log::{OffsetAt, Offsets, TopicInfo};
use kstreams::record::TopicPartition;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Flags that say where reading begins again; one of them at most.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Where reading begins again")]
#[group(id = "target", multiple = false)]
pub struct TargetArgs {
    /// Read input again from its beginning; this is the default
    #[arg(long)]
    to_earliest: bool,

    /// Read only what comes from now on
    #[arg(long)]
    to_latest: bool,

    /// Read from this offset in every partition, or the nearest there is
    #[arg(long, visible_alias = "by-offset", value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    to_offset: Option<i64>,

    /// Go so many messages back (negative) or forth from what is committed
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    shift_by: Option<i64>,

    /// Read from the first message of this time on: 2026-01-31T12:00:00.000, in UTC, or with +01:00 behind it
    #[arg(long, value_name = "TIME", value_parser = time::date_time)]
    to_datetime: Option<i64>,

    /// Read from the first message that is no older than this: P7D, PT1H30M
    #[arg(long, value_name = "DURATION", value_parser = time::duration)]
    by_duration: Option<i64>,

    /// Read from the offsets in this file: lines of topic,partition,offset
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
}

/// Where reading begins again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// At an offset that the log looks up.
    At(OffsetAt),
    /// At this offset.
    Offset(i64),
    /// So many messages from what is committed.
    ShiftBy(i64),
    /// At these offsets; other partitions are left alone.
    Each(BTreeMap<TopicPartition, i64>),
}

impl TargetArgs {
    /// What the flags mean at that time.
    ///
    /// # Errors
    /// `Usage` if the file cannot be read or understood.
    pub fn target(&self, now_ms: i64) -> Result<Target, Failure> {
        let time_ms =
            self.to_datetime.or(self.by_duration.map(|duration_ms| now_ms.saturating_sub(duration_ms).max(0)));
        Ok(match (self.to_offset, self.shift_by, time_ms, &self.from_file) {
            (Some(offset), ..) => Target::Offset(offset),
            (_, Some(count), ..) => Target::ShiftBy(count),
            (_, _, Some(time_ms), _) => Target::At(OffsetAt::Timestamp(time_ms)),
            (.., Some(path)) => Target::Each(read(path).map_err(Failure::Usage)?),
            _ if self.to_latest => Target::At(OffsetAt::End),
            // `--to-earliest` says what happens without it.
            _ => Target::At(OffsetAt::Beginning),
        })
    }
}

fn read(path: &Path) -> Result<BTreeMap<TopicPartition, i64>> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::new(ErrorKind::Config, format!("{} cannot be read", path.display()))
            .with_detail(error.to_string())
            .with_source(error)
    })?;
    parse(&text).map_err(|error| error.context(format!("reading {}", path.display())))
}

fn parse(text: &str) -> Result<BTreeMap<TopicPartition, i64>> {
    let lines = text.lines().zip(1..).map(|(line, number)| (line.trim(), number)).filter(|(line, _)| !line.is_empty());
    lines.map(|(line, number)| line_of(line).map_err(|error| error.context(format!("line {number}")))).collect()
}

fn line_of(line: &str) -> Result<(TopicPartition, i64)> {
    let cells: Vec<&str> = line.split(',').map(|cell| cell.trim().trim_matches('"')).collect();
    if let [topic, partition, offset] = cells[..]
        && let (Ok(partition @ 0..), Ok(offset @ 0..)) = (partition.parse::<i32>(), offset.parse::<i64>())
        && !topic.is_empty()
    {
        return Ok((TopicPartition::new(topic, partition), offset));
    }
    Err(Error::new(ErrorKind::Config, format!("`{line}` is no offset of a partition"))
        .with_hint("a line is topic,partition,offset, such as lines,0,42"))
}

impl Target {
    /// The topics that the target itself names.
    pub fn topics(&self) -> Vec<String> {
        let Target::Each(offsets) = self else { return Vec::new() };
        let mut topics: Vec<String> = offsets.keys().map(|partition| partition.topic.as_str().to_owned()).collect();
        topics.dedup();
        topics
    }

    /// The new offset of each partition of the topics that is to have one, within what the partition holds.
    ///
    /// # Errors
    /// `NotFound` if the target names a partition that does not exist; what the log answers.
    pub fn offsets(
        &self,
        session: &Session,
        topics: &[&TopicInfo],
        committed: &Offsets,
    ) -> Result<BTreeMap<TopicPartition, i64>> {
        self.check_partitions(topics)?;
        let partitions: Vec<TopicPartition> = topics.iter().flat_map(|info| partitions_of(info)).collect();
        let ask = |at: OffsetAt| session.ask(|admin| admin.offsets(&partitions, at));
        let wanted = |partition: &TopicPartition| match self {
            Target::At(_) => None,
            Target::Offset(offset) => Some(*offset),
            Target::ShiftBy(count) => Some(committed.get(partition)?.offset.saturating_add(*count)),
            Target::Each(offsets) => offsets.get(partition).copied(),
        };
        if let Target::At(at) = self {
            return ask(*at);
        }
        let (begins, ends) = (ask(OffsetAt::Beginning)?, ask(OffsetAt::End)?);
        let within = |partition: &TopicPartition| {
            let offset = wanted(partition)?.max(*begins.get(partition)?).min(*ends.get(partition)?);
            Some((partition.clone(), offset))
        };
        Ok(partitions.iter().filter_map(within).collect())
    }

    fn check_partitions(&self, topics: &[&TopicInfo]) -> Result<()> {
        let Target::Each(offsets) = self else { return Ok(()) };
        for partition in offsets.keys() {
            let info = topics.iter().find(|info| info.topic == partition.topic);
            if let Some(info) = info.filter(|info| partition.partition >= info.partitions) {
                let sentence = format!("topic `{}` has no partition {}", partition.topic, partition.partition);
                return Err(Error::new(ErrorKind::NotFound, sentence)
                    .with_hint(format!("it has {}, numbered from 0: mend the file", info.partitions)));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_has_a_partition_a_line() {
        let offsets = parse("lines,0,42\n\n \"words\" , 1 , 7 \n").unwrap();
        assert_eq!(offsets, [(TopicPartition::new("lines", 0), 42), (TopicPartition::new("words", 1), 7)].into());
    }

    #[test]
    fn line_that_is_none_is_named() {
        for line in ["lines", "lines,0", "lines,zero,1", "lines,0,-1", "lines,-1,0", ",0,0", "lines,0,1,2"] {
            let error = parse(&format!("a,0,0\n{line}")).unwrap_err().to_string();
            assert!(error.starts_with(&format!("line 2: `{line}`")), "{error}");
        }
    }

    #[test]
    fn duration_counts_back_from_now() {
        let args = TargetArgs { by_duration: Some(1_000), ..TargetArgs::default() };
        assert_eq!(args.target(5_000).unwrap(), Target::At(OffsetAt::Timestamp(4_000)));
        assert_eq!(args.target(500).unwrap(), Target::At(OffsetAt::Timestamp(0)));
        assert_eq!(TargetArgs::default().target(0).unwrap(), Target::At(OffsetAt::Beginning));
    }
}
