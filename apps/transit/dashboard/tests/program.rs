//! The program: how it starts, is refused and ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};

fn program(directory: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_transit-dashboard"));
    command.current_dir(directory).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

fn ends(arguments: &[&str]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    program(directory.path()).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn help_names_every_flag_and_its_variable() {
    let output = ends(&["--help"]);
    assert!(output.status.success());
    let help = text(&output.stdout);
    for flag in ["--log", "--registry", "--listen", "--pages-max", "--state-dir", "--id"] {
        assert!(help.contains(flag), "{flag}: {help}");
    }
    assert!(help.contains("TRANSIT_DASHBOARD_LISTEN=") && help.contains("[default: 127.0.0.1:8888]"), "{help}");
}

#[test]
fn an_unknown_flag_names_the_nearest() {
    let output = ends(&["--lisen", "127.0.0.1:0"]);
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("'--listen'"), "{}", text(&output.stderr));
}

#[test]
fn a_port_in_use_is_one_sentence_and_a_failure() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let output = ends(&["--listen", &listen]);
    assert!(!output.status.success());
    let expected = format!(
        "error: the page cannot be served: {listen} is used by another program (choose another address with --listen)\n"
    );
    assert_eq!(text(&output.stderr), expected);
}

#[test]
fn a_signal_ends_it_in_order() {
    for signal in ["TERM", "INT"] {
        let directory = tempfile::tempdir().unwrap();
        let mut process =
            program(directory.path()).args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("dashboard: http://").expect("it says where the page is").to_owned();
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: page\r\nconnection: close\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        assert!(page.contains("<title>CTA Status</title>"));
        let sent = Command::new("kill").args(["-s", signal, &process.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert!(process.wait().unwrap().success(), "{signal}");
    }
}
