//! What is wrong with a topology, with the line of the program that made it so.

use crate::error::{Error, ErrorKind};
use std::panic::Location;

/// One problem.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) sentence: String,
    pub(crate) at: &'static Location<'static>,
}

/// All problems as one error: each on a line of its own, with file and line.
pub(super) fn report(problems: &[Problem]) -> Option<Error> {
    let count = match problems.len() {
        0 => return None,
        1 => "a problem".to_owned(),
        n => format!("{n} problems"),
    };
    let lines: Vec<String> = problems
        .iter()
        .map(|Problem { sentence, at }| format!("\n  {}:{}: {sentence}", at.file(), at.line()))
        .collect();
    Some(Error::new(ErrorKind::Topology, format!("the topology has {count}")).with_detail(lines.concat()))
}
