//! What topics a topology needs: how many partitions its internal topics get, and whether its inputs fit together.
//!
//! Pure arithmetic over the blueprint and the partition counts that the log reports; asks nothing and creates nothing.

use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::log::{NewTopic, TopicConfig};
use crate::record::{TaskId, Topic, TopicPartition};
use crate::store::Changelog;
use crate::topology::{Blueprint, NodeId, NodeKind, RepartitionTopic, SinkTarget, Subscription, Subtopology};
use std::collections::{BTreeMap, BTreeSet};

/// The topics of one topology, as far as the log's own topics decide them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct TopicPlan {
    /// The source topics of each sub-topology with tasks, patterns resolved.
    pub(crate) sources: BTreeMap<u32, BTreeSet<Topic>>,
    /// The number of tasks of each sub-topology.
    pub(crate) tasks: BTreeMap<u32, i32>,
    /// Topics of the application's own, to be created if they do not exist.
    pub(crate) internal: Vec<NewTopic>,
    /// The topics of global tables.
    pub(crate) globals: BTreeSet<Topic>,
}

impl TopicPlan {
    /// Plans the topics of a topology over the topics that exist.
    ///
    /// # Errors
    /// `NotFound` if an input does not exist (yet); `Topology` if partition counts do not fit together.
    pub(crate) fn new(blueprint: &Blueprint, config: &Config, known: &BTreeMap<Topic, i32>) -> Result<Self> {
        let planner = Planner { blueprint, config, application_id: &config.application_id };
        planner.require_inputs(known)?;
        let sources = planner.sources(known);
        let repartition = planner.repartition_counts(&sources, known)?;
        let mut counts = known.clone();
        counts.extend(repartition.iter().map(|(topic, count)| (topic.clone(), *count)));
        planner.check_copartitioning(&counts)?;
        let tasks = planner.tasks(&sources, &counts)?;
        let mut internal = planner.repartition_topics(&repartition)?;
        internal.extend(planner.changelogs(&tasks)?);
        Ok(TopicPlan { sources, tasks, internal, globals: planner.globals() })
    }

    /// What a consumer of the application subscribes to, in order.
    pub(crate) fn subscription(&self) -> Vec<Topic> {
        self.sources.values().flatten().cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The task that reads a partition.
    pub(crate) fn task_of(&self, partition: &TopicPartition) -> Option<TaskId> {
        let (&subtopology, _) = self.sources.iter().find(|(_, topics)| topics.contains(&partition.topic))?;
        Some(TaskId { subtopology, partition: partition.partition })
    }

    /// The partitions that a task reads.
    pub(crate) fn partitions_of(&self, task: TaskId) -> BTreeSet<TopicPartition> {
        let topics = self.sources.get(&task.subtopology).into_iter().flatten();
        topics.map(|topic| TopicPartition::new(topic.as_str(), task.partition)).collect()
    }
}

/// The topics that sources and global tables name and the program does not make itself.
pub(crate) fn input_topics(blueprint: &Blueprint, application_id: &str) -> BTreeSet<Topic> {
    let named = blueprint.subtopologies.iter().flat_map(|subtopology| subtopology.source_topics(&blueprint.nodes));
    let external = named.filter(|topic| !topic.internal).map(|topic| topic.full(application_id));
    external.chain(blueprint.globals.iter().map(|global| global.topic.full(application_id))).collect()
}

/// The topics that sinks of the topology name.
pub(crate) fn sink_topics(blueprint: &Blueprint, application_id: &str) -> BTreeSet<Topic> {
    let targets = blueprint.nodes.iter().filter_map(|node| match &node.kind {
        NodeKind::Sink(SinkTarget::Topic(topic), _) => Some(topic.full(application_id)),
        _ => None,
    });
    targets.collect()
}

struct Planner<'a> {
    blueprint: &'a Blueprint,
    config: &'a Config,
    application_id: &'a str,
}

impl Planner<'_> {
    fn with_tasks(&self) -> impl Iterator<Item = &Subtopology> {
        self.blueprint.subtopologies.iter().filter(|subtopology| !subtopology.is_global)
    }

    fn globals(&self) -> BTreeSet<Topic> {
        self.blueprint.globals.iter().map(|global| global.topic.full(self.application_id)).collect()
    }

    /// Every topic that the program reads by name and does not write itself must be there.
    fn require_inputs(&self, known: &BTreeMap<Topic, i32>) -> Result<()> {
        let named = input_topics(self.blueprint, self.application_id);
        let missing: BTreeSet<Topic> = named.into_iter().filter(|topic| !known.contains_key(topic)).collect();
        missing_topics(&missing, "reads")
    }

    fn sources(&self, known: &BTreeMap<Topic, i32>) -> BTreeMap<u32, BTreeSet<Topic>> {
        let globals = self.globals();
        let topics = |subscription: &Subscription| -> Vec<Topic> {
            match subscription {
                Subscription::Topics(names) => names.iter().map(|name| name.full(self.application_id)).collect(),
                Subscription::Pattern(pattern) => {
                    known.keys().filter(|topic| pattern.is_match(topic.as_str())).cloned().collect()
                }
            }
        };
        let of = |subtopology: &Subtopology| {
            let topics: BTreeSet<Topic> = subtopology.subscriptions(&self.blueprint.nodes).flat_map(topics).collect();
            (subtopology.id, topics.difference(&globals).cloned().collect())
        };
        self.with_tasks().map(of).collect()
    }

    /// The partition counts of repartition topics: as given, else as many as the topics above have; those that are
    /// joined follow the other side.
    fn repartition_counts(
        &self,
        sources: &BTreeMap<u32, BTreeSet<Topic>>,
        known: &BTreeMap<Topic, i32>,
    ) -> Result<BTreeMap<Topic, i32>> {
        let mut counts: BTreeMap<Topic, i32> = BTreeMap::new();
        let topics = &self.blueprint.repartition_topics;
        let name = |topic: &RepartitionTopic| topic.topic.full(self.application_id);
        let own: BTreeSet<Topic> = topics.iter().map(name).collect();
        let externals: BTreeMap<Topic, i32> = known
            .iter()
            .filter(|(topic, _)| !own.contains(topic))
            .map(|(topic, count)| (topic.clone(), *count))
            .collect();
        counts.extend(topics.iter().filter_map(|topic| Some((name(topic), topic.partitions?))));
        // Each round decides at least one topic, or none can be decided any more.
        for _ in 0..=topics.len() {
            let before = counts.len();
            self.follow_joined(&externals, &mut counts, &own);
            for topic in topics {
                if !counts.contains_key(&name(topic))
                    && let Some(count) = self.count_above(topic, sources, &externals, &counts)
                {
                    counts.insert(name(topic), count);
                    self.follow_joined(&externals, &mut counts, &own);
                }
            }
            if counts.len() == before {
                break;
            }
        }
        match own.iter().find(|topic| !counts.contains_key(topic)) {
            None => Ok(counts),
            Some(topic) => Err(Error::new(
                ErrorKind::Topology,
                format!("nothing decides how many partitions repartition topic `{topic}` has"),
            )
            .with_hint("give the number with `Repartitioned::number_of_partitions`")),
        }
    }

    /// The most partitions of the topics that the writing sub-topology reads; `None` while one of them is undecided.
    fn count_above(
        &self,
        topic: &RepartitionTopic,
        sources: &BTreeMap<u32, BTreeSet<Topic>>,
        externals: &BTreeMap<Topic, i32>,
        counts: &BTreeMap<Topic, i32>,
    ) -> Option<i32> {
        let writer = self.with_tasks().find(|subtopology| subtopology.nodes.contains(&topic.sink))?;
        let above = sources.get(&writer.id)?;
        let counted = above.iter().map(|topic| externals.get(topic).or_else(|| counts.get(topic)).copied());
        counted.collect::<Option<Vec<i32>>>()?.into_iter().max()
    }

    /// Undecided repartition topics of a join take the count of what they are joined with.
    fn follow_joined(
        &self,
        externals: &BTreeMap<Topic, i32>,
        counts: &mut BTreeMap<Topic, i32>,
        own: &BTreeSet<Topic>,
    ) {
        for (a, b) in &self.blueprint.copartitioned {
            let joined: BTreeSet<Topic> = self.topics_above(*a).into_iter().chain(self.topics_above(*b)).collect();
            let decided = joined.iter().find_map(|topic| externals.get(topic).or_else(|| counts.get(topic)).copied());
            let Some(count) = decided else { continue };
            for topic in joined.iter().filter(|topic| own.contains(topic)) {
                counts.entry(topic.clone()).or_insert(count);
            }
        }
    }

    /// The topics of the sources above a node.
    fn topics_above(&self, node: NodeId) -> BTreeSet<Topic> {
        let (mut waiting, mut topics) = (vec![node], BTreeSet::new());
        while let Some(id) = waiting.pop() {
            let node = self.blueprint.node(id);
            waiting.extend(&node.parents);
            if let Some(Subscription::Topics(names)) = node.source().map(|source| &source.subscription) {
                topics.extend(names.iter().map(|name| name.full(self.application_id)));
            }
        }
        topics
    }

    fn check_copartitioning(&self, counts: &BTreeMap<Topic, i32>) -> Result<()> {
        for (a, b) in &self.blueprint.copartitioned {
            let joined = self.topics_above(*a).into_iter().chain(self.topics_above(*b)).collect();
            equal_count(&joined, counts).map_err(|numbers| {
                Error::new(ErrorKind::Topology, "topics that are joined have different numbers of partitions")
                    .with_detail(numbers)
                    .with_hint("repartition one of them, or create them with equal numbers")
            })?;
        }
        Ok(())
    }

    fn tasks(
        &self,
        sources: &BTreeMap<u32, BTreeSet<Topic>>,
        counts: &BTreeMap<Topic, i32>,
    ) -> Result<BTreeMap<u32, i32>> {
        let of = |(&id, topics): (&u32, &BTreeSet<Topic>)| match equal_count(topics, counts) {
            Ok(count) => Ok((id, count)),
            Err(numbers) => {
                let sentence = format!("the topics of sub-topology {id} have different numbers of partitions");
                Err(Error::new(ErrorKind::Topology, sentence)
                    .with_detail(numbers)
                    .with_hint("repartition one of them, or create them with equal numbers"))
            }
        };
        sources.iter().map(of).collect()
    }

    fn repartition_topics(&self, counts: &BTreeMap<Topic, i32>) -> Result<Vec<NewTopic>> {
        let defaults = [
            ("cleanup.policy", "delete"),
            ("segment.bytes", "52428800"),
            ("retention.ms", "-1"),
            ("message.timestamp.type", "CreateTime"),
        ];
        let make = |(topic, count): (&Topic, &i32)| {
            let defaults = defaults.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            self.new_topic(topic.clone(), *count, defaults.collect(), &BTreeMap::new())
        };
        counts.iter().map(make).collect()
    }

    fn changelogs(&self, tasks: &BTreeMap<u32, i32>) -> Result<Vec<NewTopic>> {
        let mut topics = Vec::new();
        for subtopology in self.with_tasks() {
            let Some(&count) = tasks.get(&subtopology.id).filter(|count| **count > 0) else { continue };
            let stores = subtopology.stores.iter().filter(|name| !self.blueprint.is_global(name));
            for store in stores.filter_map(|name| self.blueprint.store(name)) {
                let spec = store.spec();
                if let (Changelog::Own(settings), Some(topic)) =
                    (&spec.changelog, spec.changelog_topic(self.application_id))
                {
                    let additional_ms = self.config.windowstore_changelog_additional_retention_ms;
                    topics.push(self.new_topic(topic, count, spec.changelog_config(additional_ms), settings)?);
                }
            }
        }
        Ok(topics)
    }

    /// Defaults give way to `topic.*` of the configuration, and these to what the store itself asks for.
    fn new_topic(
        &self,
        topic: Topic,
        partitions: i32,
        mut entries: BTreeMap<String, String>,
        own: &BTreeMap<String, String>,
    ) -> Result<NewTopic> {
        entries.extend(self.config.topic_configs.clone());
        entries.extend(own.clone());
        let config = TopicConfig::from_entries(entries.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
        let replication = Some(self.config.replication_factor).filter(|copies| *copies > 0);
        Ok(NewTopic { topic, partitions, replication, config })
    }
}

/// The one count of these topics, 0 if there are none; else their counts in words.
fn equal_count(topics: &BTreeSet<Topic>, counts: &BTreeMap<Topic, i32>) -> Result<i32, String> {
    let counted: Vec<(&Topic, i32)> = topics.iter().filter_map(|topic| Some((topic, *counts.get(topic)?))).collect();
    let first = counted.first().map_or(0, |(_, count)| *count);
    if counted.iter().all(|(_, count)| *count == first) {
        return Ok(first);
    }
    Err(counted.iter().map(|(topic, count)| format!("`{topic}` has {count}")).collect::<Vec<_>>().join(", "))
}

/// The error about topics that ought to exist.
///
/// # Errors
/// `NotFound` with their names, unless there are none.
pub(crate) fn missing_topics(missing: &BTreeSet<Topic>, what_for: &str) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = missing.iter().map(|topic| format!("`{topic}`")).collect();
    let (topics, exist) = if names.len() == 1 { ("topic", "does") } else { ("topics", "do") };
    Err(Error::new(
        ErrorKind::NotFound,
        format!("the {topics} {} that the topology {what_for} {exist} not exist", names.join(", ")),
    )
    .with_hint("create them first"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsl::{Consumed, Repartitioned, StreamsBuilder};
    use crate::topology::Topology;

    fn plan(topology: &Topology, known: &[(&str, i32)]) -> Result<TopicPlan> {
        let config = Config::new("app", "embedded:");
        let known = known.iter().map(|(topic, count)| (Topic::from(topic), *count)).collect();
        TopicPlan::new(&topology.configured(&config), &config, &known)
    }

    fn internal(plan: &TopicPlan) -> Vec<(&str, i32)> {
        plan.internal.iter().map(|topic| (topic.topic.as_str(), topic.partitions)).collect()
    }

    #[test]
    fn repartition_topic_has_as_many_partitions_as_what_is_above_and_so_have_the_tasks_below() {
        let builder = StreamsBuilder::new();
        builder.stream::<String, String>("in").group_by(|_, v| v.clone()).count("counts");
        let plan = plan(&builder.build().unwrap(), &[("in", 3)]).unwrap();
        assert_eq!(internal(&plan), [("app-counts-repartition", 3), ("app-counts-changelog", 3)]);
        assert_eq!(plan.tasks, BTreeMap::from([(0, 3), (1, 3)]));
        let task = TaskId { subtopology: 1, partition: 2 };
        let partition = TopicPartition::new("app-counts-repartition", 2);
        assert_eq!(plan.task_of(&partition), Some(task));
        assert_eq!(plan.partitions_of(task), BTreeSet::from([partition]));
        assert_eq!(plan.internal[0].config.entries()["cleanup.policy"], "delete");
        assert_eq!(plan.internal[1].config.entries()["cleanup.policy"], "compact");
    }

    #[test]
    fn repartition_topic_follows_what_it_is_joined_with() {
        let builder = StreamsBuilder::new();
        let table = builder.table::<String, String>("stations");
        let rides = builder.stream::<String, String>("rides").select_key(|_, v| v.clone());
        rides.join(&table, |_, station: String| station).to("out");
        let plan = plan(&builder.build().unwrap(), &[("rides", 2), ("stations", 5), ("out", 1)]).unwrap();
        assert!(internal(&plan).iter().any(|(topic, count)| topic.ends_with("-repartition") && *count == 5));
    }

    #[test]
    fn given_number_of_partitions_wins_and_may_contradict_a_join() {
        let builder = StreamsBuilder::new();
        let repartitioned = Repartitioned::named("by-line").number_of_partitions(7);
        let lines = builder.stream::<String, String>("rides").repartition_with(repartitioned);
        let table = builder.table::<String, String>("stations");
        lines.join(&table, |_, station: String| station).to("out");
        let topology = builder.build().unwrap();
        assert!(plan(&topology, &[("rides", 2), ("stations", 7)]).is_ok());
        let error = plan(&topology, &[("rides", 2), ("stations", 5)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Topology);
        assert!(error.detail().unwrap().contains("`app-by-line-repartition` has 7"), "{error}");
    }

    #[test]
    fn pattern_is_resolved_to_the_topics_that_exist() {
        let builder = StreamsBuilder::new();
        builder.stream::<String, String>(Consumed::pattern("a\\..*")).for_each(|_, _| {});
        let topology = builder.build().unwrap();
        let topics = |known| plan(&topology, known).unwrap().subscription();
        assert_eq!(topics(&[("a.x", 1), ("b.x", 1), ("a.y", 1)]), [Topic::from("a.x"), Topic::from("a.y")]);
        assert!(topics(&[("b.x", 1)]).is_empty());
    }

    #[test]
    fn every_missing_input_is_named() {
        let builder = StreamsBuilder::new();
        builder.stream::<String, String>("one").for_each(|_, _| {});
        builder.global_table::<String, String>("two", "rows");
        let error = plan(&builder.build().unwrap(), &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.message().contains("`one`, `two`"), "{error}");
    }
}
