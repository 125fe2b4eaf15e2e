//! `/metrics` in Prometheus' text format: the server's own, and those of the topologies that feed the page.

use super::respond::{Body, problem, text};
use crate::Hub;
use hyper::{Response, StatusCode};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry, TEXT_FORMAT, TextEncoder};
use std::collections::BTreeMap;

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

    /// All metrics as text, with those of other registries.
    pub(super) fn render(&self, hub: &Hub, others: &[Registry]) -> Response<Body> {
        let picture = hub.picture();
        self.rows.set(picture.rows.len() as i64);
        self.trains.set(picture.trains.len() as i64);
        self.waiting.set(picture.waiting.len() as i64);
        self.ignored.set(hub.ignored() as i64);
        match TextEncoder::new().encode_to_string(&gather(others.iter().chain([&self.registry]))) {
            Ok(metrics) => text(StatusCode::OK, TEXT_FORMAT, metrics),
            Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    }
}

/// The families of several registries. Those of one name become one, for the format has each name once.
fn gather<'a>(registries: impl Iterator<Item = &'a Registry>) -> Vec<MetricFamily> {
    let mut families: BTreeMap<String, MetricFamily> = BTreeMap::new();
    for mut family in registries.flat_map(Registry::gather) {
        match families.get_mut(family.name()) {
            Some(known) => known.mut_metric().extend(family.take_metric()),
            None => drop(families.insert(family.name().to_owned(), family)),
        }
    }
    families.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(application: &str, name: &str) -> Registry {
        let registry = Registry::new();
        let counter = IntCounterVec::new(Opts::new(name, "Records"), &["application"]).unwrap();
        counter.with_label_values(&[application]).inc();
        registry.register(Box::new(counter)).unwrap();
        registry
    }

    #[test]
    fn family_that_several_registries_have_is_told_once_with_all_its_series() {
        let registries = [registry("one", "records"), registry("two", "records"), registry("two", "commits")];
        let text = TextEncoder::new().encode_to_string(&gather(registries.iter())).unwrap();
        let expected = "# HELP commits Records\n# TYPE commits counter\ncommits{application=\"two\"} 1\n\
                        # HELP records Records\n# TYPE records counter\n\
                        records{application=\"one\"} 1\nrecords{application=\"two\"} 1\n";
        assert_eq!(text, expected);
    }
}
