//! `kstreams config`: a configuration as it takes effect, and what became of each key.

use crate::Failure;
use crate::output::{self, Side, Table, counted, or_dash};
use kstreams::config::{Config, EngineKind, ExplainedKey, Fate, Setting};
use kstreams::error::{Error, ErrorKind};
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;

/// Flags of `kstreams config`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Variables KSTREAMS_… are applied after the file, as a program does it that calls `apply_environment`. A program may set \
more by itself, which cannot be seen from here.

The status is 1 if a program could not start with this configuration.")]
pub struct Args {
    /// The properties file, of this or of a Java application; without one, the environment alone
    #[arg(long, alias = "config", value_name = "FILE")]
    file: Option<PathBuf>,

    /// Show keys that nobody has set, too
    #[arg(long)]
    all: bool,

    /// Print JSON for programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    keys: Vec<Key>,
    settings: Vec<Effective>,
    problems: Vec<String>,
}

/// A key that somebody wrote.
#[derive(Debug, Serialize)]
struct Key {
    origin: String,
    key: String,
    value: String,
    fate: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    remark: String,
}

/// A key as it takes effect.
#[derive(Debug, Serialize)]
struct Effective {
    key: String,
    value: Option<String>,
    is_default: bool,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let report = report(args)?;
    if args.json {
        output::json(&report, out)?
    } else {
        print(&report, args.all, out)?
    }
    match report.problems.len() {
        0 => Ok(()),
        count => {
            let problems = counted(count, "problem", "problems");
            Err(Error::new(ErrorKind::Config, format!("a program cannot start with this: {problems}")).into())
        }
    }
}

fn report(args: &Args) -> Result<Report, Failure> {
    let mut config = Config::new("", "");
    let mut explained = Vec::new();
    if let Some(path) = &args.file {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let sentence = format!("{} cannot be read", path.display());
            Failure::Usage(Error::new(ErrorKind::Config, sentence).with_detail(error.to_string()).with_source(error))
        })?;
        explained = config.explain_properties(&text);
    }
    let variables = variables();
    let variables = variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    explained.extend(config.explain_variables(variables));
    let mut problems: Vec<String> = explained.iter().filter_map(problem).collect();
    if problems.is_empty() {
        // Whether the program has the engine is not for this one to say.
        let checked = config.clone().engine(EngineKind::Memory).validate();
        problems.extend(checked.err().map(|error| error.to_string()));
    }
    Ok(Report {
        keys: explained.into_iter().map(Key::of).collect(),
        settings: config.settings().into_iter().map(Effective::of).collect(),
        problems,
    })
}

/// The process's variables, by name.
fn variables() -> Vec<(String, String)> {
    let mut variables: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
        .collect();
    variables.sort();
    variables
}

fn problem(key: &ExplainedKey) -> Option<String> {
    let Fate::Refused { because, hint } = &key.fate else { return None };
    let hint = hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    Some(format!("{}: {because}{hint}", key.origin))
}

impl Key {
    fn of(explained: ExplainedKey) -> Self {
        let (fate, remark) = match explained.fate {
            Fate::Taken => ("taken over", String::new()),
            Fate::Translated { becomes } => ("translated", format!("becomes {}", becomes.replace('`', ""))),
            Fate::Client { clients } => ("handed on", format!("to {clients} of Kafka")),
            Fate::Topic => ("handed on", String::from("to internal topics")),
            Fate::Ignored { because } => ("ignored", because.replace('`', "")),
            Fate::Refused { because, hint } => ("refused", hint.unwrap_or(because).replace('`', "")),
            _ => ("set", String::new()),
        };
        Key { origin: explained.origin, key: explained.key, value: explained.value, fate, remark }
    }
}

impl Effective {
    fn of(setting: Setting) -> Self {
        Effective { key: setting.key, value: setting.value, is_default: setting.is_default }
    }
}

fn print(report: &Report, all: bool, out: &mut dyn Write) -> Result<(), Failure> {
    if !report.keys.is_empty() {
        let mut keys = Table::new(["WHERE", "KEY", "VALUE", "WHAT BECAME OF IT", ""].map(|title| (title, Side::Left)));
        for key in &report.keys {
            keys.row([key.origin.clone(), key.key.clone(), key.value.clone(), key.fate.to_owned(), key.remark.clone()]);
        }
        keys.print(out)?;
        writeln!(out)?;
    }
    let mut settings = Table::new(["EFFECTIVE KEY", "VALUE", ""].map(|title| (title, Side::Left)));
    for setting in report.settings.iter().filter(|setting| all || !setting.is_default) {
        let remark = if setting.is_default { "default" } else { "" };
        settings.row([setting.key.clone(), or_dash(setting.value.as_ref()), remark.to_owned()]);
    }
    settings.print(out)?;
    if !all {
        writeln!(out, "everything else has its default: --all shows it")?;
    }
    for problem in &report.problems {
        writeln!(out, "\nproblem: {problem}")?;
    }
    Ok(())
}
