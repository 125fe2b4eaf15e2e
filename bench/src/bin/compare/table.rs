//! A Markdown table: medians with their ranges, and how they compare with Kafka Streams.

use crate::Options;
use crate::peers::{Peer, Run};
use side_by_side::arguments::Workload;
use std::fmt::Write as _;

/// A column: the number's name in a report, the digits behind the point, and whether less is better where it is compared.
struct Column {
    title: &'static str,
    field: &'static str,
    digits: usize,
    compared: Option<Better>,
}

#[derive(Clone, Copy)]
enum Better {
    Less,
    More,
}

const COLUMNS: [Column; 5] = [
    Column { title: "CPU s per million", field: "cpu_seconds_per_million", digits: 2, compared: Some(Better::Less) },
    Column { title: "records/s", field: "records_per_second", digits: 0, compared: Some(Better::More) },
    Column { title: "memory, MB", field: "max_rss_mb", digits: 0, compared: Some(Better::Less) },
    Column { title: "start, s", field: "startup_seconds", digits: 2, compared: None },
    Column { title: "stop, s", field: "shutdown_seconds", digits: 2, compared: None },
];

/// All results.
pub(crate) fn table(options: &Options, runs: &[Run]) -> String {
    let Options { records, keys, partitions, threads, .. } = options;
    let mut page = format!(
        "{records} records, {keys} keys, {partitions} partitions, threads: {threads}, runs: {}\n\n",
        options.runs
    );
    page.push_str("| workload | peer |");
    for column in &COLUMNS {
        page.push_str(&format!(" {} |{}", column.title, if column.compared.is_some() { " better |" } else { "" }));
    }
    let cells = 2 + COLUMNS.len() + COLUMNS.iter().filter(|column| column.compared.is_some()).count();
    page.push_str(&format!("\n|---|---|{}\n", "---:|".repeat(cells - 2)));
    for workload in &options.workloads {
        for peer in &options.peers {
            line(&mut page, runs, *workload, *peer);
        }
    }
    page
}

fn line(page: &mut String, runs: &[Run], workload: Workload, peer: Peer) {
    let wrong = of(runs, workload, peer).filter(|run| run.numbers.is_err()).count();
    let _ = write!(page, "| {} | {} |", workload.name(), peer.name());
    for column in &COLUMNS {
        let Some((median, least, most)) = summary(runs, workload, peer, column) else {
            page.push_str(if column.compared.is_some() { " – | |" } else { " – |" });
            continue;
        };
        let digits = column.digits;
        let _ = write!(page, " {median:.digits$} ({least:.digits$}–{most:.digits$}) |");
        if let Some(better) = column.compared {
            let base = summary(runs, workload, Peer::KafkaStreams, column).map(|(median, _, _)| median);
            let ratio = base.map(|base| match better {
                Better::Less => base / median,
                Better::More => median / base,
            });
            page.push_str(&ratio.map_or_else(|| " |".to_owned(), |ratio| format!(" {ratio:.1}x |")));
        }
    }
    page.push_str(&if wrong > 0 { format!(" WRONG: {wrong}\n") } else { "\n".to_owned() });
}

fn of(runs: &[Run], workload: Workload, peer: Peer) -> impl Iterator<Item = &Run> {
    runs.iter().filter(move |run| run.workload == workload && run.peer == peer)
}

/// Median, least and most of a number over the runs that were right.
fn summary(runs: &[Run], workload: Workload, peer: Peer, column: &Column) -> Option<(f64, f64, f64)> {
    let right = of(runs, workload, peer).filter_map(|run| run.numbers.as_ref().ok());
    let mut numbers: Vec<f64> = right.filter_map(|numbers| numbers[column.field].as_f64()).collect();
    numbers.sort_by(f64::total_cmp);
    let (least, most) = (*numbers.first()?, *numbers.last()?);
    let middle = numbers.len() / 2;
    let median = if numbers.len() % 2 == 1 { numbers[middle] } else { (numbers[middle - 1] + numbers[middle]) / 2.0 };
    Some((median, least, most))
}
