//! Splitting a stream into branches.

use super::stream::{KStream, add_below, wire_simple};
use crate::error::Result;
use crate::operator::{Branch, Edge, Predicate};
use crate::topology::{StepId, WireOperator, Wiring, boxed};
use std::cell::RefCell;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

/// A stream that is being split: each record goes to the first branch whose predicate holds.
/// Kafka Streams: `org.apache.kafka.streams.kstream.BranchedKStream`. Made by [`KStream::split`].
pub struct BranchedKStream<K, V> {
    stream: KStream<K, V>,
    split: StepId,
    predicates: Rc<RefCell<Vec<Predicate<K, V>>>>,
    branches: Vec<(String, KStream<K, V>)>,
}

/// The branches of a split stream (Java: a `Map` from full names to streams).
pub struct Branches<K, V>(Vec<(String, KStream<K, V>)>);

impl<K, V> Branches<K, V> {
    /// Takes a branch by its name: the one it was given, its place from 1, or `0` for the default branch. Names do
    /// not include the split's own name.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let mut sizes = builder.stream::<i32, i32>("in").split().branch_named("large", |_, v| *v > 10).default_branch();
    /// let large = sizes.take("large").expect("the branch has that name");
    /// large.to("large");
    /// sizes.take("0").expect("there is a default branch").to("small");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50)])?;
    /// assert_eq!(driver.output("large").read_values::<i32>()?, [50]);
    /// assert_eq!(driver.output("small").read_values::<i32>()?, [5]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn take(&mut self, name: &str) -> Option<KStream<K, V>> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(at).1)
    }

    /// The branches in the order in which they were added, the default one last.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let branches = builder.stream::<i32, i32>("in").split().branch(|_, v| v % 2 == 0).default_branch();
    /// let [even, odd] = <[_; 2]>::try_from(branches.into_streams()).ok().expect("there are two branches");
    /// even.to("even");
    /// odd.to("odd");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50)])?;
    /// assert_eq!(driver.output("even").read_values::<i32>()?, [50]);
    /// assert_eq!(driver.output("odd").read_values::<i32>()?, [5]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn into_streams(self) -> Vec<KStream<K, V>> {
        self.0.into_iter().map(|(_, stream)| stream).collect()
    }
}

impl<K: Clone + 'static, V: Clone + 'static> KStream<K, V> {
    /// Splits the stream by predicates: each record goes to the first branch whose predicate holds, unchanged. Nulls reach
    /// the predicates; nothing needs to be repartitioned. `.named` on the result names the split and begins the branches'
    /// names.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let mut sizes = builder
    ///     .stream::<i32, i32>("in")
    ///     .split()
    ///     .branch_named("large", |_, v| *v > 100)
    ///     .branch_named("medium", |_, v| *v > 10)
    ///     .no_default_branch();
    /// sizes.take("large").expect("a branch").to("large");
    /// sizes.take("medium").expect("a branch").to("medium");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50), (3, 500)])?;
    /// assert_eq!(driver.output("large").read_values::<i32>()?, [500]);
    /// assert_eq!(driver.output("medium").read_values::<i32>()?, [50]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn split(self) -> BranchedKStream<K, V> {
        let predicates: Rc<RefCell<Vec<Predicate<K, V>>>> = Rc::default();
        let (parent, shared) = (self.step, predicates.clone());
        let split = self.steps.take_node(Location::caller(), move |plan, taken| {
            let name = plan.name(taken.name, "KSTREAM-BRANCH-");
            let parent = plan.output(parent);
            add_below(plan, name, vec![parent], Vec::new(), wire_branch(shared.borrow().clone()))
        });
        BranchedKStream { stream: self, split, predicates, branches: Vec::new() }
    }
}

impl<K: Clone + 'static, V: Clone + 'static> BranchedKStream<K, V> {
    /// Names the split (`Named.as`); the names of its branches begin with it.
    ///
    /// ```
    /// # use kstreams::dsl::*;
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").split().named("by-size-").branch_named("large", |_, v| *v > 10).no_default_branch();
    /// assert!(builder.build()?.describe().to_string().contains("Processor: by-size-large"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn named(self, name: &str) -> Self {
        self.stream.steps.name(self.split, name);
        self
    }

    /// A branch for the records for which the predicate holds and no earlier one did, named by its place from 1.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let mut branches = builder.stream::<i32, i32>("in").split().branch(|_, v| *v > 10).no_default_branch();
    /// branches.take("1").expect("the first branch").to("large");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50)])?;
    /// assert_eq!(driver.output("large").read_values::<i32>()?, [50]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn branch(self, predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static) -> Self {
        let place = (self.branches.len() + 1).to_string();
        self.add(Location::caller(), place, Some(Arc::new(move |key, value| Ok(predicate(key, value)))))
    }

    /// [`branch`](Self::branch) with a predicate that may fail. A record that it fails on goes to the policy for processing
    /// errors, and into no branch.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let mut branches = builder.stream::<i32, i32>("in").split().try_branch(|_, v| match v {
    ///     0.. => Ok(*v > 10),
    ///     _ => Err(kstreams::error::Error::processing("a negative amount")),
    /// }).no_default_branch();
    /// branches.take("1").expect("the first branch").to("large");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(2, 50)?;
    /// assert_eq!(driver.output("large").read_values::<i32>()?, [50]);
    /// assert_eq!(driver.input("in").pipe(2, -1).unwrap_err().message(), "a negative amount");
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn try_branch(self, predicate: impl Fn(&K, &V) -> Result<bool> + Send + Sync + 'static) -> Self {
        let place = (self.branches.len() + 1).to_string();
        self.add(Location::caller(), place, Some(Arc::new(predicate)))
    }

    /// A named branch for the records for which the predicate holds and no earlier one did (`Branched.as`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let mut branches = builder.stream::<i32, i32>("in").split().branch_named("large", |_, v| *v > 10).no_default_branch();
    /// branches.take("large").expect("the branch of that name").to("large");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50)])?;
    /// assert_eq!(driver.output("large").read_values::<i32>()?, [50]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn branch_named(self, name: &str, predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static) -> Self {
        self.add(Location::caller(), name.to_owned(), Some(Arc::new(move |key, value| Ok(predicate(key, value)))))
    }

    /// The latest branch, to continue it before the next one is added (`Branched.withConsumer`, `Branched.withFunction`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let split = builder.stream::<i32, i32>("in").split().branch(|_, v| *v > 10);
    /// split.latest().expect("a branch was added").map_values(|v| v / 10).to("large");
    /// split.default_branch();
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50)])?;
    /// assert_eq!(driver.output("large").read_values::<i32>()?, [5]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn latest(&self) -> Option<KStream<K, V>> {
        self.branches.last().map(|(_, stream)| stream.clone())
    }

    /// Ends the split with a branch for all other records, named `0`.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let mut branches = builder.stream::<i32, i32>("in").split().branch(|_, v| *v > 10).default_branch();
    /// branches.take("0").expect("the default branch").to("small");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50)])?;
    /// assert_eq!(driver.output("small").read_values::<i32>()?, [5]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn default_branch(self) -> Branches<K, V> {
        Branches(self.add(Location::caller(), "0".to_owned(), None).branches)
    }

    /// Ends the split with a named branch for all other records (`defaultBranch` with a `Branched`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let split = builder.stream::<i32, i32>("in").split().branch(|_, v| *v > 10);
    /// split.default_branch_named("small").take("small").expect("the default branch").to("small");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50)])?;
    /// assert_eq!(driver.output("small").read_values::<i32>()?, [5]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn default_branch_named(self, name: &str) -> Branches<K, V> {
        Branches(self.add(Location::caller(), name.to_owned(), None).branches)
    }

    /// Ends the split; all other records are dropped silently.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let mut branches = builder.stream::<i32, i32>("in").split().branch(|_, v| *v > 10).no_default_branch();
    /// branches.take("1").expect("the first branch").to("large");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50)])?;
    /// assert_eq!(driver.take_outputs().len(), 1);
    /// assert_eq!(driver.dropped_records(), 0);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn no_default_branch(self) -> Branches<K, V> {
        Branches(self.branches)
    }

    fn add(mut self, at: &'static Location<'static>, suffix: String, predicate: Option<Predicate<K, V>>) -> Self {
        self.predicates.borrow_mut().extend(predicate);
        let (split, ending) = (self.split, suffix.clone());
        let wire = wire_simple(|_, down: Edge<K, V>| down);
        let step = self.stream.steps.take_node(at, move |plan, _| {
            plan.generate("KSTREAM-BRANCHCHILD-");
            let name = format!("{}{ending}", plan.output_name(split));
            plan.checked(Some(&name));
            let parent = plan.output(split);
            add_below(plan, name, vec![parent], Vec::new(), wire.clone())
        });
        let branch = KStream::new(self.stream.steps.clone(), step, self.stream.key_changed);
        self.branches.push((suffix, branch));
        self
    }
}

/// The branches are the node's children in order; one more than predicates is the default.
fn wire_branch<K: Clone + 'static, V: Clone + 'static>(predicates: Vec<Predicate<K, V>>) -> WireOperator {
    Arc::new(move |wiring: &Wiring<'_>, id| {
        let mut edges = wiring.children::<K, V>(id).into_iter().map(|(_, edge)| edge);
        let branches = predicates.iter().cloned().zip(edges.by_ref()).collect();
        let otherwise = edges.next();
        Ok(boxed::<K, V>(Rc::new(Branch { branches, otherwise, node: wiring.node(id) })))
    })
}
