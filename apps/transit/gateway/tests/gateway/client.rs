//! A gateway on a log of its own, and the plainest of HTTP clients.

use kstreams::log::client::{ReceivedMessage, read_all};
use kstreams::log::{Log, NewTopic, connect};
use kstreams::record::{SystemClock, Topic};
use kstreams::serde::Registry;
use kstreams::serde::avro::{AvroSchema, split_frame};
use kstreams::serde::registry::EmbeddedRegistry;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use transit_gateway::{Gateway, GatewaySettings};
use transit_part::Stop;
use transit_part::log::create_topics;

pub const AVRO: &str = "application/vnd.kafka.avro.v2+json";
pub const JSON: &str = "application/vnd.kafka.json.v2+json";
pub const BINARY: &str = "application/vnd.kafka.binary.v2+json";

/// A gateway that runs until it is dropped.
pub struct Running {
    pub address: SocketAddr,
    pub log: Arc<dyn Log>,
    pub registry: Arc<EmbeddedRegistry>,
    stop: Stop,
    thread: Option<JoinHandle<kstreams::error::Result<()>>>,
}

/// An answer: status and body.
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

/// Sends a head, to which host and end are added, and a body to whoever listens there.
pub fn exchange(address: SocketAddr, head: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{head}Host: gateway\r\nConnection: close\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, body: serde_json::from_str(body).unwrap_or_else(|_| panic!("not JSON: {body:?}")) }
}

pub fn settings() -> GatewaySettings {
    GatewaySettings { listen: "127.0.0.1:0".into(), body_bytes_max: 10_000, id: "gateway".into() }
}

impl Running {
    /// A gateway on a log of that name, with these topics.
    pub fn start(name: &str, topics: &[(&str, i32)]) -> Running {
        let log = connect(&format!("embedded-memory:gateway-{name}"), Arc::new(SystemClock)).unwrap();
        let topics: Vec<NewTopic> =
            topics.iter().map(|(topic, partitions)| NewTopic::new(*topic, *partitions)).collect();
        create_topics(&*log, &topics).unwrap();
        let (registry, stop) = (Arc::new(EmbeddedRegistry::default()), Stop::default());
        let gateway = Gateway::bind(log.clone(), registry.clone(), &settings()).unwrap();
        let address = gateway.address();
        let thread = {
            let stop = stop.clone();
            std::thread::spawn(move || gateway.run(&stop))
        };
        Running { address, log, registry, stop, thread: Some(thread) }
    }

    /// Sends a request with a body of that type.
    pub fn post(&self, path: &str, content_type: &str, body: &str) -> Answer {
        let head =
            format!("POST {path} HTTP/1.1\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n", body.len());
        self.exchange(&head, body)
    }

    /// Sends a request without a body.
    pub fn request(&self, method: &str, path: &str) -> Answer {
        self.exchange(&format!("{method} {path} HTTP/1.1\r\n"), "")
    }

    /// Sends a head, to which host and end are added, and a body.
    pub fn exchange(&self, head: &str, body: &str) -> Answer {
        exchange(self.address, head, body)
    }

    /// Everything that a reader of committed messages finds in the topic.
    pub fn messages(&self, topic: &str) -> Vec<ReceivedMessage> {
        read_all(&*self.log, &Topic::from(topic), Duration::from_secs(10)).unwrap()
    }

    /// What a consumer makes of Avro bytes who knows only the registry.
    pub fn decode(&self, bytes: &[u8]) -> Value {
        let (id, body) = split_frame(bytes).unwrap();
        AvroSchema::parse(&self.registry.schema(id).unwrap()).unwrap().decode_json(body).unwrap()
    }

    /// Stops the gateway and returns how it ended.
    pub fn stop(&mut self) -> kstreams::error::Result<()> {
        self.stop.request();
        self.thread.take().map_or(Ok(()), |thread| thread.join().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let ended = self.stop();
        assert!(ended.is_ok() || std::thread::panicking(), "{ended:?}");
    }
}
