//! The matrix: every broken variant, and how many seeds it takes to find it.

use crate::cases::Case;
use crate::regressions::{self, Regression};
use kstreams::broken::Broken;
use kstreams::testing::simulation::FindingKind;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs after which a variant counts as not found.
const RUNS_MAX: u64 = 20_000;

/// How a variant was found.
struct Found {
    case: &'static str,
    seed: u64,
    /// Runs of all cases in turn, this one included.
    runs: u64,
    shown_by: &'static str,
    finding: String,
}

/// What becomes of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// Nothing: the variants are looked for, that is all.
    Left,
    /// It is written.
    Written,
    /// It must have a row for each variant that was looked for, and for no other. The seeds that show them change with every
    /// change of the runtime, and may.
    Checked,
}

/// Looks for every variant, with the first seed of every case, then with the second, and so on.
pub fn matrix(cases: &[Case], only: Option<Broken>, page: Page) -> ExitCode {
    let variants: Vec<Broken> =
        Broken::ALL.iter().copied().filter(|variant| only.is_none_or(|wanted| wanted == *variant)).collect();
    println!("looking for {} broken variants", variants.len());
    let found = look_for(cases, &variants);
    let missed = found.iter().filter(|(_, found)| found.is_none()).count();
    if let Err(message) = page.keep(&render(&found)) {
        eprintln!("simulation: {message}");
        return ExitCode::FAILURE;
    }
    let missed = missed + hidden(cases, &variants);
    let result = if missed == 0 { "ok" } else { "FAILED" };
    println!("test result: {result}. {} passed; {missed} failed", found.len().saturating_sub(missed));
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A page without what may change: of each row only the variant and what is broken.
fn rows(page: &str) -> Vec<String> {
    let cells = |line: &str| line.split(" | ").take(2).collect::<Vec<_>>().join(" | ");
    page.lines().map(|line| if line.starts_with("| `") { cells(line) } else { line.to_owned() }).collect()
}

impl Page {
    fn keep(self, content: &str) -> Result<(), String> {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/simulation-matrix.md");
        let named = |error: std::io::Error| format!("{}: {error}", path.display());
        match self {
            Page::Left => Ok(()),
            Page::Written => std::fs::write(&path, content).map_err(named),
            Page::Checked if rows(&std::fs::read_to_string(&path).map_err(named)?) == rows(content) => Ok(()),
            Page::Checked => Err(format!("{} has other variants: run `make simulation-matrix`", path.display())),
        }
    }
}

/// How many findings of our own do not show by their seeds any more: those would hold even if the mistake came back.
fn hidden(cases: &[Case], variants: &[Broken]) -> usize {
    let is_hidden = |Regression { variant, case, seed }: &&Regression| {
        let broken: Broken = variant.parse().unwrap_or_else(|message| panic!("{message}"));
        if !variants.contains(&broken) {
            return false;
        }
        let simulation =
            cases.iter().find(|known| known.name == *case).map(|known| (known.simulation)().broken(broken));
        let holds = simulation.is_some_and(|simulation| simulation.try_run(*seed).is_ok());
        if holds {
            println!("test regression::{case}_{seed} ... FAILED: it does not show {variant} any more; see the matrix");
        }
        holds
    };
    regressions::ALL.iter().filter(is_hidden).count()
}

/// On all cores; what is found does not depend on how many there are.
fn look_for(cases: &[Case], variants: &[Broken]) -> Vec<(Broken, Option<Found>)> {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(variant) = variants.get(next.fetch_add(1, Ordering::Relaxed)) {
            let how = look(cases, *variant);
            match &how {
                Some(Found { case, seed, runs, finding, .. }) => {
                    println!("test broken::{variant} ... found after {runs} runs: {case}, seed {seed}: {finding}")
                }
                None => println!("test broken::{variant} ... NOT FOUND in {RUNS_MAX} runs"),
            }
            found.lock().expect("nothing panics while it is held").push((*variant, how));
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..cores).for_each(|_| _ = scope.spawn(work)));
    let mut found = found.into_inner().expect("nothing panics while it is held");
    found.sort_by_key(|(variant, _)| *variant);
    found
}

fn look(cases: &[Case], variant: Broken) -> Option<Found> {
    let simulations: Vec<_> = cases.iter().map(|case| (case.name, (case.simulation)().broken(variant))).collect();
    let mut runs = 0;
    for seed in 0.. {
        for (case, simulation) in &simulations {
            runs += 1;
            if let Err(failure) = simulation.try_run(seed) {
                let kind = failure.finding().kind();
                let is_of_the_suite = matches!(kind, FindingKind::NotDeterministic | FindingKind::Log);
                assert!(!is_of_the_suite, "{case}, seed {seed} shows nothing of {variant}: {failure}");
                let shown_by = shown_by(failure.finding().kind());
                let finding = failure.finding().to_string();
                let finding = finding.lines().next().unwrap_or_default().to_owned();
                return Some(Found { case, seed, runs, shown_by, finding });
            }
            if runs == RUNS_MAX {
                return None;
            }
        }
    }
    None
}

fn shown_by(kind: &FindingKind) -> &'static str {
    match kind {
        FindingKind::Output(_) | FindingKind::Store(_) | FindingKind::Restored(_) => "comparison",
        FindingKind::Invariant(_) => "invariant",
        FindingKind::Fatal => "an instance that ends",
        FindingKind::Panic => "a panic",
        FindingKind::Restless => "no rest",
        _ => "what is left behind",
    }
}

fn render(found: &[(Broken, Option<Found>)]) -> String {
    let mut page = String::from(
        "# What the simulation finds\n\n\
         Each row is the runtime with one deliberate mistake, built in by the test-only feature `broken`. The simulation runs the\n\
         first seed of every case, then the second, and so on, until one of them shows the mistake.\n\
         What shows it is a comparison with the undisturbed run, an invariant, an application that does not come to rest, or an\n\
         instance that ends: then the runtime itself or the log has refused what the mistake led to.\n\
         `make simulation-matrix` writes this page.\n\n\
         | variant | what is broken | runs | case, seed | shown by | finding |\n|---|---|---|---|---|---|\n",
    );
    for (variant, found) in found {
        let sentence = variant.sentence();
        let row = match found {
            Some(Found { case, seed, runs, shown_by, finding }) => {
                let finding = finding.replace('|', "\\|");
                writeln!(page, "| `{variant}` | {sentence} | {runs} | `{case}`, {seed} | {shown_by} | {finding} |")
            }
            None => writeln!(page, "| `{variant}` | {sentence} | more than {RUNS_MAX} | | | not found |"),
        };
        row.expect("writing to a string does not fail");
    }
    page
}
