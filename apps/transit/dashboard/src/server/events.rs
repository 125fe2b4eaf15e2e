//! `/events`: a snapshot, then what changes, for as long as the watcher stays.
//!
//! ```text
//! snapshot -> delta -> delta -> beat -> delta -> ... -> (lagged) snapshot -> delta -> ...
//! ```

use super::Options;
use super::metrics::Metrics;
use super::respond::{Body, answer, full, problem, uncached, with};
use crate::Hub;
use crate::hub::Subscription;
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::{Response, StatusCode, header};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Interval;

/// Browsers wait this long before they come back, in milliseconds.
const RETRY: &[u8] = b"retry: 1000\n\n";
/// A comment keeps proxies from giving up; the event lets the page notice when it no longer comes.
const BEAT: Bytes = Bytes::from_static(b": heartbeat\nevent: beat\ndata: {}\n\n");

const EVENT_STREAM: &str = "text/event-stream";

/// Those who watch, and those who still may.
pub(super) struct Watchers {
    hub: Hub,
    places: Arc<Semaphore>,
    heartbeat: Duration,
    stopped: watch::Receiver<bool>,
    metrics: Metrics,
}

/// One who watches.
struct Watcher {
    hub: Hub,
    subscription: Subscription,
    /// What is sent before anything else, last first.
    first: Vec<Bytes>,
    beats: Interval,
    stopped: watch::Receiver<bool>,
    metrics: Metrics,
    _place: OwnedSemaphorePermit,
}

impl Watchers {
    pub(super) fn new(hub: Hub, options: &Options, stopped: watch::Receiver<bool>, metrics: Metrics) -> Self {
        let places = Arc::new(Semaphore::new(options.watchers_max));
        Watchers { hub, places, heartbeat: Duration::from_millis(options.heartbeat_ms), stopped, metrics }
    }

    /// A stream of events, if there is a place left.
    pub(super) fn watch(&self) -> Response<Body> {
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            let answer = problem(StatusCode::SERVICE_UNAVAILABLE, "too many pages are open, try again in a while");
            return with(answer, header::RETRY_AFTER, "5");
        };
        let frames = self.watcher(place).into_stream().map(|bytes| Ok::<_, Infallible>(Frame::data(bytes)));
        uncached(answer(StatusCode::OK, EVENT_STREAM, StreamBody::new(frames).boxed_unsync()))
    }

    /// What [`Watchers::watch`] would answer, without watching.
    pub(super) fn head(&self) -> Response<Body> {
        uncached(answer(StatusCode::OK, EVENT_STREAM, full(Bytes::new())))
    }

    fn watcher(&self, place: OwnedSemaphorePermit) -> Watcher {
        let subscription = self.hub.subscribe();
        self.metrics.watchers_changed(1);
        Watcher {
            hub: self.hub.clone(),
            first: vec![subscription.snapshot.clone(), Bytes::from_static(RETRY)],
            subscription,
            beats: tokio::time::interval_at(tokio::time::Instant::now() + self.heartbeat, self.heartbeat),
            stopped: self.stopped.clone(),
            metrics: self.metrics.clone(),
            _place: place,
        }
    }
}

impl Watcher {
    fn into_stream(self) -> impl Stream<Item = Bytes> {
        stream::unfold(self, async |mut watcher| watcher.next().await.map(|bytes| (bytes, watcher)))
    }

    /// What comes next, or `None` when the server stops.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.pop() {
            return Some(first);
        }
        tokio::select! {
            biased;
            _ = self.stopped.changed() => None,
            change = self.subscription.changes.recv() => match change {
                Ok(change) => Some(change),
                Err(RecvError::Lagged(_)) => Some(self.start_over()),
                Err(RecvError::Closed) => None,
            },
            _ = self.beats.tick() => Some(BEAT),
        }
    }

    fn start_over(&mut self) -> Bytes {
        self.metrics.watcher_lagged();
        self.subscription = self.hub.subscribe();
        self.subscription.snapshot.clone()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.metrics.watchers_changed(-1);
    }
}
