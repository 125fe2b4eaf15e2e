//! The schemas in `schemas/transit/` are valid Avro and fit the record types.

use kstreams::serde::avro::AvroSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use transit_model::records::*;
use transit_model::{Line, names};

/// Encodes by the schema and decodes with nothing but the schema, as a generic consumer does.
fn through_avro<T: Serialize + DeserializeOwned + PartialEq + Debug>(schema: &str, value: &T) -> Value {
    let (schema, mut bytes) = (AvroSchema::parse(schema).unwrap(), Vec::new());
    schema.encode(value, &mut bytes).unwrap();
    assert_eq!(&schema.decode::<T>(&bytes).unwrap(), value);
    schema.decode_json(&bytes).unwrap()
}

/// The names of a schema's fields, in order.
fn fields(schema: &str) -> Vec<String> {
    let schema: Value = serde_json::from_str(schema).unwrap();
    let name = |field: &Value| field["name"].as_str().unwrap().to_owned();
    schema["fields"].as_array().unwrap().iter().map(name).collect()
}

#[test]
fn arrival_has_the_fields_of_the_contract() {
    let value = ArrivalValue {
        station_id: 40890,
        train_id: "BL003".into(),
        direction: Direction::B,
        line: Line::Blue,
        train_status: TrainStatus::BrokenDown,
        prev_station_id: Some(40820),
        prev_direction: Some(Direction::A),
        simulated_time: Some(1),
    };
    let generic = through_avro(schemas::ARRIVAL_VALUE, &value);
    assert_eq!((&generic["train_status"], &generic["prev_station_id"]), (&json!("broken_down"), &json!(40820)));
    let expected = "station_id train_id direction line train_status prev_station_id prev_direction simulated_time";
    assert_eq!(fields(schemas::ARRIVAL_VALUE).join(" "), expected);

    through_avro(schemas::ARRIVAL_VALUE, &ArrivalValue { prev_station_id: None, prev_direction: None, ..value });
    through_avro(schemas::ARRIVAL_KEY, &ArrivalKey { timestamp: 7, train_id: "BL003".into() });
}

#[test]
fn turnstile_and_weather_fit_their_schemas() {
    through_avro(schemas::TURNSTILE_KEY, &TurnstileKey { timestamp: 7, station_id: 40890 });
    let rider =
        TurnstileValue { station_id: 40890, station_name: "O'Hare".into(), line: Line::Blue, simulated_time: None };
    through_avro(schemas::TURNSTILE_VALUE, &rider);
    through_avro(schemas::WEATHER_KEY, &WeatherKey { timestamp: 7 });
    let report = WeatherValue { temperature: 41.5, status: WeatherStatus::PartlyCloudy, simulated_time: Some(0) };
    through_avro(schemas::WEATHER_VALUE, &report);
}

#[test]
fn every_subject_of_a_line_has_the_schema_of_arrivals() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../schemas/transit");
    for line in Line::ALL {
        for (side, expected) in [("key", schemas::ARRIVAL_KEY), ("value", schemas::ARRIVAL_VALUE)] {
            let file = format!("{directory}/{}.{line}-{side}.avsc", names::ARRIVALS);
            assert_eq!(std::fs::read_to_string(&file).unwrap(), expected, "{file}");
        }
    }
}
