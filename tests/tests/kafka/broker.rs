//! The brokers that the other tests stand on.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use system_tests::kafka::Broker;

/// Set for a copy of this test program that starts a broker and waits to be killed.
const VICTIM: &str = "KSTREAMS_TEST_VICTIM";

fn is_listening(servers: &str) -> bool {
    servers.split(',').any(|address| TcpStream::connect(address).is_ok())
}

#[test]
fn shared_broker_is_one_and_answers() {
    let Some(broker) = Broker::shared() else { return };
    assert!(is_listening(broker.servers()));
    assert_eq!(broker.servers(), Broker::shared().unwrap().servers());
    assert_eq!(broker.url(), format!("kafka://{}", broker.servers()));
}

#[test]
fn one_of_three_brokers_is_killed_and_comes_back() {
    let Some(cluster) = Broker::start(3) else { return };
    let addresses: Vec<&str> = cluster.servers().split(',').collect();
    assert_eq!(addresses.len(), 3);

    cluster.kill(2);
    assert_eq!([1, 2, 3].map(|node| cluster.answers(node)), [true, false, true]);
    assert!(!is_listening(addresses[1]));

    cluster.restart(2);
    assert!(cluster.answers(2));
    assert!(is_listening(addresses[1]), "it has its old address");

    // Not their ports: another test's broker may have one of them a moment later.
    let processes = cluster.process_ids();
    assert_eq!(processes.len(), 3);
    drop(cluster);
    // One that has ended and was not waited for has no command line any more.
    let command = |process: &u32| std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let alive = |process: &u32| !command(process).is_empty();
    assert!(!processes.iter().any(alive), "nothing outlives the handle");
}

/// The victim: says where its broker is, and never ends by itself.
#[test]
fn brokers_end_with_a_program_that_was_killed() {
    if std::env::var_os(VICTIM).is_some() {
        let broker = Broker::start(1).expect("the test above it has found one");
        println!("servers {}", broker.servers());
        std::io::stdin().read_to_end(&mut Vec::new()).expect("nothing is sent");
        return;
    }
    if Broker::shared().is_none() {
        return;
    }
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "broker::brokers_end_with_a_program_that_was_killed", "--nocapture"]);
    let mut victim = command.env(VICTIM, "1").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let said = BufReader::new(victim.stdout.take().expect("it is piped")).lines().map_while(Result::ok);
    let servers = said.filter_map(|line| Some(line.split_once("servers ")?.1.to_owned())).next();
    let servers = servers.expect("it says where its broker is");
    assert!(is_listening(&servers));

    victim.kill().expect("it can be killed");
    victim.wait().expect("it has ended");
    let begun = Instant::now();
    while is_listening(&servers) {
        assert!(begun.elapsed() < Duration::from_secs(60), "the broker outlives the program that started it");
        std::thread::sleep(Duration::from_millis(20));
    }
}
