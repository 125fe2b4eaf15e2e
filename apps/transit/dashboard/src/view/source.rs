//! What the view needs to hear of, and what it has not heard of yet.

use super::{Event, Waiting};
use serde::Serialize;

/// A source of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The table of stations.
    Stations,
    /// Arrivals of trains.
    Trains,
    /// Turnstile entries since the beginning.
    Entries,
    /// Riders in the last hour.
    Riders,
    /// The weather.
    Weather,
}

impl Source {
    /// Every source, in the order in which the page names them.
    pub const ALL: [Source; 5] = [Source::Stations, Source::Trains, Source::Entries, Source::Riders, Source::Weather];

    fn message(self) -> &'static str {
        match self {
            Source::Stations => "the station table",
            Source::Trains => "train arrivals",
            Source::Entries => "turnstile counts",
            Source::Riders => "riders in the last hour",
            Source::Weather => "the first weather report",
        }
    }

    fn of(event: &Event) -> Source {
        match event {
            Event::Station(_) | Event::StationGone { .. } => Source::Stations,
            Event::Arrival(_) | Event::TrainGone { .. } => Source::Trains,
            Event::Entries { .. } => Source::Entries,
            Event::Riders { .. } => Source::Riders,
            Event::Weather { .. } => Source::Weather,
        }
    }
}

/// Which sources were heard of.
#[derive(Debug, Default)]
pub(super) struct Heard([bool; Source::ALL.len()]);

impl Heard {
    pub(super) fn note(&mut self, event: &Event) {
        self.0[Source::of(event) as usize] = true;
    }

    pub(super) fn of(&self, source: Source) -> bool {
        self.0[source as usize]
    }

    pub(super) fn waiting(&self) -> Vec<Waiting> {
        let missing = Source::ALL.into_iter().filter(|source| !self.of(*source));
        missing.map(|source| Waiting { source, message: source.message() }).collect()
    }
}
