//! Programs that cannot do their work: one sentence at the end, and a status that is not 0.

use kstreams::log::client::create_topics;
use kstreams::log::{NewTopic, connect};
use kstreams::record::SystemClock;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;
use system_tests::kafka::Broker;
use system_tests::program;
use transit_turnstiles::{APPLICATION_ID, SUMMARY_STORE};

/// Runs transit's turnstiles, built beside this program, to its end.
pub fn turnstiles(log: &str, variables: &[(&str, &str)]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(program("transit-turnstiles"));
    command.args(["--log", log, "--registry", "http://127.0.0.1:1", "--state-dir"]).arg(directory.path());
    command.envs(variables.iter().copied()).output().expect("it can be run")
}

/// The last thing that a program says, which has failed.
pub fn last_sentence(ran: &Output) -> String {
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(1), "{said}");
    let last = said.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or_else(|| panic!("no sentence at the end: {said}")).to_owned()
}

#[test]
fn program_without_a_broker_names_the_address() {
    let said = last_sentence(&turnstiles("kafka://127.0.0.1:1", &[]));
    assert!(said.starts_with("creating topics: no broker of `127.0.0.1:1` answers"), "{said}");
    assert!(said.contains("check that the brokers run"), "{said}");
}

#[test]
fn program_whose_threads_have_failed_ends_with_their_error() {
    let Some(broker) = Broker::start(1) else { return };
    let log = connect(&broker.url(), Arc::new(SystemClock)).unwrap();
    let changelog = format!("{APPLICATION_ID}-{SUMMARY_STORE}-changelog");
    create_topics(&*log, &[NewTopic::new(&changelog, 7)], Duration::from_secs(60)).unwrap();
    let said = last_sentence(&turnstiles(&broker.url(), &[]));
    let expected = format!("internal topic `{changelog}` has 7 partitions instead of 1");
    assert!(said.contains(&expected), "{said}");
    assert!(said.contains("reset the application"), "{said}");
}
