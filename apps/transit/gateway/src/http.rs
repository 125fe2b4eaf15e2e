//! What both servers have in common: accepting connections within limits, bodies within limits, JSON answers, and a
//! shutdown that finishes what it has begun.

use crate::refusal::Refusal;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use kstreams::error::{Error, ErrorKind, Result};
use serde::Serialize;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

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

/// What a request is answered with: a body of JSON, or why not.
pub(crate) type Answer = Result<Vec<u8>, Refusal>;

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

/// Serves until `end` is done, then finishes the requests that were begun.
pub(crate) async fn serve<F>(
    listener: TcpListener,
    answer: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    end: impl Future<Output = ()>,
) where
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let (graceful, connections) = (GracefulShutdown::new(), Arc::new(Semaphore::new(CONNECTIONS_MAX)));
    let mut end = std::pin::pin!(end);
    loop {
        let free = connections.clone().acquire_owned();
        let accepted = tokio::select! {
            accepted = async { (free.await, listener.accept().await) } => accepted,
            () = &mut end => break,
        };
        let (permit, Ok((stream, _))) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let answer = answer.clone();
        let service = service_fn(move |request| {
            let answered = answer(request);
            async move { Ok::<_, Infallible>(answered.await) }
        });
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

/// The body of a request, if it is no larger than that and comes in time.
pub(crate) async fn read_body(request: Request<Incoming>, bytes_max: usize) -> Result<Bytes, Refusal> {
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

/// A value of ours as JSON.
pub(crate) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("answers are plain structs and lists")
}

/// The answer as a response of that content type; it is logged with `what` was asked.
pub(crate) fn respond(what: &str, content_type: &'static str, answered: Answer) -> Response<Full<Bytes>> {
    let (status, body) = match answered {
        Ok(body) => (StatusCode::OK, body),
        Err(refusal) => {
            tracing::info!(what, refusal.error_code, "{}", refusal.message);
            (refusal.status(), json(&refusal))
        }
    };
    tracing::debug!(what, status = status.as_u16());
    let response = Response::builder().status(status).header(CONTENT_TYPE, content_type);
    response.body(Full::new(Bytes::from(body))).expect("status and header are valid")
}
