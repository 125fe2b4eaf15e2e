//! What rounds came to, as a table.

use crate::Task;
use crate::round::Figures;
use system_tests::plan::Action;

const TITLES: [&str; 17] = [
    "round",
    "seed",
    "topology",
    "protocol",
    "engine",
    "guarantee",
    "brokers",
    "kills",
    "pauses",
    "losses",
    "inputs",
    "rollbacks",
    "wiped",
    "restored per kill",
    "of",
    "longest gap, s",
    "took, s",
];

/// A line of the table.
pub struct Row {
    cells: Vec<String>,
    sentence: String,
}

impl Row {
    pub fn of(number: u64, task: &Task, figures: &Figures) -> Row {
        let count = |is_such: fn(Action) -> bool| task.plan.count(is_such).to_string();
        let gap = figures.pauses.values().max().copied().unwrap_or_default();
        let mut cells = vec![number.to_string(), task.seed.to_string()];
        cells.extend(task.settings.words());
        cells.extend([
            task.kills().to_string(),
            count(|action| matches!(action, Action::Pause(_))),
            count(|action| matches!(action, Action::Lose(_))),
            figures.inputs.to_string(),
            figures.rollbacks.to_string(),
            figures.wiped.to_string(),
            per_kill(&figures.bound.restored),
            figures.logged.to_string(),
            format!("{:.1}", gap.as_secs_f64()),
            format!("{:.0}", figures.took.as_secs_f64()),
        ]);
        let sentence = format!(
            "test kills::round_{number} ... ok ({} inputs, each counted once; {} rows of stores equal their changelogs; \
             {} of {} changelogs lacked a transaction on a killed instance's disk, none more)",
            figures.inputs, figures.rows, figures.bound.lacking, figures.bound.compared
        );
        let restored: Vec<String> = figures.bound.restored.iter().map(u64::to_string).collect();
        let sentence = format!("{sentence}\n  records restored after each kill: {}", restored.join(" "));
        Row { cells, sentence }
    }

    pub fn sentence(&self) -> &str {
        &self.sentence
    }
}

/// The middle and the most.
fn per_kill(restored: &[u64]) -> String {
    let mut sorted = restored.to_vec();
    sorted.sort_unstable();
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(0);
    format!("{median}, at most {}", sorted.last().copied().unwrap_or(0))
}

/// Prints rows as a table in Markdown.
pub fn print(rows: &[Row]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row.cells[column].len());
        cells.chain([TITLES[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..TITLES.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells.zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        println!("| {} |", padded.join(" | "));
    };
    line(&mut TITLES.into_iter());
    println!("|{}|", widths.iter().map(|width| "-".repeat(width + 2)).collect::<Vec<_>>().join("|"));
    rows.iter().for_each(|row| line(&mut row.cells.iter().map(String::as_str)));
}

/// Prints the longest pause of each partition of the output.
pub fn print_pauses(figures: &Figures) {
    println!("  rollbacks: {}; the longest pause of each partition of the output:", figures.rollbacks);
    for (partition, pause) in &figures.pauses {
        println!("    {partition}: {:.2} s", pause.as_secs_f64());
    }
}
