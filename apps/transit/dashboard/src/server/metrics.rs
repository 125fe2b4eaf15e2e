//! `/metrics` in Prometheus' text format.

use super::respond::{Body, problem, text};
use crate::Hub;
use hyper::{Response, StatusCode};
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry, TEXT_FORMAT, TextEncoder};

/// The server's own counts, and gauges of what it shows.
#[derive(Debug, Clone)]
pub(super) struct Metrics {
    registry: Registry,
    answers: IntCounterVec,
    watchers: IntGauge,
    lagged: IntCounter,
    rows: IntGauge,
    trains: IntGauge,
    waiting: IntGauge,
    ignored: IntGauge,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let registry = Registry::new();
        let answers = Opts::new("transit_dashboard_answers_total", "HTTP answers by status");
        let answers = IntCounterVec::new(answers, &["status"]).expect("a fixed name is valid");
        let lagged = IntCounter::new("transit_dashboard_lagged_total", "Watchers that fell behind and started over")
            .expect("a fixed name is valid");
        registry.register(Box::new(answers.clone())).expect("names differ");
        registry.register(Box::new(lagged.clone())).expect("names differ");
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help).expect("a fixed name is valid");
            registry.register(Box::new(gauge.clone())).expect("names differ");
            gauge
        };
        Metrics {
            watchers: gauge("transit_dashboard_watchers", "Open streams of /events"),
            rows: gauge("transit_dashboard_rows", "Rows of the table"),
            trains: gauge("transit_dashboard_trains", "Trains shown"),
            waiting: gauge("transit_dashboard_waiting", "Sources not heard of yet"),
            ignored: gauge("transit_dashboard_ignored", "Events that the view left out"),
            answers,
            lagged,
            registry,
        }
    }

    pub(super) fn answered(&self, status: StatusCode) {
        self.answers.with_label_values(&[status.as_str()]).inc();
    }

    pub(super) fn watchers_changed(&self, by: i64) {
        self.watchers.add(by);
    }

    pub(super) fn watcher_lagged(&self) {
        self.lagged.inc();
    }

    /// All metrics as text.
    pub(super) fn render(&self, hub: &Hub) -> Response<Body> {
        let picture = hub.picture();
        self.rows.set(picture.rows.len() as i64);
        self.trains.set(picture.trains.len() as i64);
        self.waiting.set(picture.waiting.len() as i64);
        self.ignored.set(hub.ignored() as i64);
        match TextEncoder::new().encode_to_string(&self.registry.gather()) {
            Ok(metrics) => text(StatusCode::OK, TEXT_FORMAT, metrics),
            Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    }
}
