//! Answers: bodies, headers that every answer has, and errors as JSON.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;
use std::convert::Infallible;

/// A body that is in memory or a stream of events.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// The page loads nothing from elsewhere, runs no inline code and may not be framed.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// What every answer carries.
const COMMON_HEADERS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

#[derive(Serialize)]
struct Problem<'a> {
    error_code: u16,
    message: &'a str,
}

/// An answer of that status, type and body.
pub(super) fn answer(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    for (name, value) in COMMON_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A body that is in memory.
pub(super) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed_unsync()
}

/// A JSON answer, not to be cached.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let bytes = serde_json::to_vec(value).expect("answers have string keys and finite numbers only");
    uncached(answer(status, "application/json", full(bytes)))
}

/// A plain-text answer, not to be cached.
pub(super) fn text(status: StatusCode, content_type: &'static str, body: String) -> Response<Body> {
    uncached(answer(status, content_type, full(body)))
}

/// An error as JSON: `{"error_code": 404, "message": "…"}`.
pub(super) fn problem(status: StatusCode, message: &str) -> Response<Body> {
    json(status, &Problem { error_code: status.as_u16(), message })
}

/// Adds a header.
pub(super) fn with(mut response: Response<Body>, name: HeaderName, value: &'static str) -> Response<Body> {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}

/// Says that the answer may not be kept.
pub(super) fn uncached(response: Response<Body>) -> Response<Body> {
    with(response, header::CACHE_CONTROL, "no-store")
}
