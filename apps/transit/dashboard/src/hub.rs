//! One view, shared by those who feed it and those who watch it.
//!
//! Feeding is a short locked step, so there is no queue that could grow: many events between two publications cost the
//! watchers one. Watchers share one ring of encoded changes; whoever falls behind by more than the ring holds is given a
//! fresh snapshot instead. A watcher can slow down neither the others nor those who feed.

use crate::view::{Delta, Event, Picture, View};
use bytes::Bytes;
use serde::Serialize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;

/// As many changes as a watcher may lag behind before it is given a snapshot.
const FRAMES_MAX: usize = 64;

/// The shared view; clones are the same one.
#[derive(Debug, Clone)]
pub struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    frames: broadcast::Sender<Bytes>,
}

#[derive(Debug, Default)]
struct State {
    view: View,
    published: Picture,
    stale: bool,
}

/// What a new watcher starts with: everything published so far, and what comes next.
#[derive(Debug)]
pub struct Subscription {
    /// The picture, as a server-sent event.
    pub snapshot: Bytes,
    /// The changes to it, as server-sent events.
    pub changes: broadcast::Receiver<Bytes>,
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}

impl Hub {
    /// A hub whose view waits for everything.
    pub fn new() -> Self {
        let view = View::new();
        let published = view.picture();
        let state = Mutex::new(State { view, published, stale: false });
        Hub(Arc::new(Inner { state, frames: broadcast::Sender::new(FRAMES_MAX) }))
    }

    /// Takes in one event, from any thread. Watchers see it with the next [`Hub::publish`].
    pub fn apply(&self, event: Event) {
        let mut state = self.state();
        state.view.apply(event);
        state.stale = true;
    }

    /// Sends watchers what changed since the last call; returns whether anything did.
    pub fn publish(&self) -> bool {
        let mut state = self.state();
        if !std::mem::take(&mut state.stale) {
            return false;
        }
        let picture = state.view.picture();
        let delta = Delta::between(&state.published, &picture);
        state.published = picture;
        if delta.is_empty() {
            return false;
        }
        // Sent under the lock, so that a watcher who subscribes meanwhile misses nothing and gets nothing out of order.
        // An error only says that nobody watches.
        drop(self.0.frames.send(frame("delta", &delta)));
        true
    }

    /// Starts to watch.
    pub fn subscribe(&self) -> Subscription {
        let state = self.state();
        Subscription { snapshot: frame("snapshot", &state.published), changes: self.0.frames.subscribe() }
    }

    /// Everything that is to be shown now, published or not.
    pub fn picture(&self) -> Picture {
        self.state().view.picture()
    }

    /// Events that the view left out.
    pub fn ignored(&self) -> u64 {
        self.state().view.ignored()
    }

    /// A panic while feeding leaves the view as it was before or after an event: both are fit to be shown.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server-sent event with JSON on its one data line.
fn frame(event: &str, data: &impl Serialize) -> Bytes {
    let json = serde_json::to_string(data).expect("a picture has string keys and finite numbers only");
    Bytes::from(format!("event: {event}\ndata: {json}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use broadcast::error::TryRecvError;

    fn entries(count: u64) -> Event {
        Event::Entries { station_id: 1, count }
    }

    fn hub_with_a_station() -> Hub {
        let hub = Hub::new();
        let line = transit_model::Line::Blue;
        let station = crate::view::Station { line, station_id: 1, name: "O'Hare".into(), order: Some(0) };
        hub.apply(Event::Station(station));
        hub.publish();
        hub
    }

    fn text(frame: Bytes) -> String {
        String::from_utf8(frame.into()).expect("events are text")
    }

    #[test]
    fn many_events_are_one_change() {
        let hub = hub_with_a_station();
        let mut changes = hub.subscribe().changes;
        (1..=1_000).for_each(|count| hub.apply(entries(count)));
        assert!(hub.publish());
        let change = text(changes.try_recv().unwrap());
        assert!(change.starts_with("event: delta\ndata: {"), "{change}");
        assert!(change.contains(r#""counts":[{"station_id":1,"entries":1000"#), "{change}");
        assert_eq!(changes.try_recv(), Err(TryRecvError::Empty));
    }

    #[test]
    fn an_event_that_changes_nothing_is_not_published() {
        let hub = hub_with_a_station();
        hub.apply(entries(1));
        assert!(hub.publish());
        hub.apply(entries(1));
        assert!(!hub.publish());
    }

    #[test]
    fn a_snapshot_and_the_changes_after_it_miss_nothing() {
        let hub = hub_with_a_station();
        hub.apply(entries(1));
        let mut watcher = hub.subscribe();
        hub.publish();
        assert!(text(watcher.snapshot).contains(r#""entries":null"#));
        assert!(text(watcher.changes.try_recv().unwrap()).contains(r#""entries":1,"#));
    }

    #[test]
    fn a_watcher_that_lags_is_told_and_the_ring_stays_small() {
        let hub = hub_with_a_station();
        let mut changes = hub.subscribe().changes;
        for count in 1..=FRAMES_MAX as u64 + 10 {
            hub.apply(entries(count));
            hub.publish();
        }
        assert!(matches!(changes.try_recv(), Err(TryRecvError::Lagged(10))));
    }
}
