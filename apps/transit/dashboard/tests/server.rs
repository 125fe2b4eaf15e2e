//! The server over real connections: what it answers, streams, refuses, and how it stops.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use transit_dashboard::view::{Arrival, Event, Stamp, Station};
use transit_dashboard::{Health, Hub, Options, Server};
use transit_model::Line;
use transit_model::records::{Direction, TrainStatus, WeatherStatus};

/// A server on a free port, stopped when dropped.
struct Running {
    hub: Hub,
    address: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(options: Options) -> Running {
        Running::start_with(options, || Health::Working)
    }

    fn start_with(options: Options, probe: impl Fn() -> Health + Send + Sync + 'static) -> Running {
        let hub = Hub::new();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (started, start) = mpsc::channel();
        let options = Options { listen: ([127, 0, 0, 1], 0).into(), publish_every_ms: 1, ..options };
        let fed = hub.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let server = Server::bind(fed, options).await.unwrap().with_probe(probe);
                started.send(server.address()).unwrap();
                server.run(async { drop(stopped.await) }).await;
            });
        });
        Running { hub, address: start.recv().unwrap(), stop: Some(stop), thread: Some(thread) }
    }

    fn with_a_station() -> Running {
        let server = Running::start(Options::default());
        for (line, order) in [(Line::Blue, 16), (Line::Green, 14)] {
            let name = "Clark/Lake".into();
            server.hub.apply(Event::Station(Station { line, station_id: 40380, name, order: Some(order) }));
        }
        server
    }

    fn stop(&mut self) {
        self.stop.take().map(|stop| stop.send(()));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    /// Sends one request and returns the head in lower case, and the body.
    fn ask(&self, request: &str) -> (String, String) {
        let mut stream = connect(self.address);
        write!(stream, "{request}\r\nhost: page\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        (head.to_lowercase(), body.to_owned())
    }

    fn get(&self, path: &str) -> (String, String) {
        self.ask(&format!("GET {path} HTTP/1.1"))
    }

    fn watch(&self) -> BufReader<TcpStream> {
        let mut stream = connect(self.address);
        write!(stream, "GET /events HTTP/1.1\r\nhost: page\r\n\r\n").unwrap();
        BufReader::new(stream)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// The next line that begins with `start`; fails when the stream ends before.
fn line_with(stream: &mut impl BufRead, start: &str) -> String {
    let mut line = String::new();
    while stream.read_line(&mut line).expect("the stream can be read") > 0 {
        if line.starts_with(start) {
            return line.trim_end().to_owned();
        }
        line.clear();
    }
    panic!("the stream ended before a line with `{start}`");
}

fn stamp(topic: &str, offset: i64) -> Stamp {
    Stamp { topic: topic.into(), partition: 0, offset, time_ms: offset }
}

fn arrival(station_id: i32, offset: i64) -> Event {
    Event::Arrival(Arrival {
        train_id: "BL000".into(),
        line: Line::Blue,
        station_id,
        direction: Direction::B,
        status: TrainStatus::Delayed,
        prev_station_id: None,
        stamp: stamp("arrivals", offset),
    })
}

#[test]
fn page_and_its_files_come_with_their_types_and_a_strict_policy() {
    let server = Running::start(Options::default());
    let files = [
        ("/", "text/html; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/favicon.svg", "image/svg+xml"),
    ];
    for (path, content_type) in files {
        let (head, body) = server.get(path);
        assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
        assert!(head.contains(&format!("content-type: {content_type}")), "{path}: {head}");
        assert!(head.contains("content-security-policy: default-src 'none'; script-src 'self'"), "{path}: {head}");
        assert!(head.contains("x-content-type-options: nosniff"), "{path}: {head}");
        assert!(!body.is_empty(), "{path}");
    }
    assert!(server.get("/").1.contains("<title>CTA Status</title>"));
}

#[test]
fn a_file_that_the_browser_has_is_not_sent_again() {
    let server = Running::start(Options::default());
    let (head, _) = server.get("/app.js");
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).expect("a file has a tag").to_owned();
    for held in [tag.clone(), format!("\"other\", W/{tag}")] {
        let (head, body) = server.ask(&format!("GET /app.js HTTP/1.1\r\nif-none-match: {held}"));
        assert!(head.starts_with("http/1.1 304"), "{head}");
        assert_eq!(body, "");
    }
    let (head, _) = server.ask("GET /app.js HTTP/1.1\r\nif-none-match: \"other\"");
    assert!(head.starts_with("http/1.1 200"), "{head}");
}

#[test]
fn wrong_requests_are_answered_with_an_error_in_json() {
    let server = Running::with_a_station();
    let cases = [
        ("GET /nothing HTTP/1.1", 404, "there is nothing at this path"),
        ("GET /api/stations/1 HTTP/1.1", 404, "no station has the id 1"),
        ("GET /api/stations/ohare HTTP/1.1", 400, "a station's id is a number, such as 40380"),
        ("POST /api/lines HTTP/1.1", 405, "only GET is answered here"),
        ("GET /api/weather HTTP/1.1", 503, "no weather report has arrived yet"),
    ];
    for (request, status, message) in cases {
        let (head, body) = server.ask(request);
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{request}: {head}");
        let error: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(error, serde_json::json!({ "error_code": status, "message": message }), "{request}");
    }
    assert!(server.ask("DELETE / HTTP/1.1").0.contains("allow: get, head"));
}

#[test]
fn api_tells_lines_stations_and_weather() {
    let server = Running::with_a_station();
    server.hub.apply(arrival(40380, 1));
    server.hub.apply(Event::Entries { station_id: 40380, count: 12 });
    server.hub.apply(Event::Weather { temperature: -0.4, status: WeatherStatus::Windy, stamp: stamp("weather", 0) });
    let json = |path| serde_json::from_str::<serde_json::Value>(&server.get(path).1).unwrap();
    let lines = json("/api/lines");
    assert_eq!(lines[0]["line"], "blue");
    assert_eq!(lines[0]["color"], "#1E90FF");
    let train = serde_json::json!([{ "train_id": "BL000", "status": "delayed" }]);
    assert_eq!(lines[0]["stations"][0]["direction_b"], train);
    assert_eq!(lines[1]["stations"][0]["direction_b"], serde_json::json!([]), "the train is on the blue line only");
    let station = json("/api/stations/40380");
    assert_eq!((&station["entries"], &station["riders_last_hour"]), (&12.into(), &serde_json::Value::Null));
    assert_eq!(station["lines"].as_array().unwrap().len(), 2);
    let weather = serde_json::json!({ "temperature": 0, "status": "windy", "description": "Windy" });
    assert_eq!(json("/api/weather"), weather);
}

#[test]
fn ready_is_who_knows_the_stations() {
    let server = Running::start(Options::default());
    assert!(server.get("/healthz").0.starts_with("http/1.1 200"));
    let (head, body) = server.get("/readyz");
    assert!(head.starts_with("http/1.1 503"), "{head}");
    assert!(body.contains("waiting for the station table"), "{body}");
    server.hub.apply(Event::Station(Station { line: Line::Red, station_id: 1, name: "A".into(), order: None }));
    assert!(server.get("/readyz").0.starts_with("http/1.1 200"));
}

#[test]
fn health_is_that_of_those_who_feed_the_page() {
    let health = Arc::new(Mutex::new(Health::Starting("restoring".into())));
    let told = health.clone();
    let server = Running::start_with(Options::default(), move || told.lock().unwrap().clone());
    server.hub.apply(Event::Station(Station { line: Line::Red, station_id: 1, name: "A".into(), order: None }));
    let answers =
        || ["/healthz", "/readyz"].map(|path| server.get(path)).map(|(head, body)| (head[9..12].to_owned(), body));
    let [(alive, _), (ready, why)] = answers();
    assert_eq!((alive.as_str(), ready.as_str()), ("200", "503"));
    assert!(why.contains("restoring"), "{why}");
    *health.lock().unwrap() = Health::Failed("the disk is full".into());
    let [(alive, why), (ready, _)] = answers();
    assert_eq!((alive.as_str(), ready.as_str()), ("503", "503"));
    assert!(why.contains("the disk is full"), "{why}");
    *health.lock().unwrap() = Health::Working;
    assert_eq!(answers().map(|(status, _)| status), ["200", "200"]);
}

#[test]
fn metrics_count_answers_and_what_is_shown() {
    let server = Running::with_a_station();
    server.get("/nothing");
    let (head, body) = server.get("/metrics");
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    assert!(body.contains("transit_dashboard_answers_total{status=\"404\"} 1"), "{body}");
    assert!(body.contains("transit_dashboard_rows 2"), "{body}");
    assert!(body.contains("transit_dashboard_waiting 4"), "{body}");
}

#[test]
fn events_begin_with_a_snapshot_and_go_on_with_changes() {
    let server = Running::with_a_station();
    let mut stream = server.watch();
    line_with(&mut stream, "content-type: text/event-stream");
    line_with(&mut stream, "event: snapshot");
    server.hub.apply(arrival(40380, 1));
    loop {
        line_with(&mut stream, "event: delta");
        let delta = line_with(&mut stream, "data: ");
        if delta.contains("BL000") {
            assert!(delta.contains(r#""station_id":40380,"direction":"b","status":"delayed""#), "{delta}");
            return;
        }
    }
}

#[test]
fn a_silent_stream_beats() {
    let server = Running::start(Options { heartbeat_ms: 1, ..Options::default() });
    let mut stream = server.watch();
    line_with(&mut stream, ": heartbeat");
    line_with(&mut stream, "event: beat");
}

#[test]
fn one_watcher_too_many_is_told_to_come_back() {
    let server = Running::start(Options { watchers_max: 1, ..Options::default() });
    let mut first = server.watch();
    line_with(&mut first, "event: snapshot");
    let (head, body) = server.get("/events");
    assert!(head.starts_with("http/1.1 503"), "{head}");
    assert!(head.contains("retry-after: 5"), "{head}");
    assert!(body.contains("too many pages are open"), "{body}");
}

#[test]
fn a_watcher_that_leaves_makes_room() {
    let server = Running::start(Options { watchers_max: 1, heartbeat_ms: 1, ..Options::default() });
    for _ in 0..5 {
        let mut stream = server.watch();
        line_with(&mut stream, "event: snapshot");
        drop(stream);
        while !server.get("/metrics").1.contains("transit_dashboard_watchers 0") {}
    }
}

#[test]
fn a_watcher_that_falls_behind_is_given_a_snapshot() {
    let server = Running::with_a_station();
    let mut stream = server.watch();
    line_with(&mut stream, "event: snapshot");
    // Changes until the connection takes no more and the ring has gone round: names are long so that this is soon.
    let mut metrics = String::new();
    for round in 0..u64::MAX {
        let name = format!("{round}").repeat(20_000);
        server.hub.apply(Event::Station(Station { line: Line::Red, station_id: 7, name, order: None }));
        server.hub.publish();
        metrics = server.get("/metrics").1;
        // The server notices when it may write again, so the watcher reads now and then.
        if round > 200 {
            stream.read_line(&mut String::new()).unwrap();
        }
        if metrics.contains("transit_dashboard_lagged_total 1") {
            break;
        }
    }
    line_with(&mut stream, "event: snapshot");
    assert!(metrics.contains("transit_dashboard_watchers 1"), "it is still the same watcher");
}

#[test]
fn stopping_ends_streams_and_frees_the_port() {
    let mut server = Running::with_a_station();
    let mut stream = server.watch();
    line_with(&mut stream, "event: snapshot");
    server.stop();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("the stream ends properly");
    assert!(rest.ends_with("0\r\n\r\n"), "the last chunk was sent: {rest:?}");
    std::net::TcpListener::bind(server.address).expect("the port is free again");
}

#[test]
fn a_port_in_use_is_one_clear_sentence() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime
        .block_on(Server::bind(Hub::new(), Options { listen, ..Options::default() }))
        .err()
        .expect("the port is taken");
    let expected = format!(
        "the page cannot be served: {listen} is used by another program (choose another address with --listen)"
    );
    assert_eq!(error.to_string(), expected);
}
