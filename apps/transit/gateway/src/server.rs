//! The routes of Kafka's REST Proxy.

use crate::http::{Answer, json, read_body, respond};
use crate::produce::{Job, Queue};
use crate::refusal::Refusal;
use crate::request::{Embedded, Produce};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, Response};
use kstreams::log::Log;
use std::sync::Arc;

const ANSWER_TYPE: &str = "application/vnd.kafka.v2+json";

/// What every request needs.
pub(crate) struct Routes {
    pub queue: Queue,
    pub log: Arc<dyn Log>,
    pub body_bytes_max: usize,
}

/// Answers a request.
pub(crate) async fn answer(routes: Arc<Routes>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let what = format!("{} {}", request.method(), request.uri().path());
    respond(&what, ANSWER_TYPE, route(&routes, request).await)
}

async fn route(routes: &Routes, request: Request<Incoming>) -> Answer {
    let path = request.uri().path().to_owned();
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (request.method(), &segments[..]) {
        (&Method::GET, ["topics"]) => topics(routes).await,
        (&Method::POST, ["topics", topic]) => produce(routes, topic, request).await,
        (&Method::GET, ["healthz"]) => Ok(b"{\"status\":\"ok\"}".to_vec()),
        (_, ["topics"] | ["topics", _] | ["healthz"]) => {
            Err(Refusal::new(405, format!("{} is not allowed here", request.method())))
        }
        _ => Err(Refusal::new(404, format!("there is nothing at {path}"))),
    }
}

async fn topics(routes: &Routes) -> Answer {
    let log = routes.log.clone();
    let listed = tokio::task::spawn_blocking(move || transit_part::log::topic_names(&*log)).await;
    let names = listed.map_err(|error| Refusal::new(50_002, error.to_string()))??;
    Ok(json(&names))
}

async fn produce(routes: &Routes, topic: &str, request: Request<Incoming>) -> Answer {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let format = Embedded::of_content_type(content_type)?;
    let body = read_body(request, routes.body_bytes_max).await?;
    let job = Job { topic: topic.to_owned(), format, request: Produce::parse(&body)? };
    routes.queue.write(job).await.map(|written| json(&written))
}
