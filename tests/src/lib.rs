//! What the tests of the whole system share: a real broker, the programs that run beside it, and what happens to them.

pub mod desk;
pub mod kafka;
pub mod peer;
pub mod plan;
pub mod topologies;

use std::io::Write;
use std::time::{Duration, Instant};

/// Between two looks at something that is to happen.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Waits until something is so.
///
/// # Panics
/// If it is not after `timeout`, with `what` was waited for.
pub fn until(what: &str, timeout: Duration, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < timeout, "waited for {timeout:?}: {what}");
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// Says that this test was skipped because something is not installed, past the test harness, which keeps the output of
/// tests that pass; `scripts/test` counts these lines. The test is to return then.
///
/// # Panics
/// If `$CI` is set: nothing may be missing there.
pub fn skip(what: &str, why: &str) {
    let current = std::thread::current();
    let test = current.name().unwrap_or("a test");
    assert!(std::env::var_os("CI").is_none(), "`{test}` must not be skipped in CI: {why}");
    drop(writeln!(std::io::stderr(), "test {test} ... skipped, it needs {what}: {why}"));
}
