//! Many seeds on all cores.

use super::Simulation;
use super::failure::{Failure, Finding, Shortened};
use super::run::Ran;
use super::wording::counted;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Many runs without a finding.
///
/// ```
#[doc = counting!()]
/// let held = simulation().check(0..5).unwrap_or_else(|failure| panic!("{failure}"));
/// assert!(held.to_string().starts_with("5 seeds held, with ")); // and so many events
/// assert!(held.empty_outputs.is_empty()); // something came to every output
/// # Ok::<(), kstreams::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Seeds that ran.
    pub seeds: u64,
    /// The events of all runs.
    pub events: u64,
    /// Outputs that are compared, but were empty in the undisturbed run of every seed: nothing was shown of them.
    pub empty_outputs: BTreeSet<String>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seeds, events) = (counted(self.seeds as usize, "seed"), counted(self.events as usize, "event"));
        write!(f, "{seeds} held, with {events}")?;
        self.empty_outputs.iter().try_for_each(|topic| {
            write!(f, "; nothing was ever written to `{topic}`, so that nothing was compared there")
        })
    }
}

impl Summary {
    fn add(&mut self, ran: &Ran, empty_outputs: BTreeSet<String>) {
        match self.seeds {
            0 => self.empty_outputs = empty_outputs,
            _ => self.empty_outputs.retain(|topic| empty_outputs.contains(topic)),
        }
        self.seeds += 1;
        self.events += ran.events;
    }
}

/// Seeds that several threads run.
struct Search<'a> {
    simulation: &'a Simulation,
    seeds: Range<u64>,
    progress: &'a (dyn Fn(Summary) + Sync),
    next: AtomicU64,
    stops: AtomicBool,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    held: Summary,
    /// The lowest seed, if it held.
    first: Option<Ran>,
    failure: Option<Box<Failure>>,
}

impl Simulation {
    /// Runs many seeds on all cores.
    ///
    /// # Errors
    /// The finding of the lowest seed of those that were under way when the first one failed.
    ///
    /// ```
    #[doc = counting!()]
    /// let held = simulation().check(0..10).unwrap_or_else(|failure| panic!("{failure}"));
    /// assert_eq!(held.seeds, 10);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn check(&self, seeds: Range<u64>) -> Result<Summary, Box<Failure>> {
        self.check_with(seeds, &|_| {})
    }

    /// [`check`](Self::check) that tells how far it is after every run, from any thread.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    ///
    /// ```
    #[doc = counting!()]
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// # use kstreams::testing::simulation::Summary;
    /// let seen = AtomicU64::new(0);
    /// let progress = |so_far: Summary| _ = seen.fetch_max(so_far.seeds, Ordering::Relaxed);
    /// simulation().check_with(100..110, &progress).unwrap_or_else(|failure| panic!("{failure}"));
    /// assert_eq!(seen.into_inner(), 10);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn check_with(&self, seeds: Range<u64>, progress: &(dyn Fn(Summary) + Sync)) -> Result<Summary, Box<Failure>> {
        let search = Search {
            simulation: self,
            next: AtomicU64::new(seeds.start),
            seeds,
            progress,
            stops: AtomicBool::new(false),
            found: Mutex::default(),
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| (0..cores).for_each(|_| _ = scope.spawn(|| search.work())));
        let Found { held, first, failure } = search.found.into_inner().unwrap_or_else(PoisonError::into_inner);
        match (failure, first) {
            (Some(failure), _) => Err(self.once_more(failure)),
            (None, Some(first)) => self.check_course(&first).map(|()| held),
            (None, None) => Ok(held),
        }
    }

    /// The same failure, shortened.
    fn once_more(&self, mut failure: Box<Failure>) -> Box<Failure> {
        self.run(failure.seed).err().unwrap_or_else(|| {
            failure.finding = failure.finding.unsteady();
            failure
        })
    }

    /// Another run of a seed that held takes the same course.
    fn check_course(&self, first: &Ran) -> Result<(), Box<Failure>> {
        let again = self.try_run(first.seed)?;
        if again.hash == first.hash {
            return Ok(());
        }
        let (seed, finding) = (first.seed, Finding::of_two_courses(first.hash, again.hash));
        let (actions, shortened) = (self.schedule(seed).action_count(), Shortened::default());
        Err(Box::new(Failure { seed, finding, hash: first.hash, actions, shortened, is_of_seed: true }))
    }
}

impl Search<'_> {
    /// Takes one seed after the other, until there is none, or one has failed.
    fn work(&self) {
        while !self.stops.load(Ordering::Relaxed) {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            if seed >= self.seeds.end {
                return;
            }
            match self.simulation.told(seed, &self.simulation.schedule(seed)) {
                Ok((ran, empty_outputs)) => self.held(ran, empty_outputs),
                Err(failure) => self.failed(failure),
            }
        }
    }

    fn held(&self, ran: Ran, empty_outputs: BTreeSet<String>) {
        let mut found = self.found();
        found.held.add(&ran, empty_outputs);
        (self.progress)(found.held.clone());
        if ran.seed == self.seeds.start {
            found.first = Some(ran);
        }
    }

    fn failed(&self, failure: Box<Failure>) {
        self.stops.store(true, Ordering::Relaxed);
        let mut found = self.found();
        if found.failure.as_ref().is_none_or(|known| failure.seed < known.seed) {
            found.failure = Some(failure);
        }
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Compare, FindingKind, InputRecord};
    use super::*;
    use crate::config::Config;
    use crate::dsl::StreamsBuilder;
    use std::sync::Arc;
    use std::sync::atomic::AtomicI64;

    fn config() -> Config {
        Config::new("copy", "embedded:").exactly_once()
    }

    #[test]
    fn output_that_nothing_is_written_to_is_told() {
        let builder = StreamsBuilder::new();
        let rides = builder.stream::<i64, i64>("rides");
        rides.clone().filter(|_, length| *length > 100).to("long");
        rides.clone().filter(|_, length| *length > 8).to("rather-long");
        rides.filter(|_, length| *length > 200).to("very-long");
        let held = Simulation::new(&builder.build().unwrap(), config())
            .topic("rides", 1)
            .output("long", 1, Compare::InOrder)
            .output("rather-long", 1, Compare::InOrder)
            .output("very-long", 1, Compare::Nothing)
            // One that is rather long, now and then.
            .input("rides", |random| vec![InputRecord::new(1_i64, random.between(0, 9), 0)])
            .steps(50)
            .check(0..40)
            .unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(held.empty_outputs, BTreeSet::from(["long".to_owned()]));
        let said = held.to_string();
        assert!(said.starts_with("40 seeds held, with "), "{said}");
        assert!(said.ends_with("; nothing was ever written to `long`, so that nothing was compared there"), "{said}");
    }

    #[test]
    fn topology_with_a_course_of_its_own_is_found_out() {
        let (builder, seen) = (StreamsBuilder::new(), Arc::new(AtomicI64::new(0)));
        let number = move |_: i64| seen.fetch_add(1, Ordering::Relaxed);
        builder.stream::<i64, i64>("rides").map_values(number).to("numbered");
        let simulation = |compare| {
            Simulation::new(&builder.build().unwrap(), config())
                .topic("rides", 1)
                .output("numbered", 1, compare)
                .input("rides", |_| vec![InputRecord::new(1_i64, 1_i64, 0)])
        };
        let failure = simulation(Compare::Nothing).check(0..3).expect_err("each run has other numbers");
        assert_eq!((failure.seed(), failure.finding().kind()), (0, &FindingKind::NotDeterministic));
        let failure = simulation(Compare::InOrder).check(0..3).expect_err("each run has other numbers");
        assert!(failure.to_string().contains("it took another course"), "{failure}");
    }
}
