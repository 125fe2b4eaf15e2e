//! What is written, and what the answer says about it.

use crate::client::{AVRO, BINARY, JSON, Running, settings};
use kstreams::error::ErrorKind;
use kstreams::serde::Registry;
use serde_json::json;
use transit_gateway::Gateway;
use transit_model::names::WEATHER;
use transit_model::records::schemas::{WEATHER_KEY, WEATHER_VALUE};

fn weather(temperature: f64) -> serde_json::Value {
    let value = json!({"temperature": temperature, "status": "windy", "simulated_time": {"long": 3_600_000}});
    json!({"key": {"timestamp": 7}, "value": value})
}

#[test]
fn weather_is_avro_that_a_consumer_reads_with_the_registry_alone() {
    let gateway = Running::start("weather", &[(WEATHER, 1)]);
    let body = json!({
        "key_schema": WEATHER_KEY, "value_schema": WEATHER_VALUE, "records": [weather(41.5), weather(42.0)],
    });
    let answer = gateway.post(&format!("/topics/{WEATHER}"), AVRO, &body.to_string());
    let expected = json!({
        "offsets": [
            {"partition": 0, "offset": 0, "error_code": null, "error": null},
            {"partition": 0, "offset": 1, "error_code": null, "error": null},
        ],
        "key_schema_id": 1,
        "value_schema_id": 2,
    });
    assert_eq!((answer.status, answer.body), (200, expected));

    let messages = gateway.messages(WEATHER);
    assert_eq!(messages.len(), 2);
    assert_eq!(gateway.decode(messages[0].key.as_ref().unwrap()), json!({"timestamp": 7}));
    let value = json!({"temperature": 42.0, "status": "windy", "simulated_time": 3_600_000});
    assert_eq!(gateway.decode(messages[1].value.as_ref().unwrap()), value);
    assert_eq!(gateway.registry.subjects(), [format!("{WEATHER}-key"), format!("{WEATHER}-value")]);
}

#[test]
fn schema_may_be_named_by_its_id() {
    let gateway = Running::start("ids", &[("t", 1)]);
    let id = gateway.registry.register("elsewhere", r#"{"type":"string"}"#).unwrap();
    let body = json!({"value_schema_id": id, "records": [{"value": "hello"}]});
    let answer = gateway.post("/topics/t", AVRO, &body.to_string());
    assert_eq!((answer.status, &answer.body["value_schema_id"]), (200, &json!(id)));
    assert_eq!(answer.body["key_schema_id"], json!(null));
    let messages = gateway.messages("t");
    assert_eq!(messages[0].key, None);
    assert_eq!(gateway.decode(messages[0].value.as_ref().unwrap()), json!("hello"));
}

#[test]
fn json_is_written_with_sorted_keys_and_binary_as_it_is() {
    let gateway = Running::start("formats", &[("j", 1), ("b", 1)]);
    let json = r#"{"records": [{"key": "k", "value": {"b": [1, 2.5, null], "a": "ü"}}, {"value": null}]}"#;
    assert_eq!(gateway.post("/topics/j", JSON, json).status, 200);
    let messages = gateway.messages("j");
    assert_eq!(messages[0].key.as_deref(), Some(&b"\"k\""[..]));
    assert_eq!(messages[0].value.as_deref(), Some(r#"{"a":"ü","b":[1,2.5,null]}"#.as_bytes()));
    assert_eq!((&messages[1].key, &messages[1].value), (&None, &None));

    assert_eq!(gateway.post("/topics/b", BINARY, r#"{"records": [{"key": "AP8=", "value": ""}]}"#).status, 200);
    let messages = gateway.messages("b");
    assert_eq!((messages[0].key.as_deref(), messages[0].value.as_deref()), (Some(&[0, 255][..]), Some(&[][..])));
}

#[test]
fn partition_is_the_one_that_was_asked_for() {
    let gateway = Running::start("partitions", &[("t", 3)]);
    let answer = gateway.post("/topics/t", JSON, r#"{"records": [{"value": 1, "partition": 2}]}"#);
    assert_eq!(answer.body["offsets"][0]["partition"], json!(2));
    assert_eq!(gateway.messages("t")[0].partition.partition, 2);
}

#[test]
fn topics_are_listed_by_name() {
    let gateway = Running::start("list", &[("b", 1), ("a", 1)]);
    let answer = gateway.request("GET", "/topics");
    assert_eq!((answer.status, answer.body), (200, json!(["a", "b"])));
}

#[test]
fn port_in_use_is_one_clear_sentence() {
    let first = Running::start("first", &[]);
    let taken = transit_gateway::GatewaySettings { listen: first.address.to_string(), ..settings() };
    let refused = Gateway::bind(first.log.clone(), first.registry.clone(), &taken).err().expect("the port is taken");
    assert_eq!(refused.kind(), ErrorKind::InUse);
    assert_eq!(refused.to_string(), format!("another program listens on {} already", first.address));
}

#[test]
fn gateway_whose_id_is_taken_over_ends_with_an_error() {
    let mut first = Running::start("fenced", &[("t", 1)]);
    let second = Gateway::bind(first.log.clone(), first.registry.clone(), &settings()).unwrap();
    assert_eq!(first.post("/topics/t", JSON, r#"{"records": [{"value": 1}]}"#).status, 500);
    assert_eq!(first.stop().unwrap_err().kind(), ErrorKind::Fenced);
    assert!(first.messages("t").is_empty());
    drop(second);
}
