//! What the tests of the whole system share: a real broker, the programs that run beside it, and what happens to them.

pub mod desk;
pub mod kafka;
pub mod peer;
pub mod plan;
pub mod topologies;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Between two looks at something that is to happen, at first and at last: a look may cost those who are to do it.
const LOOK_AGAIN_MIN: Duration = Duration::from_millis(5);
const LOOK_AGAIN_MAX: Duration = Duration::from_millis(100);

/// Waits until something is so.
///
/// # Panics
/// If it is not after `timeout`, with `what` was waited for.
pub fn until(what: &str, timeout: Duration, is_so: impl FnMut() -> bool) {
    until_or_say(what, timeout, is_so, String::new);
}

/// The same, with what else there is to see after a failure.
///
/// # Panics
/// As [`until`].
pub fn until_or_say(what: &str, timeout: Duration, mut is_so: impl FnMut() -> bool, say: impl Fn() -> String) {
    let begun = Instant::now();
    while !is_so() {
        let waited = begun.elapsed();
        assert!(waited < timeout, "waited for {timeout:?}: {what}\n{}", say());
        std::thread::sleep((waited / 10).clamp(LOOK_AGAIN_MIN, LOOK_AGAIN_MAX));
    }
}

/// Something that is so the first times that it is asked for, and then never again.
pub fn first(times: usize) -> impl Fn() -> bool + Send + Sync {
    let left = AtomicUsize::new(times);
    move || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

/// Where the programs of the workspace lie: beside this test.
///
/// # Panics
/// If the operating system does not know.
pub fn programs() -> PathBuf {
    let test = std::env::current_exe().expect("this program has a path");
    test.ancestors().nth(2).map(Path::to_owned).expect("it lies in a directory beside the programs")
}

/// A program of the workspace, such as `transit-turnstiles`. Cargo builds those of other packages only when it is asked to.
///
/// # Panics
/// If it is not built.
pub fn program(name: &str) -> PathBuf {
    let path = programs().join(name);
    assert!(
        path.exists(),
        "{} is missing: build it with `cargo build --workspace --features kstreams/kafka`",
        path.display()
    );
    path
}

/// Sends a signal, such as `STOP`, to a process.
///
/// # Panics
/// If that cannot be done.
pub fn signal(process: u32, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(process.to_string()).status();
    assert!(sent.expect("`kill` can be run").success(), "{name} cannot be sent to {process}");
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
