//! How many bytes the caches of one thread may hold.

use std::cell::Cell;
use std::rc::Rc;

/// The bytes that the caches of one thread may hold, shared by all its stores through `Rc`.
///
/// There are two: one for record caches, which hold updates back (`statestore.cache.max.bytes` divided by the threads),
/// and one for decoded rows of stores that hold nothing back. The second cannot be observed from outside except as
/// speed, so it does not take part in the first.
#[derive(Debug)]
pub struct CacheBudget {
    records: Rc<Allowance>,
    reads: Rc<Allowance>,
}

impl CacheBudget {
    /// A budget of `record_cache_bytes` for updates held back, 0 meaning that none is, and of `read_cache_bytes` for
    /// decoded rows.
    ///
    /// ```
    /// use kstreams::store::CacheBudget;
    ///
    /// let budget = CacheBudget::new(10 * 1024 * 1024, 4 * 1024 * 1024);
    /// assert_eq!(budget.record_cache_bytes_used(), 0);
    /// ```
    pub fn new(record_cache_bytes: usize, read_cache_bytes: usize) -> Rc<Self> {
        let allowance = |max_bytes| Rc::new(Allowance { max_bytes: Cell::new(max_bytes), used_bytes: Cell::new(0) });
        Rc::new(CacheBudget { records: allowance(record_cache_bytes), reads: allowance(read_cache_bytes) })
    }

    /// Bytes that record caches hold now.
    pub fn record_cache_bytes_used(&self) -> usize {
        self.records.used_bytes.get()
    }

    /// Another share for record caches: what is over it goes with the next update. Caching is not switched on or off by it.
    pub(crate) fn resize(&self, record_cache_bytes: usize) {
        if self.holds_back() {
            self.records.max_bytes.set(record_cache_bytes.max(1));
        }
    }

    /// Whether updates are held back at all.
    pub(in crate::store) fn holds_back(&self) -> bool {
        self.records.max_bytes.get() > 0
    }

    pub(in crate::store) fn records(&self) -> Rc<Allowance> {
        self.records.clone()
    }

    pub(in crate::store) fn reads(&self) -> Rc<Allowance> {
        self.reads.clone()
    }
}

/// One of the two budgets.
#[derive(Debug)]
pub(in crate::store) struct Allowance {
    max_bytes: Cell<usize>,
    used_bytes: Cell<usize>,
}

impl Allowance {
    pub(super) fn replace(&self, freed_bytes: usize, taken_bytes: usize) {
        self.used_bytes.set(self.used_bytes.get() + taken_bytes - freed_bytes);
    }

    /// Whether more is used than allowed.
    pub(super) fn is_exceeded(&self) -> bool {
        self.used_bytes.get() > self.max_bytes.get()
    }

    /// Whether nothing is allowed.
    pub(super) fn is_nothing(&self) -> bool {
        self.max_bytes.get() == 0
    }
}
