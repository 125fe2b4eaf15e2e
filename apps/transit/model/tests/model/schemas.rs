//! The schemas in `schemas/transit/` are valid Avro and fit the record types.

use apache_avro::types::Value;
use apache_avro::{Schema, from_value, to_value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use transit_model::records::*;
use transit_model::{Line, names};

/// Encodes by the schema and decodes with nothing but the schema, as a generic consumer does.
fn through_avro<T: Serialize + DeserializeOwned + PartialEq + Debug>(schema: &str, value: &T) -> Vec<(String, Value)> {
    let schema = Schema::parse_str(schema).unwrap();
    let datum = to_value(value).unwrap().resolve(&schema).unwrap();
    let bytes = apache_avro::to_avro_datum(&schema, datum).unwrap();
    let generic = apache_avro::from_avro_datum(&schema, &mut bytes.as_slice(), None).unwrap();
    assert_eq!(&from_value::<T>(&generic).unwrap(), value);
    match generic {
        Value::Record(fields) => fields,
        other => panic!("not a record: {other:?}"),
    }
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
    let fields = through_avro(schemas::ARRIVAL_VALUE, &value);
    let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    let expected = "station_id train_id direction line train_status prev_station_id prev_direction simulated_time";
    assert_eq!(names.join(" "), expected);
    assert!(fields.contains(&("train_status".into(), Value::String("broken_down".into()))));

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
