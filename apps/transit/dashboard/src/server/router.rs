//! Which request gets which answer.

use super::respond::{Body, problem, text, with};
use super::{Options, api, assets::Assets, events::Watchers, metrics::Metrics};
use crate::Hub;
use crate::view::Source;
use hyper::{Method, Request, Response, StatusCode, header};
use tokio::sync::watch;

/// Everything an answer is made from.
pub(super) struct Router {
    hub: Hub,
    assets: Assets,
    watchers: Watchers,
    metrics: Metrics,
}

impl Router {
    pub(super) fn new(hub: Hub, options: &Options, stopped: watch::Receiver<bool>) -> Self {
        let metrics = Metrics::new();
        let watchers = Watchers::new(hub.clone(), options, stopped, metrics.clone());
        Router { hub, assets: Assets::new(), watchers, metrics }
    }

    /// Answers a request; whoever asks wrongly is told what is wrong.
    pub(super) fn answer<B>(&self, request: &Request<B>) -> Response<Body> {
        let response = match *request.method() {
            Method::GET | Method::HEAD => self.read(request),
            _ => with(problem(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered here"), header::ALLOW, "GET, HEAD"),
        };
        self.metrics.answered(response.status());
        response
    }

    fn read<B>(&self, request: &Request<B>) -> Response<Body> {
        let path = request.uri().path();
        match path {
            "/events" if request.method() == Method::HEAD => self.watchers.head(),
            "/events" => self.watchers.watch(),
            "/api/lines" => api::lines(&self.hub.picture()),
            "/api/weather" => api::weather(&self.hub.picture()),
            "/healthz" => text(StatusCode::OK, "text/plain; charset=utf-8", "ok\n".into()),
            "/readyz" => self.ready(),
            "/metrics" => self.metrics.render(&self.hub),
            _ => self.read_named(path, request),
        }
    }

    fn read_named<B>(&self, path: &str, request: &Request<B>) -> Response<Body> {
        if let Some(id) = path.strip_prefix("/api/stations/") {
            return api::station(&self.hub.picture(), id);
        }
        match self.assets.find(path) {
            Some(asset) => asset.answer(request.headers().get(header::IF_NONE_MATCH)),
            None => problem(StatusCode::NOT_FOUND, "there is nothing at this path"),
        }
    }

    /// Ready is who can show the table.
    fn ready(&self) -> Response<Body> {
        let waiting = self.hub.picture().waiting;
        match waiting.iter().find(|waiting| waiting.source == Source::Stations) {
            None => text(StatusCode::OK, "text/plain; charset=utf-8", "ready\n".into()),
            Some(missing) => problem(StatusCode::SERVICE_UNAVAILABLE, &format!("waiting for {}", missing.message)),
        }
    }
}
