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
    pub fn check(&self, seeds: Range<u64>) -> Result<Summary, Box<Failure>> {
        self.check_with(seeds, &|_| {})
    }

    /// [`check`](Self::check) that tells how far it is after every run, from any thread.
    ///
    /// # Errors
    /// As [`check`](Self::check).
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
        Err(Box::new(Failure { seed, finding, hash: first.hash, actions, shortened }))
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
