//! What is refused, with which code, and that nothing of it is written.

use crate::client::{AVRO, Answer, BINARY, JSON, Running};
use kstreams::log::{NewTopic, TopicConfig};
use serde_json::json;
use transit_part::log::create_topics;

const VALUE_SCHEMA: &str =
    r#"{"type": "record", "name": "r", "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": "string"}]}"#;

fn avro(value_schema: &str, records: serde_json::Value) -> String {
    json!({"value_schema": value_schema, "records": records}).to_string()
}

fn assert_refused(answer: &Answer, status: u16, error_code: u32) {
    assert_eq!((answer.status, &answer.body["error_code"]), (status, &json!(error_code)), "{}", answer.body);
    assert!(!answer.body["message"].as_str().unwrap().is_empty());
}

#[test]
fn malformed_request_is_answered_with_its_code_and_writes_nothing() {
    let gateway = Running::start("malformed", &[("t", 2)]);
    let good = json!({"value": {"a": 1, "b": "x"}});
    let wrong_type = json!([good, {"value": {"a": "one", "b": "x"}}]);
    let no_field = json!([good, {"value": {"a": 1}}]);
    let unknown_field = json!([good, {"value": {"a": 1, "b": "x", "c": 1}}]);
    let cases: Vec<(&str, String, u16, u32)> = vec![
        (AVRO, "{".into(), 400, 400),
        (JSON, "not json".into(), 400, 400),
        (AVRO, "[]".into(), 422, 422),
        (JSON, r#"{"records": []}"#.into(), 422, 422),
        (JSON, r#"{"records": [{"value": 1, "headers": []}]}"#.into(), 422, 422),
        (JSON, r#"{"value_schema": "\"int\"", "records": [{"value": 1}]}"#.into(), 422, 422),
        (BINARY, r#"{"records": [{"value": "AP8="}, {"value": "?"}]}"#.into(), 422, 422),
        (BINARY, r#"{"records": [{"value": "AP8="}, {"value": 1}]}"#.into(), 422, 422),
        (AVRO, r#"{"value_schema": "\"int\"", "records": [{"key": 1, "value": 1}]}"#.into(), 422, 42_201),
        (AVRO, r#"{"records": [{"value": 1}]}"#.into(), 422, 42_202),
        (AVRO, avro(VALUE_SCHEMA, wrong_type), 422, 42_203),
        (AVRO, avro(VALUE_SCHEMA, no_field), 422, 42_203),
        (AVRO, avro(VALUE_SCHEMA, unknown_field), 422, 42_203),
        (AVRO, avro(r#"{"type": "strnig"}"#, json!([{"value": "x"}])), 422, 42_205),
        (AVRO, avro("not json", json!([{"value": "x"}])), 422, 42_205),
        (AVRO, r#"{"value_schema_id": 99, "records": [{"value": 1}]}"#.into(), 422, 42_205),
        (JSON, r#"{"records": [{"value": 1}, {"value": 1, "partition": 2}]}"#.into(), 404, 40_402),
        (JSON, r#"{"records": [{"value": 1, "partition": -1}]}"#.into(), 404, 40_402),
    ];
    for (content_type, body, status, error_code) in cases {
        assert_refused(&gateway.post("/topics/t", content_type, &body), status, error_code);
    }
    assert_eq!(gateway.messages("t"), []);
    assert!(gateway.registry.subjects().is_empty(), "a schema is registered only with records that fit it");
}

#[test]
fn incompatible_schema_is_refused() {
    let gateway = Running::start("incompatible", &[("t", 1)]);
    assert_eq!(gateway.post("/topics/t", AVRO, &avro(r#""int""#, json!([{"value": 1}]))).status, 200);
    assert_refused(&gateway.post("/topics/t", AVRO, &avro(r#""boolean""#, json!([{"value": true}]))), 422, 42_205);
    assert_eq!(gateway.messages("t").len(), 1);
}

#[test]
fn topic_that_does_not_exist_is_not_created() {
    let gateway = Running::start("unknown", &[]);
    assert_refused(&gateway.post("/topics/t", JSON, r#"{"records": [{"value": 1}]}"#), 404, 40_401);
    assert_eq!(gateway.request("GET", "/topics").body, json!([]));
}

#[test]
fn content_type_that_is_not_known_is_415() {
    let gateway = Running::start("content-type", &[("t", 1)]);
    let body = r#"{"records": [{"value": 1}]}"#;
    assert_refused(&gateway.post("/topics/t", "application/json", body), 415, 415);
    let head = format!("POST /topics/t HTTP/1.1\r\nContent-Length: {}\r\n", body.len());
    assert_refused(&gateway.exchange(&head, body), 415, 415);
    assert_eq!(gateway.messages("t"), []);
}

#[test]
fn body_that_is_too_large_is_413_announced_or_not() {
    let gateway = Running::start("large", &[("t", 1)]);
    let value = "x".repeat(20_000);
    let body = json!({"records": [{"value": value}]}).to_string();
    assert_refused(&gateway.post("/topics/t", JSON, &body), 413, 413);
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let head = format!("POST /topics/t HTTP/1.1\r\nContent-Type: {JSON}\r\nTransfer-Encoding: chunked\r\n");
    assert_refused(&gateway.exchange(&head, &chunked), 413, 413);
    assert_eq!(gateway.messages("t"), []);
}

#[test]
fn record_that_is_too_large_for_its_topic_is_413() {
    let gateway = Running::start("record-large", &[]);
    let config = TopicConfig { max_message_bytes: Some(1_000), ..TopicConfig::default() };
    create_topics(&*gateway.log, &[NewTopic::new("t", 1).with_config(config)]).unwrap();
    let body = json!({"records": [{"value": "x"}, {"value": "x".repeat(2_000)}]}).to_string();
    let answer = gateway.post("/topics/t", JSON, &body);
    assert_refused(&answer, 413, 413);
    assert!(answer.body["message"].as_str().unwrap().contains("max.message.bytes"), "{}", answer.body);
    assert_eq!(gateway.messages("t"), []);
}

#[test]
fn record_without_a_key_for_a_compacted_topic_is_422() {
    let gateway = Running::start("keyless", &[]);
    create_topics(&*gateway.log, &[NewTopic::new("t", 1).with_config(TopicConfig::compacted())]).unwrap();
    let answer = gateway.post("/topics/t", JSON, r#"{"records": [{"key": "k", "value": 1}, {"value": 1}]}"#);
    assert_refused(&answer, 422, 422);
    let why = "topic `t` does not take the message: it is compacted and the message has no key";
    assert!(answer.body["message"].as_str().unwrap().ends_with(why), "{}", answer.body);
    assert_eq!(gateway.messages("t"), []);
}

#[test]
fn what_is_not_there_is_404_and_a_wrong_method_405() {
    let gateway = Running::start("routes", &[("t", 1)]);
    assert_refused(&gateway.request("GET", "/"), 404, 404);
    assert_refused(&gateway.request("GET", "/consumers/x"), 404, 404);
    assert_refused(&gateway.request("DELETE", "/topics"), 405, 405);
    assert_refused(&gateway.request("GET", "/topics/t"), 405, 405);
}
