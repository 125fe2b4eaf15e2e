//! Whether a new version of a schema may follow another: Confluent's default, `BACKWARD`.

use crate::error::{Error, ErrorKind, Result};
use apache_avro::Schema;
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};

/// Whoever reads with `schema` must be able to read what was written with `latest`.
///
/// # Errors
/// `Config` if `schema` is not Avro or cannot read the earlier data.
pub(super) fn check_backward(latest: Option<&str>, schema: &str) -> Result<()> {
    let reader = parse(schema)?;
    let Some(latest) = latest else { return Ok(()) };
    match SchemaCompatibility::can_read(&parse(latest)?, &reader) {
        Ok(Compatibility::Full) => Ok(()),
        Ok(Compatibility::Partial) => Err(incompatible("some values of the version before could not be read")),
        Err(error) => Err(incompatible(&error.to_string()).with_source(error)),
    }
}

fn parse(schema: &str) -> Result<Schema> {
    Schema::parse_str(schema).map_err(|error| {
        Error::new(ErrorKind::Config, "the schema is not Avro").with_detail(error.to_string()).with_source(error)
    })
}

fn incompatible(why: &str) -> Error {
    Error::new(ErrorKind::Config, "the schema is incompatible with the version before")
        .with_detail(why)
        .with_hint("new fields need a default, and types may only be widened")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(fields: &str) -> String {
        format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)
    }

    const ID: &str = r#"{"name":"id","type":"int"}"#;

    #[test]
    fn field_with_a_default_may_be_added_and_any_field_removed() {
        let optional = r#"{"name":"at","type":["null","long"],"default":null}"#;
        check_backward(Some(&record(ID)), &record(&format!("{ID},{optional}"))).unwrap();
        check_backward(Some(&record(&format!("{ID},{optional}"))), &record(ID)).unwrap();
    }

    #[test]
    fn type_may_be_widened() {
        for (narrow, wide) in [
            (r#""int""#, r#""long""#),
            (r#""int""#, r#""double""#),
            (r#""int""#, r#"["null","int"]"#),
            (r#""string""#, r#""bytes""#),
            (r#"["null","int"]"#, r#"["null","int","string"]"#),
        ] {
            check_backward(Some(narrow), wide).unwrap_or_else(|error| panic!("{narrow} to {wide}: {error}"));
        }
    }

    #[test]
    fn what_cannot_read_earlier_data_is_refused() {
        let named = r#"{"name":"name","type":"string"}"#;
        for (before, after) in [
            (record(ID), record(&format!("{ID},{named}"))),
            (record(ID), record(r#"{"name":"id","type":"string"}"#)),
            (r#""long""#.into(), r#""int""#.into()),
            (r#"["null","int"]"#.into(), r#""int""#.into()),
        ] {
            let error = check_backward(Some(&before), &after).expect_err(&after);
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.message().contains("incompatible"), "{error}");
        }
    }

    #[test]
    fn what_is_not_avro_is_refused() {
        assert!(check_backward(None, r#"{"type":"strong"}"#).unwrap_err().message().contains("not Avro"));
    }
}
