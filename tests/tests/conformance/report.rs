//! What was equal, and what was not.

use crate::difference::Difference;
use crate::golden::Golden;
use crate::topologies;
use crate::variant::Variant;

/// One file, run one way.
pub struct FileResult {
    pub name: String,
    pub cases: usize,
    pub equal: usize,
    pub differences: Vec<Difference>,
    /// Why it was not run this way.
    pub exempt: Option<&'static str>,
}

impl FileResult {
    pub fn new(name: &str, cases: usize) -> Self {
        FileResult { name: name.to_owned(), cases, equal: 0, differences: Vec::new(), exempt: None }
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

    fn total(&self) -> String {
        let (equal, cases) = self.run().fold((0, 0), |(equal, cases), file| (equal + file.equal, cases + file.cases));
        format!("{equal} of {cases} cases equal in {} files", self.run().count())
    }
}

/// Prints each file once, what differs, the files without a topology, and the totals.
pub fn print(reports: &[Report], golden: &[Golden]) {
    let ways = reports.len();
    for (at, first) in reports.first().map_or(&[][..], |report| &report.files).iter().enumerate() {
        let of_file = || reports.iter().map(|report| &report.files[at]);
        let (equal, cases) = of_file()
            .filter(|file| file.exempt.is_none())
            .fold((0, 0), |(equal, cases), file| (equal + file.equal, cases + file.cases));
        println!("{}: {equal} of {cases} cases equal", first.name);
    }
    for report in reports {
        for file in &report.files {
            if let Some(reason) = file.exempt {
                println!("not run with {}: {} ({reason} is kept in memory only)", report.variant, file.name);
            }
            if !file.differences.is_empty() {
                println!("\n{} ({}): {} of {} cases equal", file.name, report.variant, file.equal, file.cases);
                file.differences.iter().take(2).for_each(|difference| print!("{difference}"));
            }
        }
    }
    let (later, missing) = without_topology(golden);
    if !later.is_empty() {
        println!("\nno topology yet ({}): {}", later.len(), later.join(" "));
    }
    for name in missing {
        println!("\n{name}: has no topology, and its operators are not known to be missing");
    }
    println!("\n{ways} ways");
    for report in reports {
        println!("  {}: {}", report.variant, report.total());
    }
}

/// The files without a topology: those that wait for operators, and those that ought to have one.
pub fn without_topology(golden: &[Golden]) -> (Vec<&str>, Vec<&str>) {
    let names = golden.iter().map(|golden| golden.name.as_str()).filter(|name| topologies::find(name).is_none());
    names.partition(|name| topologies::is_for_later(name))
}
