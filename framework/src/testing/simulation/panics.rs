//! Panics as findings: told with their seed, without the report that every panic prints.
//!
//! The report is printed by the panic hook, of which a process has one. While something runs here, a hook of ours stands in
//! its place: it is silent about what is caught here, and leaves every other panic to the hook that was there before.
//! That one is put back when the last run is over. Whoever sets another one meanwhile keeps it, but should rather do so before.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A panic hook that is shared with the one that stands in its place.
type Report = Arc<Box<dyn Fn(&PanicHookInfo<'_>) + Sync + Send>>;

/// The hook that was there before, and how many runs stand between it and the process.
struct Replaced {
    runs: usize,
    report: Option<Report>,
}

static REPLACED: Mutex<Replaced> = Mutex::new(Replaced { runs: 0, report: None });

thread_local! {
    /// Where the last one was.
    static PLACE: Cell<Option<String>> = const { Cell::new(None) };
    /// Whether a panic of this thread is a finding.
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Runs it; a panic is what it says, and where it was.
pub(super) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    let _silence = Silence::begin();
    let before = IS_CAUGHT.replace(true);
    let result = catch_unwind(AssertUnwindSafe(run));
    IS_CAUGHT.set(before);
    result.map_err(|panic| words(&*panic))
}

/// As long as it lives, panics that are caught here are not reported.
struct Silence;

impl Silence {
    fn begin() -> Self {
        let mut replaced = replaced();
        replaced.runs += 1;
        if replaced.runs == 1 {
            let report: Report = Arc::new(panic::take_hook());
            replaced.report = Some(report.clone());
            panic::set_hook(Box::new(move |info| match IS_CAUGHT.get() {
                true => PLACE.set(info.location().map(ToString::to_string)),
                false => report(info),
            }));
        }
        Silence
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let mut replaced = replaced();
        replaced.runs -= 1;
        if replaced.runs > 0 {
            return;
        }
        // Our hook holds the report, too. If it does not any more, somebody has set another one, and that stays.
        let Some(report) = replaced.report.take().filter(|report| Arc::strong_count(report) > 1) else { return };
        drop(panic::take_hook());
        if let Some(report) = Arc::into_inner(report) {
            panic::set_hook(report);
        }
    }
}

fn replaced() -> MutexGuard<'static, Replaced> {
    REPLACED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a panic says.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    let text = text.unwrap_or("no message");
    PLACE.take().map_or_else(|| text.to_owned(), |place| format!("{text} (at {place})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Says that the test runs in a process of its own, where nobody else sets hooks.
    const ALONE: &str = "KSTREAMS_PANICS_ALONE";

    #[test]
    fn panic_is_what_it_says_and_where_it_was() {
        let said = caught(|| panic!("{} bikes are missing", 3)).expect_err("it panics");
        assert!(said.starts_with("3 bikes are missing (at ") && said.contains("panics.rs:"), "{said}");
        assert_eq!(caught(|| 7), Ok(7));
    }

    #[test]
    fn hook_of_the_process_is_put_back() {
        if std::env::var_os(ALONE).is_none() {
            let test = "testing::simulation::panics::tests::hook_of_the_process_is_put_back";
            let program = std::env::current_exe().expect("a test has a program");
            let ran = Command::new(program).args(["--exact", test, "--nocapture"]).env(ALONE, "1").output().unwrap();
            let said = String::from_utf8_lossy(&ran.stdout);
            assert!(ran.status.success() && said.contains("1 passed"), "{said}");
            return;
        }
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = heard.clone();
        panic::set_hook(Box::new(move |info| {
            let said = info.payload().downcast_ref::<&str>().copied().unwrap_or_default();
            hears.lock().unwrap().push(said);
        }));
        for _ in 0..3 {
            let inner = caught(|| caught(|| panic!("silent")).unwrap_err());
            assert!(inner.unwrap().starts_with("silent"));
        }
        assert!(catch_unwind(|| panic!("loud")).is_err());
        assert_eq!(*heard.lock().unwrap(), ["loud"]);
        // Once more a hook of their own, while we are at it.
        let _ = caught(|| panic::set_hook(Box::new(|_| {})));
        assert!(catch_unwind(|| panic!("unheard")).is_err());
        assert_eq!(*heard.lock().unwrap(), ["loud"], "the newer hook stays");
    }
}
