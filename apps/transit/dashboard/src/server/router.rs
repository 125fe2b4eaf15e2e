//! Which request gets which answer.

use super::respond::{Body, problem, text, with};
use super::{Health, Options, Probe, Registries, api, assets::Assets, events::Watchers, metrics::Metrics};
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
    probe: Probe,
    registries: Registries,
}

impl Router {
    pub(super) fn new(
        hub: Hub,
        options: &Options,
        (probe, registries): (Probe, Registries),
        stopped: watch::Receiver<bool>,
    ) -> Self {
        let metrics = Metrics::new();
        let watchers = Watchers::new(hub.clone(), options, stopped, metrics.clone());
        Router { hub, assets: Assets::new(), watchers, metrics, probe, registries }
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
            "/healthz" => self.alive(),
            "/readyz" => self.ready(),
            "/metrics" => self.metrics.render(&self.hub, &(self.registries)()),
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

    /// Alive is who has not failed.
    fn alive(&self) -> Response<Body> {
        match (self.probe)() {
            Health::Working | Health::Starting(_) => plain("ok\n"),
            Health::Failed(why) => problem(StatusCode::SERVICE_UNAVAILABLE, &why),
        }
    }

    /// Ready is who can show the table.
    fn ready(&self) -> Response<Body> {
        let waiting = self.hub.picture().waiting;
        let stations = waiting.iter().find(|waiting| waiting.source == Source::Stations);
        match ((self.probe)(), stations) {
            (Health::Working, None) => plain("ready\n"),
            (Health::Working, Some(missing)) => not_ready(&format!("waiting for {}", missing.message)),
            (Health::Starting(why) | Health::Failed(why), _) => not_ready(&why),
        }
    }
}

fn plain(body: &'static str) -> Response<Body> {
    text(StatusCode::OK, "text/plain; charset=utf-8", body.into())
}

fn not_ready(why: &str) -> Response<Body> {
    problem(StatusCode::SERVICE_UNAVAILABLE, why)
}
