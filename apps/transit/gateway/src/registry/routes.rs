//! The registry's routes.

use super::ask::{Described, Known, Proposed, Registered, Use, unless_avro};
use super::refuse;
use crate::Refusal;
use crate::http::{Answer, json, read_body, respond};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use kstreams::serde::Registry;
use kstreams::serde::registry::{EmbeddedRegistry, SchemaVersion};
use serde_json::json;
use std::sync::Arc;

const ANSWER_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// What every request needs.
pub(super) struct Routes {
    pub(super) registry: EmbeddedRegistry,
    pub(super) body_bytes_max: usize,
}

/// Answers a request.
pub(super) async fn answer(routes: Arc<Routes>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let query = request.uri().query().unwrap_or_default().to_owned();
    let answered = match path_segments(&path) {
        Ok(segments) => route(routes, request, &method, &segments, &query).await,
        Err(refusal) => Err(refusal),
    };
    respond(&format!("{method} {path}"), ANSWER_TYPE, answered)
}

async fn route(
    routes: Arc<Routes>,
    request: Request<Incoming>,
    method: &Method,
    segments: &[String],
    query: &str,
) -> Answer {
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    if *method == Method::GET {
        return get(&routes.registry, &segments, query);
    }
    match (method, &segments[..]) {
        (&Method::POST, &["subjects", subject]) => posted(routes, request, subject, find).await,
        (&Method::POST, &["subjects", subject, "versions"]) => posted(routes, request, subject, register).await,
        (method, _) => Err(Refusal::new(405, format!("{method} is not allowed here"))),
    }
}

fn get(registry: &EmbeddedRegistry, segments: &[&str], query: &str) -> Answer {
    match *segments {
        [] => Ok(b"{}".to_vec()),
        ["healthz"] => Ok(json(&json!({"status": "ok"}))),
        ["subjects"] => Ok(json(&registry.subjects())),
        ["subjects", subject, "versions"] => versions(registry, subject),
        ["subjects", subject, "versions", which] => {
            version(registry, subject, which).map(|found| json(&Described::new(subject, &found)))
        }
        ["subjects", subject, "versions", which, "schema"] => {
            version(registry, subject, which).map(|found| found.schema.as_bytes().to_vec())
        }
        ["schemas", "types"] => Ok(json(&["AVRO", "JSON"])),
        ["schemas", "ids", id] => schema(registry, id).map(|(schema, known)| {
            let schema_type = registry.schema_type(known).and_then(unless_avro);
            json(&Known { schema: &schema, schema_type })
        }),
        ["schemas", "ids", id, "schema"] => schema(registry, id).map(|(schema, _)| schema.as_bytes().to_vec()),
        ["schemas", "ids", id, "versions"] => schema(registry, id).map(|(_, known)| json(&uses(registry, known))),
        ["config"] => Ok(level()),
        ["config", _] if query.contains("defaultToGlobal=true") => Ok(level()),
        ["config", subject] => Err(refuse::subject_not_configured(subject)),
        ["mode"] => Ok(json(&json!({"mode": "READWRITE"}))),
        _ => Err(Refusal::new(404, format!("there is nothing at /{}", segments.join("/")))),
    }
}

fn level() -> Vec<u8> {
    json(&json!({"compatibilityLevel": "BACKWARD"}))
}

fn versions(registry: &EmbeddedRegistry, subject: &str) -> Answer {
    match registry.versions(subject).len() {
        0 => Err(refuse::subject_not_found(subject)),
        count => Ok(json(&(1..=count).collect::<Vec<_>>())),
    }
}

fn version(registry: &EmbeddedRegistry, subject: &str, which: &str) -> Result<SchemaVersion, Refusal> {
    let latest = registry.versions(subject).len() as u32;
    let version = match which {
        "latest" | "-1" => Ok(latest),
        number => number.parse().ok().filter(|number| *number > 0).ok_or_else(|| refuse::invalid_version(number)),
    }?;
    if latest == 0 {
        return Err(refuse::subject_not_found(subject));
    }
    registry.version(subject, version).ok_or_else(|| refuse::version_not_found(subject, version))
}

fn schema(registry: &EmbeddedRegistry, id: &str) -> Result<(Arc<str>, u32), Refusal> {
    let id: u32 = id.parse().map_err(|_| refuse::invalid_id(id))?;
    registry.schema(id).map(|schema| (schema, id)).map_err(|_| refuse::schema_not_found())
}

fn uses(registry: &EmbeddedRegistry, id: u32) -> Vec<Use> {
    let of_subject = |subject: String| {
        let at = registry.versions(&subject).iter().position(|known| *known == id)?;
        Some(Use { subject, version: at as u32 + 1 })
    };
    registry.subjects().into_iter().filter_map(of_subject).collect()
}

/// Reads the body and does something with it where waiting for the disk stops nobody else.
async fn posted(
    routes: Arc<Routes>,
    request: Request<Incoming>,
    subject: &str,
    act: fn(&EmbeddedRegistry, &str, &[u8]) -> Answer,
) -> Answer {
    let body = read_body(request, routes.body_bytes_max).await?;
    let subject = subject.to_owned();
    let done = tokio::task::spawn_blocking(move || act(&routes.registry, &subject, &body)).await;
    done.unwrap_or_else(|error| Err(Refusal::new(50_001, error.to_string())))
}

fn register(registry: &EmbeddedRegistry, subject: &str, body: &[u8]) -> Answer {
    let (proposed, schema_type) = Proposed::parse(body)?;
    let registered = registry.register_as(subject, &proposed.schema, schema_type);
    registered.map(|id| json(&Registered { id })).map_err(|error| refuse::not_registered(&error))
}

fn find(registry: &EmbeddedRegistry, subject: &str, body: &[u8]) -> Answer {
    let (proposed, schema_type) = Proposed::parse(body)?;
    if registry.versions(subject).is_empty() {
        return Err(refuse::subject_not_found(subject));
    }
    match registry.find(subject, &proposed.schema, schema_type).map_err(refuse::invalid_schema)? {
        Some(found) => Ok(json(&Described::new(subject, &found))),
        None => Err(refuse::schema_not_found()),
    }
}

/// The parts of a path, percent-decoded: a subject may hold a slash.
fn path_segments(path: &str) -> Result<Vec<String>, Refusal> {
    path.split('/').filter(|segment| !segment.is_empty()).map(decoded).collect()
}

fn decoded(segment: &str) -> Result<String, Refusal> {
    let malformed = || Refusal::new(400, format!("`{segment}` is not percent-encoded text"));
    let (mut bytes, mut rest) = (Vec::new(), segment.as_bytes());
    while let [first, after @ ..] = rest {
        let (byte, left) = match (first, after) {
            (b'%', [high, low, left @ ..]) => {
                let digit = |digit: &u8| char::from(*digit).to_digit(16).ok_or_else(malformed);
                ((digit(high)? * 16 + digit(low)?) as u8, left)
            }
            (b'%', _) => return Err(malformed()),
            (byte, left) => (*byte, left),
        };
        bytes.push(byte);
        rest = left;
    }
    String::from_utf8(bytes).map_err(|_| malformed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_part_by_part() {
        assert_eq!(path_segments("/subjects/a%2Fb%20c/versions/").unwrap(), ["subjects", "a/b c", "versions"]);
        for malformed in ["/%", "/%4", "/%zz", "/%ff"] {
            assert_eq!(path_segments(malformed).unwrap_err().error_code, 400, "{malformed}");
        }
    }
}
