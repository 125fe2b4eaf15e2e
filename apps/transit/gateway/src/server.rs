//! The HTTP side: routes, limits, content types, and a shutdown that finishes what it has begun.

use crate::produce::{Job, Queue};
use crate::refusal::Refusal;
use crate::request::{Embedded, Produce};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::log::Log;
use serde::Serialize;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use transit_part::Stop;

/// Connections that are served at a time; more wait to be accepted.
const CONNECTIONS_MAX: usize = 256;
/// The longest that a client may take for the head of a request.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// The longest that a client may take for the body of a request.
const BODY_PATIENCE: Duration = Duration::from_secs(30);
/// The longest that requests which were begun are waited for at the end.
const END_PATIENCE: Duration = Duration::from_secs(5);
/// The pause after the system could not accept, for want of file handles say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

const ANSWER_TYPE: &str = "application/vnd.kafka.v2+json";

/// What every request needs.
pub(crate) struct Routes {
    pub queue: Queue,
    pub log: Arc<dyn Log>,
    pub body_bytes_max: usize,
}

/// Binds the address, so that a port in use is known before anything else starts.
///
/// # Errors
/// `InUse` if another program listens there, `Io` if the address cannot be used.
pub(crate) async fn bind(address: &str) -> Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            Error::new(ErrorKind::InUse, format!("another program listens on {address} already"))
        }
        _ => Error::new(ErrorKind::Io, format!("cannot listen on {address}")).with_detail(error.to_string()),
    })?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Serves until a stop is requested or the writer has ended, then finishes the requests that were begun.
pub(crate) async fn serve(listener: TcpListener, routes: Arc<Routes>, stop: &Stop) {
    let (graceful, connections) = (GracefulShutdown::new(), Arc::new(Semaphore::new(CONNECTIONS_MAX)));
    loop {
        let free = connections.clone().acquire_owned();
        let accepted = tokio::select! {
            accepted = async { (free.await, listener.accept().await) } => accepted,
            () = stop.requested() => break,
            () = routes.queue.ended() => break,
        };
        let (permit, Ok((stream, _))) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let routes = routes.clone();
        let service = service_fn(move |request| answer(routes.clone(), request));
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE);
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(END_PATIENCE, graceful.shutdown()).await.is_err() {
        tracing::warn!("clients that did not finish were cut off");
    }
}

async fn answer(routes: Arc<Routes>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let answered = route(&routes, request).await;
    let response = match &answered {
        Ok(body) => respond(StatusCode::OK, body),
        Err(refusal) => respond(refusal.status(), &json(refusal)),
    };
    let status = response.status().as_u16();
    match &answered {
        Ok(_) => tracing::debug!(%method, path, status),
        Err(refusal) => tracing::info!(%method, path, status, refusal.error_code, "{}", refusal.message),
    }
    Ok(response)
}

async fn route(routes: &Routes, request: Request<Incoming>) -> Result<Vec<u8>, Refusal> {
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

async fn topics(routes: &Routes) -> Result<Vec<u8>, Refusal> {
    let log = routes.log.clone();
    let listed = tokio::task::spawn_blocking(move || transit_part::log::topic_names(&*log)).await;
    let names = listed.map_err(|error| Refusal::new(50_002, error.to_string()))??;
    Ok(json(&names))
}

async fn produce(routes: &Routes, topic: &str, request: Request<Incoming>) -> Result<Vec<u8>, Refusal> {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let format = Embedded::of_content_type(content_type)?;
    let body = read_body(request, routes.body_bytes_max).await?;
    let job = Job { topic: topic.to_owned(), format, request: Produce::parse(&body)? };
    routes.queue.write(job).await.map(|written| json(&written))
}

async fn read_body(request: Request<Incoming>, bytes_max: usize) -> Result<Bytes, Refusal> {
    let too_large = || Refusal::new(413, format!("the body is larger than {bytes_max} bytes"));
    let announced =
        request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > bytes_max) {
        return Err(too_large());
    }
    let read = Limited::new(request.into_body(), bytes_max).collect();
    match tokio::time::timeout(BODY_PATIENCE, read).await {
        Err(_) => Err(Refusal::new(408, "the body did not come in time")),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(Refusal::new(400, format!("the body could not be read: {error}"))),
        Ok(Ok(body)) => Ok(body.to_bytes()),
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("answers are plain structs and lists")
}

fn respond(status: StatusCode, body: &[u8]) -> Response<Full<Bytes>> {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, ANSWER_TYPE)
        .body(Full::new(Bytes::copy_from_slice(body)))
        .expect("status and header are valid")
}
