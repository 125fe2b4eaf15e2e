//! What was equal, and what was not.

use crate::difference::Difference;
use crate::golden::Golden;
use crate::topologies;
use crate::variant::Variant;
use std::fmt;

/// How many differences of a file are shown.
const SHOWN: usize = 2;

/// One file, run one way.
pub struct FileResult {
    pub name: String,
    /// By case, whether everything was equal.
    pub equal: Vec<bool>,
    pub differences: Vec<Difference>,
    /// Why it was not run this way.
    pub exempt: Option<&'static str>,
}

impl FileResult {
    pub fn new(name: &str, cases: usize) -> Self {
        FileResult { name: name.to_owned(), equal: vec![false; cases], differences: Vec::new(), exempt: None }
    }
}

/// All files, run one way.
pub struct Report {
    pub variant: Variant,
    pub files: Vec<FileResult>,
}

impl Report {
    /// Whether nothing differs.
    pub fn is_equal(&self) -> bool {
        self.files.iter().all(|file| file.differences.is_empty())
    }

    fn run(&self) -> impl Iterator<Item = &FileResult> {
        self.files.iter().filter(|file| file.exempt.is_none())
    }
}

/// Cases that were equal, and cases.
#[derive(Default)]
struct Count(usize, usize);

impl Count {
    fn add(&mut self, equal: &[bool]) {
        self.0 += equal.iter().filter(|&&equal| equal).count();
        self.1 += equal.len();
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} cases equal", self.0, self.1)
    }
}

/// Prints what is equal per file, what differs, the files without a topology, and the totals.
pub fn print(reports: &[Report], golden: &[Golden]) {
    let total = print_files(reports);
    reports.iter().for_each(print_differences);
    let (later, missing) = without_topology(golden);
    if !later.is_empty() {
        println!("\nno topology yet ({}): {}", later.len(), later.join(" "));
    }
    for name in missing {
        println!("\n{name}: has no topology, and its operators are not known to be missing");
    }
    println!("\nby way of running:");
    for report in reports {
        let mut count = Count::default();
        report.run().for_each(|file| count.add(&file.equal));
        println!("  {}: {count} in {} files", report.variant, report.run().count());
    }
    println!("total: {total} in every way");
}

/// A case is equal if it is in every way it was run.
fn print_files(reports: &[Report]) -> Count {
    let mut total = Count::default();
    for (at, file) in reports.first().map_or(&[][..], |report| &report.files).iter().enumerate() {
        let mut equal = vec![true; file.equal.len()];
        for file in reports.iter().map(|report| &report.files[at]).filter(|file| file.exempt.is_none()) {
            equal.iter_mut().zip(&file.equal).for_each(|(all, one)| *all &= one);
        }
        let mut count = Count::default();
        count.add(&equal);
        total.add(&equal);
        println!("{}: {count}", file.name);
    }
    total
}

fn print_differences(report: &Report) {
    for file in &report.files {
        if let Some(reason) = file.exempt {
            println!("not run ({}): {}: {reason}", report.variant, file.name);
        }
        if !file.differences.is_empty() {
            let mut count = Count::default();
            count.add(&file.equal);
            println!("\n{} ({}): {count}", file.name, report.variant);
            file.differences.iter().take(SHOWN).for_each(|difference| print!("{difference}"));
        }
    }
}

/// The files without a topology: those that wait for operators, and those that ought to have one.
pub fn without_topology(golden: &[Golden]) -> (Vec<&str>, Vec<&str>) {
    let names = golden.iter().map(|golden| golden.name.as_str()).filter(|name| topologies::find(name).is_none());
    names.partition(|name| topologies::is_for_later(name))
}
