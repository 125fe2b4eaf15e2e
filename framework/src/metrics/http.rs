//! The pages an operator reads: metrics, health, readiness, the topology.
//!
//! A small HTTP server in a thread of its own. What it shows is handed in as closures; it changes nothing, and a
//! request never reaches a stream thread.

use crate::error::{Error, ErrorKind, Result};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

/// Connections that are served at one time; more wait.
const CONNECTIONS_MAX: usize = 64;

/// How long a client may take to send its request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// How long requests under way may take once the server is told to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// What the server shows. Each closure is called for each request and must not wait.
#[derive(Clone)]
pub struct Pages {
    /// `/metrics`: Prometheus' text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// `/healthz`: whether the process should go on; the error says why not.
    pub health: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// `/readyz`: whether it is processing; the error says what it waits for.
    pub ready: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// `/topology`: the description of the topology.
    pub topology: Arc<dyn Fn() -> String + Send + Sync>,
}

/// The running server; dropping it stops it.
pub struct HttpServer {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl HttpServer {
    /// Listens on `address` (`host:port`; port 0 takes any free one) and serves the pages.
    ///
    /// # Errors
    /// `Config` if the address is none, `InUse` if another process listens there, `Io` for whatever else the
    /// operating system refuses.
    pub fn start(address: &str, pages: Pages) -> Result<Self> {
        let listener = listen(address)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("http".into()).spawn(move || {
            if let Err(error) = runtime.block_on(serve(listener, pages, stopped)) {
                tracing::error!("the pages for operators are not served any more: {error}");
            }
        })?;
        Ok(HttpServer { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for HttpServer {
    /// Takes no more requests and waits for those under way, for a short time.
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the server of the pages for operators panicked");
        }
    }
}

fn listen(address: &str) -> Result<TcpListener> {
    let resolved = address.to_socket_addrs().map_err(|error| {
        Error::new(ErrorKind::Config, format!("`{address}` is no address to listen on"))
            .with_detail(error.to_string())
            .with_hint("write `host:port`")
    })?;
    let resolved: Vec<SocketAddr> = resolved.collect();
    let listener = TcpListener::bind(&resolved[..]).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            Error::new(ErrorKind::InUse, format!("{address} is in use by another process")).with_source(error)
        }
        _ => Error::new(ErrorKind::Io, format!("cannot listen on {address}"))
            .with_detail(error.to_string())
            .with_source(error),
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn serve(listener: TcpListener, pages: Pages, mut stopped: oneshot::Receiver<()>) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    loop {
        let permit = tokio::select! {
            _ = &mut stopped => break,
            permit = connections.clone().acquire_owned() => permit,
        };
        let stream = tokio::select! {
            _ = &mut stopped => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!("a connection could not be accepted: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await; // out of file handles, most likely
                    continue;
                }
            },
        };
        let pages = pages.clone();
        let service = service_fn(move |request| std::future::ready(Ok::<_, Infallible>(answer(&request, &pages))));
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(REQUEST_TIMEOUT);
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("a connection ended: {error}");
            }
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(STOP_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way when the server stopped");
    }
    Ok(())
}

fn answer(request: &Request<Incoming>, pages: &Pages) -> Response<Full<Bytes>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET is understood\n".into());
        response.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match request.uri().path() {
        "/metrics" => text(StatusCode::OK, (pages.metrics)()),
        "/healthz" => condition((pages.health)()),
        "/readyz" => condition((pages.ready)()),
        "/topology" => text(StatusCode::OK, (pages.topology)()),
        _ => text(StatusCode::NOT_FOUND, "/metrics\n/healthz\n/readyz\n/topology\n".into()),
    }
}

fn condition(condition: Result<(), String>) -> Response<Full<Bytes>> {
    match condition {
        Ok(()) => text(StatusCode::OK, "ok\n".into()),
        Err(why) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(PROMETHEUS_TEXT));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream;

    fn pages() -> Pages {
        Pages {
            metrics: Arc::new(|| "a_metric 1\n".into()),
            health: Arc::new(|| Ok(())),
            ready: Arc::new(|| Err("waiting for topic `input`".into())),
            topology: Arc::new(|| "Topologies:\n".into()),
        }
    }

    fn ask(server: &HttpServer, request: &str) -> String {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        write!(stream, "{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn each_page_is_served() {
        let server = HttpServer::start("127.0.0.1:0", pages()).unwrap();
        for (request, status, body) in [
            ("GET /metrics", "200", "a_metric 1\n"),
            ("GET /metrics?x=1", "200", "a_metric 1\n"),
            ("GET /healthz", "200", "ok\n"),
            ("GET /readyz", "503", "waiting for topic `input`\n"),
            ("GET /topology", "200", "Topologies:\n"),
            ("GET /", "404", "/readyz\n/topology\n"),
            ("POST /metrics", "405", "only GET is understood\n"),
        ] {
            let answer = ask(&server, request);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {answer}");
            assert!(answer.ends_with(body), "{request}: {answer}");
        }
    }

    #[test]
    fn port_in_use_is_one_clear_sentence() {
        let first = HttpServer::start("127.0.0.1:0", pages()).unwrap();
        let address = first.address().to_string();
        let error = HttpServer::start(&address, pages()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InUse);
        assert_eq!(error.to_string(), format!("{address} is in use by another process"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        assert_eq!(HttpServer::start("9404", pages()).err().unwrap().kind(), ErrorKind::Config);
    }

    #[test]
    fn stopping_frees_the_port_even_with_an_idle_connection() {
        let server = HttpServer::start("127.0.0.1:0", pages()).unwrap();
        let address = server.address();
        let _idle = TcpStream::connect(address).unwrap();
        ask(&server, "GET /healthz");
        drop(server);
        TcpListener::bind(address).unwrap();
    }
}
