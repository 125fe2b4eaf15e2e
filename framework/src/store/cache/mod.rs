//! The typed cache.
use std::rc::Rc;

/// The bytes that the caches of one thread may hold, shared by its stores.
#[derive(Debug)]
pub struct CacheBudget {}

impl CacheBudget {
    /// A budget of `record_cache_bytes` for updates held back (`statestore.cache.max.bytes` divided by the threads;
    /// 0 forwards every update at once) and `read_cache_bytes` for decoded rows of stores without caching.
    pub fn new(record_cache_bytes: usize, read_cache_bytes: usize) -> Rc<Self> {
        let _ = (record_cache_bytes, read_cache_bytes);
        todo!()
    }
}
