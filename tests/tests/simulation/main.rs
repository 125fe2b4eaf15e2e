//! The suite of simulations: topologies of every kind under every kind of fault, each run decided by a seed.
//!
//! ```text
//! simulation                       so many seeds of every case as `cargo test` takes
//! simulation --seeds 20000         so many seeds in all, spread over the cases (make soak)
//! simulation --case joined --seed 7 [--trace]    one run again, with its story
//! simulation --matrix [--write | --check]    with the feature `broken`: looks for every broken variant
//! simulation --broken PartialTask --case joined --seed 7 [--trace]    one of them again
//! ```

mod cases;
#[cfg(feature = "broken")]
mod matrix;
mod processors;
mod regressions;
mod tables;
mod transit;
mod windows;

use cases::Case;
use kstreams::testing::simulation::{Simulation, Summary, TraceHash};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

/// Seeds of a plain run, in all.
const SEEDS: u64 = 11_000;

/// Seeds whose trace hashes are printed by `--hashes`, of each case.
const HASHED: u64 = 20;

/// What `--help` says.
const HELP: &str = "\
The suite of simulations. Without options: as many seeds of every case as `cargo test` takes.

  --seeds N         so many seeds in all, or some more, so that every case has as many
  --from N          beginning with this one
  --case NAME       of that case alone; a NAME without --case stands for all cases whose names contain it
  --seed N          that seed alone; with --trace its story
  --hashes          the trace hashes of some seeds of every case
  --list            the cases
  --matrix          looks for every broken variant (feature `broken`); --write writes the page, --check compares its variants
  --broken VARIANT  that variant alone; with --case and --seed one run of it";

#[derive(Default)]
struct Arguments {
    seeds: Option<u64>,
    from: u64,
    case: Option<String>,
    /// The case's whole name is given.
    is_exact: bool,
    seed: Option<u64>,
    tells: bool,
    hashes: bool,
    lists: bool,
    is_matrix: bool,
    writes: bool,
    checks: bool,
    helps: bool,
    broken: Option<String>,
}

fn main() -> ExitCode {
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("simulation: {message}");
            return ExitCode::FAILURE;
        }
    };
    if arguments.helps {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let cases: Vec<Case> = cases::all()
        .into_iter()
        .filter(|case| {
            arguments.case.as_ref().is_none_or(|wanted| match arguments.is_exact {
                true => case.name == wanted,
                false => case.name.contains(wanted.as_str()),
            })
        })
        .collect();
    if cases.is_empty() && arguments.case.is_some() && arguments.seed.is_none() {
        // A filter that `cargo test` passes to every test program.
        return ExitCode::SUCCESS;
    }
    if arguments.lists {
        cases.iter().for_each(|case| println!("{}: test", case.name));
        return ExitCode::SUCCESS;
    }
    if arguments.is_matrix || arguments.broken.is_some() {
        return broken(&cases, &arguments);
    }
    match (arguments.seed, arguments.hashes) {
        (Some(seed), _) => again(&simulations(&cases), seed, arguments.tells),
        (None, true) => hashes(&cases),
        (None, false) => soak(&cases, arguments.from, arguments.seeds.unwrap_or(SEEDS)),
    }
}

fn simulations(cases: &[Case]) -> Vec<(&'static str, Simulation)> {
    cases.iter().map(|case| (case.name, (case.simulation)())).collect()
}

#[cfg(feature = "broken")]
fn broken(cases: &[Case], arguments: &Arguments) -> ExitCode {
    let variant = match arguments.broken.as_deref().map(str::parse::<kstreams::broken::Broken>).transpose() {
        Ok(variant) => variant,
        Err(message) => {
            eprintln!("simulation: {message}");
            return ExitCode::FAILURE;
        }
    };
    match (variant, arguments.seed) {
        (Some(variant), Some(seed)) => {
            let broken = |(name, simulation): (_, Simulation)| (name, simulation.broken(variant));
            let simulations: Vec<_> = simulations(cases).into_iter().map(broken).collect();
            again(&simulations, seed, arguments.tells)
        }
        (variant, _) => {
            let page = match (arguments.writes, arguments.checks) {
                (true, _) => matrix::Page::Written,
                (false, true) => matrix::Page::Checked,
                (false, false) => matrix::Page::Left,
            };
            matrix::matrix(cases, variant, page)
        }
    }
}

#[cfg(not(feature = "broken"))]
fn broken(_: &[Case], _: &Arguments) -> ExitCode {
    eprintln!("simulation: broken variants are built with `--features system-tests/broken`: `make simulation-matrix`");
    ExitCode::FAILURE
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments::default();
    while let Some(word) = words.next() {
        let mut number = || {
            let value = words.next().ok_or_else(|| format!("`{word}` needs a number"))?;
            value.parse::<u64>().map_err(|_| format!("`{word} {value}`: not a number"))
        };
        match word.as_str() {
            "--seeds" => arguments.seeds = Some(number()?),
            "--from" => arguments.from = number()?,
            "--seed" => arguments.seed = Some(number()?),
            "--case" => {
                let name = words.next().unwrap_or_default();
                let names: Vec<&str> = cases::all().iter().map(|case| case.name).collect();
                if !names.contains(&name.as_str()) {
                    return Err(format!("no case `{name}`; there are {}", names.join(", ")));
                }
                arguments.is_exact = true;
                arguments.case = Some(name);
            }
            "--trace" => arguments.tells = true,
            "--hashes" => arguments.hashes = true,
            "--list" => arguments.lists = true,
            "--matrix" => arguments.is_matrix = true,
            "--write" => arguments.writes = true,
            "--check" => arguments.checks = true,
            "--broken" => arguments.broken = Some(words.next().ok_or("--broken: the variant is missing")?),
            // What `cargo test` passes on to every test program.
            "--nocapture" | "--quiet" | "-q" | "--exact" | "--show-output" | "--include-ignored" | "--ignored" => {}
            name if !name.starts_with('-') => arguments.case = Some(name.to_owned()),
            "--help" | "-h" => arguments.helps = true,
            other => return Err(format!("unknown option `{other}`\n\n{HELP}")),
        }
    }
    Ok(arguments)
}

/// Runs seeds of all cases and says how many held.
fn soak(cases: &[Case], from: u64, seeds: u64) -> ExitCode {
    println!("running {} cases, {seeds} seeds in all", cases.len());
    let (mut total, begun) = (Summary::default(), Instant::now());
    let mut failed = usize::from(!regressions::hold(cases));
    let share = seeds.div_ceil(cases.len() as u64);
    for case in cases {
        let began = Instant::now();
        let progress = Progress::new(case.name, share);
        match (case.simulation)().check_with(from..from + share, &|so_far| progress.show(so_far)) {
            Ok(summary) => {
                total.seeds += summary.seeds;
                total.events += summary.events;
                let per_seed = summary.events / summary.seeds.max(1);
                let seconds = began.elapsed().as_secs_f64();
                let rate = summary.seeds as f64 / seconds;
                println!(
                    "test simulation::{} ... ok ({} seeds, {rate:.0} a second, {per_seed} events each)",
                    case.name, summary.seeds
                );
                summary.empty_outputs.iter().for_each(|topic| println!("  nothing came to `{topic}`, as expected"));
            }
            Err(failure) => {
                failed += 1;
                let again = format!("again with `make soak CASE={} SEED={}`", case.name, failure.seed());
                println!("test simulation::{} ... FAILED\n{failure}\n{again}", case.name);
            }
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let (rate, each) = (total.seeds as f64 / seconds, 1_000.0 * seconds / (total.seeds.max(1)) as f64);
    println!("{} seeds held, {} events, {rate:.0} seeds a second, {each:.1} ms each", total.seeds, total.events);
    let result = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "test result: {result}. {} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out; finished in {seconds:.2}s",
        cases.len() + 1 - failed
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Tells on a terminal how far a case is.
struct Progress {
    case: &'static str,
    seeds: u64,
    shown: Option<Mutex<Instant>>,
}

impl Progress {
    fn new(case: &'static str, seeds: u64) -> Self {
        Progress { case, seeds, shown: std::io::stderr().is_terminal().then(|| Mutex::new(Instant::now())) }
    }

    fn show(&self, so_far: Summary) {
        let Some(Ok(mut shown)) = self.shown.as_ref().map(Mutex::lock) else { return };
        if shown.elapsed().as_millis() < 500 && so_far.seeds < self.seeds {
            return;
        }
        *shown = Instant::now();
        eprint!("\r{}: {} of {} seeds\x1b[K", self.case, so_far.seeds, self.seeds);
        if so_far.seeds == self.seeds {
            eprint!("\r\x1b[K");
        }
        // Progress that cannot be shown is no reason to stop.
        let _ = std::io::stderr().flush();
    }
}

/// Runs one seed again.
fn again(simulations: &[(&'static str, Simulation)], seed: u64, tells: bool) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for (name, simulation) in simulations {
        if tells {
            let story = simulation.story(seed);
            story.iter().for_each(|line| println!("{line}"));
            if !story.last().is_some_and(|line| line.starts_with("everything holds")) {
                code = ExitCode::FAILURE;
            }
            continue;
        }
        match simulation.run(seed) {
            Ok(ran) => {
                println!("{name}, seed {seed}: everything holds, {} events, trace {}", ran.events, ran.hash)
            }
            Err(failure) => {
                println!("{name}, {failure}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

/// Prints the trace hashes of the first seeds, to be compared between builds.
fn hashes(cases: &[Case]) -> ExitCode {
    for case in cases {
        let simulation = (case.simulation)();
        for seed in 0..HASHED {
            let hash: TraceHash = match simulation.try_run(seed) {
                Ok(ran) => ran.hash,
                Err(failure) => failure.trace_hash(),
            };
            println!("{} {seed} {hash}", case.name);
        }
    }
    ExitCode::SUCCESS
}
