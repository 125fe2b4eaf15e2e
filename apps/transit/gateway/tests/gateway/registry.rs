//! What holds of the schema registry: what the framework's own client gets from it, and the codes of what it refuses.

use crate::client::{Answer, exchange};
use kstreams::config::RegistryConfig;
use kstreams::error::{Error, ErrorKind};
use kstreams::serde::Registry;
use kstreams::serde::registry::HttpRegistry;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::thread::JoinHandle;
use transit_gateway::registry::{RegistryServer, RegistrySettings};
use transit_model::records::schemas::{WEATHER_KEY, WEATHER_VALUE};
use transit_part::Stop;
use transit_part::log::patiently;

/// A registry that runs until it is dropped.
struct Running {
    address: SocketAddr,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

fn settings(directory: &Path) -> RegistrySettings {
    RegistrySettings { listen: "127.0.0.1:0".into(), dir: directory.join("registry"), body_bytes_max: 10_000 }
}

impl Running {
    fn start(directory: &Path) -> Running {
        let server = RegistryServer::bind(&settings(directory)).unwrap();
        let (address, stop) = (server.address(), Stop::default());
        let stopping = stop.clone();
        Running { address, stop, thread: Some(std::thread::spawn(move || server.run(&stopping))) }
    }

    /// The framework's client.
    fn client(&self) -> HttpRegistry {
        HttpRegistry::new(&RegistryConfig { url: format!("http://{}", self.address), basic_auth: None }).unwrap()
    }

    fn get(&self, path: &str) -> Answer {
        exchange(self.address, &format!("GET {path} HTTP/1.1\r\n"), "")
    }

    fn post(&self, path: &str, body: &str) -> Answer {
        let head = format!("POST {path} HTTP/1.1\r\nContent-Length: {}\r\n", body.len());
        exchange(self.address, &head, body)
    }

    fn register(&self, subject: &str, schema: &str, schema_type: &str) -> Answer {
        let body = json!({"schema": schema, "schemaType": schema_type});
        self.post(&format!("/subjects/{subject}/versions"), &body.to_string())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.request();
        self.thread.take().unwrap().join().unwrap();
    }
}

fn assert_is(answer: &Answer, expected: &Value) {
    assert_eq!((answer.status, &answer.body), (200, expected));
}

fn assert_refused(answer: &Answer, status: u16, error_code: u32) {
    assert_eq!((answer.status, &answer.body["error_code"]), (status, &json!(error_code)), "{}", answer.body);
    assert!(!answer.body["message"].as_str().unwrap().is_empty());
}

const INT: &str = r#""int""#;
const LONG: &str = r#""long""#;

#[test]
fn framework_registers_and_asks_and_finds_the_same_ids_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let register =
        |client: &HttpRegistry, subject: &str, schema: &str| patiently(|| client.register(subject, schema)).unwrap();
    let before = Running::start(directory.path());
    let client = before.client();
    let key = register(&client, "weather-key", WEATHER_KEY);
    let value = register(&client, "weather-value", WEATHER_VALUE);
    assert_ne!(key, value);
    assert_eq!(register(&before.client(), "another-value", WEATHER_VALUE), value, "equal schemas have one id");
    drop((client, before));

    let after = Running::start(directory.path());
    let client = after.client();
    assert_eq!(&*patiently(|| client.schema(value)).unwrap(), WEATHER_VALUE, "as it was given");
    assert_eq!(register(&client, "weather-key", WEATHER_KEY), key);
    assert_eq!(register(&client, "n", INT), value + 1);
}

#[test]
fn framework_is_told_who_must_act() {
    let directory = tempfile::tempdir().unwrap();
    let server = Running::start(directory.path());
    let client = server.client();
    let refused = |answer: Result<u32, Error>| answer.unwrap_err();
    patiently(|| client.register("n", LONG)).unwrap();
    let narrower = refused(patiently(|| client.register("n", INT)));
    assert_eq!(narrower.kind(), ErrorKind::Config);
    assert!(narrower.to_string().contains("incompatible"), "{narrower}");
    let none = refused(patiently(|| client.register("n", r#"{"type":"strnig"}"#)));
    assert_eq!(none.kind(), ErrorKind::Config);
    assert!(none.to_string().contains("invalid"), "{none}");
    assert_eq!(patiently(|| client.schema(99)).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn subjects_versions_and_ids_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let server = Running::start(directory.path());
    assert_is(&server.get("/subjects"), &json!([]));
    assert_is(&server.register("n", INT, "AVRO"), &json!({"id": 1}));
    assert_is(&server.register("n", LONG, "AVRO"), &json!({"id": 2}));
    assert_is(&server.register("n", INT, "AVRO"), &json!({"id": 1}));
    let object = r#"{"type": "object"}"#;
    assert_is(&server.register("a%2Fb", object, "JSON"), &json!({"id": 3}));
    assert_is(&server.register("c", INT, "AVRO"), &json!({"id": 1}));

    let first = json!({"subject": "n", "id": 1, "version": 1, "schema": INT});
    let second = json!({"subject": "n", "id": 2, "version": 2, "schema": LONG});
    let of_json = json!({"subject": "a/b", "id": 3, "version": 1, "schema": object, "schemaType": "JSON"});
    assert_is(&server.get("/subjects"), &json!(["a/b", "c", "n"]));
    assert_is(&server.get("/subjects/n/versions"), &json!([1, 2]));
    assert_is(&server.get("/subjects/n/versions/1"), &first);
    assert_is(&server.get("/subjects/n/versions/latest"), &second);
    assert_is(&server.get("/subjects/a%2Fb/versions/latest"), &of_json);
    assert_is(&server.get("/subjects/n/versions/2/schema"), &json!("long"));
    assert_is(&server.get("/schemas/ids/1?deleted=true"), &json!({"schema": INT}));
    assert_is(&server.get("/schemas/ids/3"), &json!({"schema": object, "schemaType": "JSON"}));
    assert_is(&server.get("/schemas/ids/3/schema"), &json!({"type": "object"}));
    let uses = json!([{"subject": "c", "version": 1}, {"subject": "n", "version": 1}]);
    assert_is(&server.get("/schemas/ids/1/versions"), &uses);

    let asked = |schema: &str| server.post("/subjects/n", &json!({"schema": schema}).to_string());
    assert_is(&asked(r#"{"type": "int"}"#), &first);
    assert_is(&asked(LONG), &second);
}

#[test]
fn configuration_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let server = Running::start(directory.path());
    let backward = json!({"compatibilityLevel": "BACKWARD"});
    assert_is(&server.get("/config"), &backward);
    assert_is(&server.get("/config/n?defaultToGlobal=true"), &backward);
    assert_refused(&server.get("/config/n"), 404, 40_408);
    assert_is(&server.get("/mode"), &json!({"mode": "READWRITE"}));
    assert_is(&server.get("/schemas/types"), &json!(["AVRO", "JSON"]));
    assert_is(&server.get("/healthz"), &json!({"status": "ok"}));
    assert_is(&server.get("/"), &json!({}));
}

#[test]
fn what_is_refused_has_its_code_and_is_not_kept() {
    let directory = tempfile::tempdir().unwrap();
    let server = Running::start(directory.path());
    server.register("n", LONG, "AVRO");
    for (path, status, error_code) in [
        ("/subjects/x/versions", 404, 40_401),
        ("/subjects/x/versions/1", 404, 40_401),
        ("/subjects/x/versions/latest", 404, 40_401),
        ("/subjects/n/versions/2", 404, 40_402),
        ("/subjects/n/versions/0", 422, 42_202),
        ("/subjects/n/versions/last", 422, 42_202),
        ("/schemas/ids/2", 404, 40_403),
        ("/schemas/ids/0", 404, 40_403),
        ("/schemas/ids/one", 404, 404),
        ("/nothing", 404, 404),
        ("/subjects/%zz/versions", 400, 400),
    ] {
        assert_refused(&server.get(path), status, error_code);
    }
    let proposal = |schema: &str, schema_type: &str| json!({"schema": schema, "schemaType": schema_type}).to_string();
    let with_reference =
        json!({"schema": INT, "references": [{"name": "r", "subject": "n", "version": 1}]}).to_string();
    for (body, status, error_code) in [
        ("{".to_owned(), 400, 400),
        ("[]".to_owned(), 422, 422),
        (json!({"schema": 1}).to_string(), 422, 422),
        (proposal(r#"{"type": "strnig"}"#, "AVRO"), 422, 42_201),
        (proposal("no JSON", "JSON"), 422, 42_201),
        (proposal("1", "JSON"), 422, 42_201),
        (proposal("syntax = \"proto3\";", "PROTOBUF"), 422, 42_201),
        (with_reference, 422, 42_201),
        (proposal(INT, "AVRO"), 409, 409),
        (proposal("{}", "JSON"), 409, 409),
        (json!({"schema": " ".repeat(10_000)}).to_string(), 413, 413),
    ] {
        assert_refused(&server.post("/subjects/n/versions", &body), status, error_code);
    }
    let int = json!({"schema": INT}).to_string();
    assert_refused(&server.post("/subjects/n", &int), 404, 40_403);
    assert_refused(&server.post("/subjects/x", &int), 404, 40_401);
    assert_refused(&server.post("/config", &int), 405, 405);
    assert_refused(&exchange(server.address, "DELETE /subjects/n HTTP/1.1\r\n", ""), 405, 405);
    assert_is(&server.get("/subjects"), &json!(["n"]));
    assert_is(&server.get("/subjects/n/versions"), &json!([1]));
}

#[test]
fn directory_belongs_to_one_registry() {
    let directory = tempfile::tempdir().unwrap();
    let server = Running::start(directory.path());
    let second = RegistryServer::bind(&settings(directory.path())).err().unwrap();
    assert_eq!(second.kind(), ErrorKind::InUse);
    drop(server);
    assert!(RegistryServer::bind(&settings(directory.path())).is_ok());
}
