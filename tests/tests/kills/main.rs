//! Kill tests: an application of several processes on real brokers, under load, to which everything happens that may: `kill -9`,
//! restarts, instances that come and go, processes that stand still until they are zombies, brokers that are gone for a while,
//! stores that are deleted, changelogs that are cut off. At the end every input is in the committed output, in the stores and in
//! the changelogs exactly once, record by record.
//!
//! ```text
//! kills                            four short rounds, as in `make test`
//! kills --kills 400                so many kills, in rounds of twenty: topology, brokers and all else from the seeds (make soak)
//! kills --seed 7 --kills 20 --trace    one round again
//! kills --plan "0 start 1, 900 kill 1, 1200 start 1"    what is written there
//! kills --scaling                  from one instance to four and back, with both protocols (make scaling)
//! ```

mod chain;
mod fleet;
mod load;
mod pauses;
mod restores;
mod round;
mod settings;
mod table;
mod turnstiles;
mod verdict;
mod workload;

use clap::Parser;
use settings::{Engine, Guarantee, Members, Protocol, Settings, Topology};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use system_tests::plan::{Action, Plan};
use table::Row;

/// Kills of a round where many are wanted.
const KILLS_PER_ROUND: u64 = 20;

/// An instance that has everything, dies and gets everything back: what was on its disk can be compared for certain.
const ALONE: &str = "0 start 1, 8000 kill 1, 8500 start 1";

/// Two drawn rounds of five have nothing to compare: who was killed does not get back what it had before something else happens
/// to it. So many rounds do not all do so by chance.
const COMPARING_ROUNDS: usize = 12;

#[derive(Parser)]
#[command(
    name = "kills",
    about = "Kills instances and brokers of an application under load, and counts what came of it"
)]
struct Arguments {
    /// So many kills in all, in rounds of 20
    #[arg(long, value_name = "N")]
    kills: Option<u64>,
    /// The seed of the first round; each further one has the next
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// So many rounds, which share the kills
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    rounds: Option<u64>,
    /// Only this topology
    #[arg(long)]
    topology: Option<Topology>,
    /// Only this protocol
    #[arg(long)]
    protocol: Option<Protocol>,
    /// Only this guarantee
    #[arg(long)]
    guarantee: Option<Guarantee>,
    /// Only this engine
    #[arg(long)]
    engine: Option<Engine>,
    /// On so many brokers, 1 or 3
    #[arg(long, value_parser = ["1", "3"])]
    brokers: Option<String>,
    /// Only members of this kind
    #[arg(long)]
    members: Option<Members>,
    /// Only with caching, or without
    #[arg(long)]
    cached: Option<bool>,
    /// Messages a second
    #[arg(long, default_value_t = 300)]
    rate: u64,
    /// What is to happen, instead of what the seed says
    #[arg(long)]
    plan: Option<Plan>,
    /// From one instance to four and back, with each protocol
    #[arg(long)]
    scaling: bool,
    /// Print every event
    #[arg(long)]
    trace: bool,
    /// A part of a test's name, as `cargo test` passes it on: the rounds have none
    filter: Option<String>,
}

/// A round that is to be run.
struct Task {
    seed: u64,
    settings: Settings,
    plan: Plan,
}

fn main() -> ExitCode {
    // What `cargo test` passes on to every test program.
    let of_harness = ["--nocapture", "--quiet", "-q", "--exact", "--show-output", "--include-ignored", "--ignored"];
    let words =
        std::env::args().filter(|word| !of_harness.contains(&word.as_str()) && !word.starts_with("--test-threads"));
    let words: Vec<String> = words.collect();
    if words.iter().any(|word| word == "--list") {
        println!("kills: test");
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::parse_from(words);
    if arguments.filter.as_ref().is_some_and(|filter| !"kills".contains(filter.as_str())) {
        return ExitCode::SUCCESS;
    }
    let tasks = if arguments.scaling { arguments.scaling() } else { arguments.tasks() };
    run_all(&tasks, arguments.scaling)
}

impl Arguments {
    fn tasks(&self) -> Vec<Task> {
        if self.kills.is_none() && self.rounds.is_none() && self.seed.is_none() && self.plan.is_none() {
            return self.short();
        }
        let kills = self.kills.unwrap_or(KILLS_PER_ROUND);
        let rounds =
            if self.plan.is_some() { 1 } else { self.rounds.unwrap_or(kills.div_ceil(KILLS_PER_ROUND).max(1)) };
        let share = kills.div_ceil(rounds);
        let first = self.seed.unwrap_or(1);
        (first..first + rounds).map(|seed| self.task(seed, share, Settings::drawn(seed, self.rate))).collect()
    }

    /// What `make test` has time for: each topology, each protocol, each guarantee.
    fn short(&self) -> Vec<Task> {
        let common = Settings {
            topology: Topology::Turnstiles,
            protocol: Protocol::Consumer,
            guarantee: Guarantee::ExactlyOnce,
            brokers: 1,
            is_cached: false,
            is_static: false,
            ..Settings::drawn(1, self.rate)
        };
        let chain = Settings { topology: Topology::Chain, protocol: Protocol::Classic, brokers: 3, ..common.clone() };
        let at_least = Settings { topology: Topology::Chain, guarantee: Guarantee::AtLeastOnce, ..common.clone() };
        let alone = self.task(4, 1, common.clone());
        let alone = Task { plan: ALONE.parse().expect("it is written as plans are"), ..alone };
        vec![self.task(1, 8, common), self.task(2, 8, chain), self.task(3, 4, at_least), alone]
    }

    fn scaling(&self) -> Vec<Task> {
        let of = |protocol| {
            let settings = Settings {
                protocol,
                topology: Topology::Turnstiles,
                guarantee: Guarantee::ExactlyOnce,
                brokers: 1,
                is_cached: false,
                is_static: false,
                rest_ms: 8_000,
                ..Settings::drawn(1, self.rate)
            };
            Task { plan: Plan::scaling(), ..self.task(1, 1, settings) }
        };
        let protocols = self.protocol.map_or(vec![Protocol::Classic, Protocol::Consumer], |protocol| vec![protocol]);
        protocols.into_iter().map(of).collect()
    }

    fn task(&self, seed: u64, kills: u64, settings: Settings) -> Task {
        let settings = Settings {
            topology: self.topology.unwrap_or(settings.topology),
            protocol: self.protocol.unwrap_or(settings.protocol),
            guarantee: self.guarantee.unwrap_or(settings.guarantee),
            engine: self.engine.unwrap_or(settings.engine),
            brokers: self.brokers.as_ref().map_or(settings.brokers, |brokers| if brokers == "3" { 3 } else { 1 }),
            is_static: self.members.map_or(settings.is_static, |members| members == Members::Static),
            is_cached: self.cached.unwrap_or(settings.is_cached),
            is_told: self.trace,
            ..settings
        };
        let drawn =
            || Plan::drawn(seed, kills, settings.may_be_lost(), settings.session_ms, settings.may_outlive_sessions());
        Task { seed, plan: self.plan.clone().unwrap_or_else(drawn), settings }
    }
}

impl Task {
    fn kills(&self) -> usize {
        self.plan.count(|action| matches!(action, Action::Kill(_)))
    }
}

fn run_all(tasks: &[Task], is_scaling: bool) -> ExitCode {
    println!("running {} rounds", tasks.len());
    let (mut rows, mut failed, mut compared) = (Vec::new(), 0, 0);
    for (number, task) in (1..).zip(tasks) {
        println!("round {number}, seed {}: {}", task.seed, task.plan);
        let directory = tempfile::tempdir().expect("a directory");
        match catch_unwind(AssertUnwindSafe(|| round::run(&task.settings, &task.plan, directory.path()))) {
            Ok(None) => return ExitCode::SUCCESS,
            Ok(Some(figures)) => {
                println!("{}", Row::of(number, task, &figures).sentence());
                if is_scaling {
                    table::print_pauses(&figures);
                }
                compared += figures.bound.compared;
                rows.push(Row::of(number, task, &figures));
            }
            Err(_) => {
                failed += 1;
                println!(
                    "test kills::round_{number} ... FAILED\n  what its instances said is in {}",
                    directory.keep().display()
                );
                println!("  again with {}", again(task));
            }
        }
    }
    table::print(&rows);
    if compared == 0 && failed == 0 && must_compare(tasks) {
        failed += 1;
        println!("test kills::disks_of_the_killed ... FAILED");
        println!("  no restore after a kill was compared with what had been committed, in {} rounds", rows.len());
    }
    let (result, passed) = (if failed == 0 { "ok" } else { "FAILED" }, rows.len());
    println!("test result: {result}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether these rounds together have compared what was on the disk of somebody who was killed with its changelogs: a single
/// drawn round may have nothing to compare.
fn must_compare(tasks: &[Task]) -> bool {
    let comparing = tasks.iter().filter(|task| task.settings.guarantee == Guarantee::ExactlyOnce && task.kills() > 0);
    let is_alone = |task: &Task| task.plan.to_string() == ALONE;
    comparing.clone().count() >= COMPARING_ROUNDS || comparing.into_iter().any(is_alone)
}

/// The command that runs a round again; what happens is the same, when it hits what is not.
fn again(task: &Task) -> String {
    let [topology, protocol, engine, ..] = task.settings.words();
    let guarantee = match task.settings.guarantee {
        Guarantee::ExactlyOnce => "exactly-once",
        Guarantee::AtLeastOnce => "at-least-once",
    };
    format!(
        "make soak KILLS={} SEED={} ARGS=\"--topology {topology} --protocol {protocol} --engine {engine} \
         --guarantee {guarantee} --brokers {} --members {} --cached {} --trace --plan '{}'\"",
        task.kills(),
        task.seed,
        task.settings.brokers,
        if task.settings.is_static { "static" } else { "dynamic" },
        task.settings.is_cached,
        task.plan
    )
}
