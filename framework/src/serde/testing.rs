//! What the tests of the formats share: encoding and decoding without a topology.

use super::{Format, Registry, SerdeContext};
use crate::error::{Error, ErrorKind, Result};
use std::sync::Arc;

/// A registry that nobody may need.
pub(crate) struct NoRegistry;

impl Registry for NoRegistry {
    fn register(&self, subject: &str, _schema: &str) -> Result<u32> {
        Err(Error::new(ErrorKind::Bug, format!("no registry for `{subject}`")))
    }

    fn schema(&self, id: u32) -> Result<Arc<str>> {
        Err(Error::new(ErrorKind::Bug, format!("no registry for schema {id}")))
    }
}

/// The value side of topic `topic`, without a registry.
pub(crate) fn context() -> SerdeContext {
    SerdeContext { topic: "topic".into(), is_key: false, registry: Arc::new(NoRegistry) }
}

/// The value's bytes.
pub(crate) fn encode<T: 'static>(format: &Format<T>, value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    format.serde(&context()).unwrap().serialize(value, &mut bytes).unwrap();
    bytes
}

/// The bytes' value.
pub(crate) fn decode<T: 'static>(format: &Format<T>, bytes: &[u8]) -> Result<T> {
    format.serde(&context())?.deserialize(bytes)
}

#[cfg(all(feature = "avro", feature = "http"))]
pub(crate) use http::HttpServer;

/// A web server on loopback for the tests of clients.
#[cfg(all(feature = "avro", feature = "http"))]
mod http {
    use http_body_util::{BodyExt, Full};
    use hyper::body::{Bytes, Incoming};
    use hyper::service::service_fn;
    use hyper::{Request, Response};
    use hyper_util::rt::TokioIo;
    use std::collections::BTreeMap;
    use std::net::SocketAddr;
    use std::sync::Arc;
    use tokio::net::TcpListener;
    use tokio::sync::oneshot;

    /// Answers every request with a status and a JSON body until it is dropped.
    pub(crate) struct HttpServer {
        address: SocketAddr,
        /// Dropping it ends the server's thread.
        _alive: oneshot::Sender<()>,
    }

    /// Method, path with query, headers, body; status and body come back.
    type Handler = dyn Fn(&str, &str, &BTreeMap<String, String>, &str) -> (u16, String) + Send + Sync;

    impl HttpServer {
        pub(crate) fn start(
            handler: impl Fn(&str, &str, &BTreeMap<String, String>, &str) -> (u16, String) + Send + Sync + 'static,
        ) -> Self {
            let (alive, stop) = oneshot::channel();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
            let address = listener.local_addr().unwrap();
            std::thread::spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        _ = stop => {}
                        () = serve(listener, Arc::new(handler)) => {}
                    }
                });
            });
            HttpServer { address, _alive: alive }
        }

        pub(crate) fn url(&self) -> String {
            format!("http://{}", self.address)
        }
    }

    async fn serve(listener: TcpListener, handler: Arc<Handler>) {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let handler = handler.clone();
            let service = service_fn(move |request| answer(request, handler.clone()));
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    }

    async fn answer(request: Request<Incoming>, handler: Arc<Handler>) -> Result<Response<Full<Bytes>>, hyper::Error> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let (status, answer) =
            handler(head.method.as_str(), &head.uri.to_string(), &headers, &String::from_utf8_lossy(&body));
        Ok(Response::builder().status(status).body(Full::new(Bytes::from(answer))).unwrap())
    }
}
