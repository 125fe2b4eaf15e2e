//! What holds for the view as a whole.

use super::*;
use proptest::prelude::*;
use transit_model::records::{Direction, TrainStatus};

fn station(line: Line, station_id: StationId, order: i32) -> Event {
    Event::Station(Station { line, station_id, name: format!("Station {station_id}"), order: Some(order) })
}

fn arrival(train: &str, station_id: StationId, offset: i64) -> Arrival {
    Arrival {
        train_id: train.into(),
        line: Line::Blue,
        station_id,
        direction: Direction::B,
        status: TrainStatus::InService,
        prev_station_id: None,
        stamp: stamp("arrivals.blue", offset),
    }
}

fn stamp(topic: &str, offset: i64) -> Stamp {
    Stamp { topic: topic.into(), partition: 0, offset, time_ms: offset }
}

fn view(events: impl IntoIterator<Item = Event>) -> View {
    let mut view = View::new();
    events.into_iter().for_each(|event| view.apply(event));
    view
}

fn places(view: &View) -> Vec<(String, StationId)> {
    view.picture().trains.into_iter().map(|train| (train.train_id, train.station_id)).collect()
}

#[test]
fn rows_are_blue_green_red_each_by_order() {
    let view = view([
        station(Line::Red, 1, 0),
        station(Line::Green, 2, 1),
        station(Line::Green, 3, 0),
        station(Line::Blue, 9, 1),
        station(Line::Blue, 8, 0),
    ]);
    let ids: Vec<_> = view.picture().rows.iter().map(|row| row.station_id).collect();
    assert_eq!(ids, [8, 9, 3, 2, 1]);
}

#[test]
fn a_station_without_order_comes_last_on_its_line() {
    let unordered = Event::Station(Station { line: Line::Blue, station_id: 1, name: "New".into(), order: None });
    let view = view([unordered, station(Line::Blue, 2, 30), station(Line::Green, 3, 0)]);
    let ids: Vec<_> = view.picture().rows.iter().map(|row| row.station_id).collect();
    assert_eq!(ids, [2, 1, 3]);
}

#[test]
fn a_station_on_two_lines_has_two_rows_and_one_count() {
    let entries = Event::Entries { station_id: 40380, count: 7 };
    let picture = view([station(Line::Blue, 40380, 16), station(Line::Green, 40380, 14), entries]).picture();
    assert_eq!(picture.rows.len(), 2);
    assert_eq!(picture.counts, [Counts { station_id: 40380, entries: Some(7), riders_last_hour: None }]);
}

#[test]
fn a_removed_station_leaves_the_other_line_alone() {
    let gone = Event::StationGone { line: Line::Blue, station_id: 40380 };
    let picture = view([station(Line::Blue, 40380, 16), station(Line::Green, 40380, 14), gone]).picture();
    assert_eq!(picture.rows.iter().map(|row| row.line).collect::<Vec<_>>(), [Line::Green]);
}

#[test]
fn a_train_that_moves_is_only_where_it_arrived_last() {
    let view = view([1, 2, 3].map(|n| Event::Arrival(arrival("BL000", 100 + n, n.into()))));
    assert_eq!(places(&view), [("BL000".into(), 103)]);
}

#[test]
fn an_older_arrival_of_the_same_partition_changes_nothing() {
    let mut late = arrival("BL000", 7, 1);
    late.stamp.time_ms = 1_000_000;
    let view = view([Event::Arrival(arrival("BL000", 9, 2)), Event::Arrival(late)]);
    assert_eq!(places(&view), [("BL000".into(), 9)], "the log's order decides, not the clock");
}

#[test]
fn across_topics_the_later_time_decides() {
    let mut earlier = arrival("BL000", 7, 900);
    earlier.stamp = Stamp { time_ms: 4, ..stamp("arrivals.harlem", 900) };
    let view = view([Event::Arrival(arrival("BL000", 9, 5)), Event::Arrival(earlier)]);
    assert_eq!(places(&view), [("BL000".into(), 9)]);
}

#[test]
fn a_train_that_changes_lines_is_not_shown_twice() {
    let mut moved = arrival("BL000", 9, 2);
    moved.line = Line::Red;
    let picture = view([Event::Arrival(arrival("BL000", 7, 1)), Event::Arrival(moved)]).picture();
    assert_eq!(picture.trains.iter().map(|train| train.line).collect::<Vec<_>>(), [Line::Red]);
}

#[test]
fn the_clock_is_the_latest_train_and_may_start_over() {
    let mut view = view([Event::Arrival(arrival("BL000", 1, 5_000)), Event::Arrival(arrival("BL001", 2, 4_000))]);
    assert_eq!(view.picture().clock_ms, Some(5_000));
    for (train, offset) in [("BL000", 5_001), ("BL001", 5_002)] {
        let mut again = arrival(train, 1, offset);
        again.stamp.time_ms = 60;
        view.apply(Event::Arrival(again));
    }
    assert_eq!(view.picture().clock_ms, Some(60));
}

#[test]
fn riders_are_those_of_the_simulated_hour() {
    let hour = 3_600_000;
    let mut view = view([
        station(Line::Blue, 1, 0),
        station(Line::Blue, 2, 1),
        Event::Riders { station_id: 1, start_ms: 0, end_ms: hour, count: 40 },
        Event::Arrival(arrival("BL000", 1, 10)),
    ]);
    let riders = |view: &View| view.picture().counts.iter().map(|c| c.riders_last_hour).collect::<Vec<_>>();
    assert_eq!(riders(&view), [Some(40), Some(0)]);
    view.apply(Event::Arrival(arrival("BL000", 2, hour)));
    assert_eq!(riders(&view), [Some(0), Some(0)], "the hour is over");
}

fn weather(temperature: f32, at: i64) -> Event {
    Event::Weather { temperature, status: WeatherStatus::PartlyCloudy, stamp: stamp("weather", at) }
}

#[test]
fn weather_is_in_whole_degrees_and_words() {
    let mut view = view([weather(61.5, 0)]);
    let expected =
        Weather { temperature: 62, status: WeatherStatus::PartlyCloudy, description: "Partly cloudy".into() };
    assert_eq!(view.picture().weather, Some(expected.clone()));
    view.apply(weather(f32::NAN, 1));
    assert_eq!(view.picture().weather, Some(expected), "what is no number is left out");
    assert_eq!(view.ignored(), 1);
}

#[test]
fn the_latest_weather_report_is_shown() {
    let view = view([weather(60.0, 7), weather(50.0, 6), weather(40.0, 8), weather(30.0, 0)]);
    assert_eq!(view.picture().weather.map(|weather| weather.temperature), Some(40));
}

#[test]
fn the_page_waits_for_what_it_has_not_heard_of() {
    let mut view = View::new();
    let waiting = |view: &View| view.picture().waiting.iter().map(|w| w.source).collect::<Vec<_>>();
    assert_eq!(waiting(&view), Source::ALL);
    view.apply(station(Line::Blue, 1, 0));
    view.apply(Event::Entries { station_id: 1, count: 0 });
    assert_eq!(waiting(&view), [Source::Trains, Source::Riders, Source::Weather]);
}

#[test]
fn more_stations_than_the_limit_are_counted_and_left_out() {
    let excess = 5;
    let view = view((0..ITEMS_MAX as i32 + excess).map(|id| station(Line::Blue, id, id)));
    assert_eq!(view.picture().rows.len(), ITEMS_MAX);
    assert_eq!(view.ignored(), excess as u64);
}

/// Does to a picture what the page does with a delta.
fn advance(picture: &Picture, delta: &Delta) -> Picture {
    let mut next = picture.clone();
    next.rows.retain(|row| !delta.gone_rows.contains(&row.key()) && !delta.rows.iter().any(|r| r.key() == row.key()));
    next.rows.extend(delta.rows.iter().cloned());
    next.rows.sort_by_key(|row| (row.line, row.order.is_none(), row.order, row.station_id));
    next.trains.retain(|train| !delta.gone_trains.contains(&train.train_id));
    next.trains.retain(|train| !delta.trains.iter().any(|t| t.train_id == train.train_id));
    next.trains.extend(delta.trains.iter().cloned());
    next.trains.sort_by_key(|train| train.train_id.clone());
    next.counts.retain(|counts| !delta.counts.iter().any(|c| c.station_id == counts.station_id));
    next.counts.extend(&delta.counts);
    next.counts.retain(|counts| next.rows.iter().any(|row| row.station_id == counts.station_id));
    next.counts.sort_by_key(|counts| counts.station_id);
    next.weather = delta.weather.clone().or(next.weather);
    next.clock_ms = delta.clock_ms.or(next.clock_ms);
    next.waiting = delta.waiting.clone().unwrap_or(next.waiting);
    next
}

fn any_event() -> impl Strategy<Value = Event> {
    let line = prop::sample::select(Line::ALL.to_vec());
    let id = 0..6i32;
    prop_oneof![
        (line.clone(), id.clone(), prop::option::of(0..4i32)).prop_map(|(line, station_id, order)| Event::Station(
            Station { line, station_id, name: format!("{order:?}"), order }
        )),
        (line, id.clone()).prop_map(|(line, station_id)| Event::StationGone { line, station_id }),
        (0..4, id.clone(), 0..50i64).prop_map(|(n, id, at)| Event::Arrival(arrival(&format!("BL{n}"), id, at))),
        (0..4).prop_map(|n| Event::TrainGone { train_id: format!("BL{n}") }),
        (id.clone(), 0..9u64).prop_map(|(station_id, count)| Event::Entries { station_id, count }),
        (id, 0..50i64, 0..9u64).prop_map(|(station_id, start_ms, count)| Event::Riders {
            station_id,
            start_ms,
            end_ms: start_ms + 10,
            count
        }),
        (0..9u8, 0..50i64).prop_map(|(t, at)| weather(t.into(), at)),
    ]
}

proptest! {
    #[test]
    fn a_picture_and_its_delta_give_the_next_picture(before in prop::collection::vec(any_event(), 0..40),
                                                     after in prop::collection::vec(any_event(), 0..40)) {
        let mut view = view(before);
        let old = view.picture();
        after.into_iter().for_each(|event| view.apply(event));
        let new = view.picture();
        // A clock that is forgotten because every train is gone keeps its last time on the page.
        prop_assume!(old.clock_ms.is_none() || new.clock_ms.is_some());
        let delta = Delta::between(&old, &new);
        let advanced = advance(&old, &delta);
        prop_assert_eq!(&advanced, &new);
        prop_assert_eq!(&advance(&advanced, &delta), &new, "a delta may come twice");
        prop_assert_eq!(delta.is_empty(), old == new);
    }

    #[test]
    fn in_whatever_order_arrivals_come_the_newest_wins(offsets in prop::collection::vec(0..100i64, 1..30)) {
        let newest = offsets.iter().max().copied();
        let view = view(offsets.iter().map(|&at| Event::Arrival(arrival("BL000", at as StationId, at))));
        prop_assert_eq!(places(&view), [("BL000".to_string(), newest.expect("one at least") as StationId)]);
    }
}
