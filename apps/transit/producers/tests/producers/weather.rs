//! Weather over HTTP: an hour is reported once, whatever becomes of the answer.

use crate::bench::{decode, messages, production, values};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use transit_gateway::{Gateway, GatewaySettings};
use transit_model::calendar::HOUR_MS;
use transit_model::names::WEATHER;
use transit_model::simulation::{SimulatedClock, Weather};
use transit_part::Stop;
use transit_producers::{Production, WeatherSettings, run_weather};

/// A gateway that runs until it is dropped.
struct RunningGateway {
    address: SocketAddr,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl RunningGateway {
    fn start(production: &Production) -> Self {
        let settings = GatewaySettings { listen: "127.0.0.1:0".into(), body_bytes_max: 100_000, id: "g".into() };
        let gateway = Gateway::bind(production.log.clone(), production.registry.clone(), &settings).unwrap();
        let (address, stop) = (gateway.address(), Stop::default());
        let until = stop.clone();
        RunningGateway { address, stop, thread: Some(std::thread::spawn(move || gateway.run(&until).unwrap())) }
    }
}

impl Drop for RunningGateway {
    fn drop(&mut self) {
        self.stop.request();
        self.thread.take().into_iter().for_each(|thread| thread.join().unwrap());
    }
}

fn settings(address: SocketAddr) -> WeatherSettings {
    WeatherSettings { gateway: format!("http://{address}") }
}

/// The reports that seed 7 gives, without any producer.
fn expected(hours: usize) -> Vec<(i64, String)> {
    let mut weather = Weather::new(SimulatedClock::new(7, 1_795_132_800_000));
    let report = |weather: &mut Weather| weather.step();
    (0..hours)
        .map(|_| report(&mut weather))
        .map(|report| (report.simulated_time.unwrap(), report.status.to_string()))
        .collect()
}

fn reported(production: &Production) -> Vec<(i64, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    values(production, WEATHER)
        .iter()
        .map(|value| (value["simulated_time"].as_i64().unwrap(), text(&value["status"])))
        .collect()
}

#[test]
fn every_hour_is_reported_once_over_restarts() {
    let production = production("weather", 24, 1);
    let gateway = RunningGateway::start(&production);
    let first = run_weather(&production, &settings(gateway.address)).unwrap();
    assert_eq!((first.events, first.events_total), (2, 2), "24 steps of five minutes are two hours");
    let mut more = production.clone();
    more.pace.steps = Some(60);
    let second = run_weather(&more, &settings(gateway.address)).unwrap();
    assert_eq!((second.events, second.events_total), (5, 7));
    assert_eq!(reported(&production), expected(7));
    let times: Vec<i64> = reported(&production).iter().map(|(ms, _)| *ms).collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == HOUR_MS));
    let key = messages(&production, WEATHER)[0].key.clone().unwrap();
    assert!(decode(&production, &key)["timestamp"].is_i64());
}

/// Passes requests on to `gateway`; loses the request of every third connection, and the answer of the next.
fn faulty_proxy(gateway: SocketAddr) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, connections) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = connections.clone();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let number = count.fetch_add(1, Ordering::SeqCst);
            forward(client.unwrap(), gateway, number % 3 != 0, number % 3 != 1);
        }
    });
    (address, connections)
}

fn forward(mut client: TcpStream, gateway: SocketAddr, delivers_request: bool, delivers_answer: bool) {
    let request = read_message(&mut client);
    if !delivers_request {
        return;
    }
    // Both halves stay open until the answer is here: a server may give up a request whose client has closed one.
    let mut server = TcpStream::connect(gateway).unwrap();
    server.write_all(&request).unwrap();
    let answer = read_message(&mut server);
    if delivers_answer {
        client.write_all(&answer).unwrap();
    }
}

/// A request or an answer.
fn read_message(stream: &mut TcpStream) -> Vec<u8> {
    let (mut message, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut buffer).unwrap();
        message.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&message).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap().parse::<usize>().unwrap();
        if body.len() >= length || read == 0 {
            return message;
        }
    }
}

#[test]
fn lost_request_is_sent_again_and_lost_answer_is_not() {
    let production = production("weather-lossy", 48, 1);
    let gateway = RunningGateway::start(&production);
    let (proxy, connections) = faulty_proxy(gateway.address);
    let produced = run_weather(&production, &settings(proxy)).unwrap();
    assert_eq!(produced.events, 4);
    assert_eq!(reported(&production), expected(4));
    assert!(connections.load(Ordering::SeqCst) > 4, "some were lost");
}

#[test]
fn gateway_that_refuses_ends_the_producer_with_its_words() {
    let production = production("weather-refused", 12, 1);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        read_message(&mut client);
        let body = r#"{"error_code":42203,"message":"no"}"#;
        write!(client, "HTTP/1.1 422 Unprocessable Entity\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    });
    let refused = run_weather(&production, &settings(address)).unwrap_err();
    assert!(refused.to_string().contains("the gateway refuses the report: 422"), "{refused}");
    assert!(refused.to_string().contains("42203"), "{refused}");
}

#[test]
fn gateway_that_does_not_answer_is_tried_again_until_the_stop() {
    let mut production = production("weather-missing", 12, 1);
    production.pace.steps = None;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), production.stop.clone());
    std::thread::spawn(move || {
        listener.incoming().take(2).for_each(drop);
        stop.request();
    });
    assert_eq!(run_weather(&production, &settings(address)).unwrap().events, 0);
    assert_eq!(reported(&production), []);
}
