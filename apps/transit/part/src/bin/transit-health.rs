//! Asks a program of transit whether it is well: the health check of its container, which has no other HTTP client.

use clap::Parser;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

/// The longest that each step of the question may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 4_096;

/// Ends with 0 if the address answers 200, and with 1 and the reason otherwise.
#[derive(Parser)]
#[command(name = "transit-health", version)]
struct Program {
    /// What is asked
    #[arg(env = "TRANSIT_HEALTH", value_name = "URL", default_value = "http://127.0.0.1:9100/healthz")]
    url: String,
}

fn main() -> ExitCode {
    let Program { url } = Program::parse();
    match ask(&url) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{url}: {why}");
            ExitCode::FAILURE
        }
    }
}

fn ask(url: &str) -> Result<(), String> {
    let rest = url.strip_prefix("http://").ok_or("it does not begin with http://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let answer = exchange(host, path).map_err(|error| error.to_string())?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split(' ').nth(1) {
        Some("200") => Ok(()),
        Some(status) => Err(format!("{status} {}", body.trim())),
        None => Err("no answer".into()),
    }
}

fn exchange(host: &str, path: &str) -> std::io::Result<String> {
    let nowhere = || std::io::Error::other("the name has no address");
    let address = host.to_socket_addrs()?.next().ok_or_else(nowhere)?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
