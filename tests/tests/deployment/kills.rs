//! Killing any process of the demo on real brokers: it heals, and no rider is lost or counted twice.

use crate::counts::{Riders, Topics};
use crate::demo::{Demo, left_behind, open_directory};
use serde_json::Value;
use std::collections::BTreeSet;

/// Everything that runs beside the brokers, in the order in which it is killed.
const PARTS: [&str; 10] = [
    "arrivals",
    "turnstiles-producer",
    "weather",
    "stations-source",
    "stations",
    "turnstiles",
    "dashboard",
    "gateway",
    "registry",
    "postgresql",
];

#[test]
fn every_process_may_be_killed_and_no_rider_is_lost_or_counted_twice() {
    let directory = open_directory();
    let Some(demo) = Demo::start(directory.path()) else { return };
    until_page_is_whole(&demo);
    for part in PARTS {
        demo.kill(part);
    }
    demo.kill("broker-2");
    until_page_is_whole(&demo);

    let before = page_entries(&demo).values().sum::<i64>();
    demo.until("riders go on to be counted", || page_entries(&demo).values().sum::<i64>() > before);
    demo.end("turnstiles-producer");
    let events = assert_counted(&demo);
    assert!(demo.log_of("turnstiles-producer").contains(&format!("{} in all", events.values().sum::<i64>())));

    demo.abandon();
    let Some(mut again) = Demo::start(directory.path()) else { return };
    assert!(again.has_said("of an earlier run still runs"), "{:#?}", again.said());
    until_page_is_whole(&again);
    again.end("turnstiles-producer");
    let events_again = assert_counted(&again);
    assert!(events_again.values().sum::<i64>() >= events.values().sum::<i64>());

    again.close();
    // What the script said last may still be on its way from the pipe.
    again.until("it says what is left", || again.has_said("stopped; what was done is in"));
    // What watched the brokers for the abandoned script ends a moment after them.
    again.until("nothing is left behind", || left_behind(directory.path()).is_empty());
}

/// Waits until each row and each train is there, and the topology that feeds the page runs.
fn until_page_is_whole(demo: &Demo) {
    demo.until("the page is whole", || {
        demo.get("/readyz").is_some_and(|(status, _)| status == 200) && rows(demo).len() == 94 && trains(demo) == 30
    });
}

/// Waits until summary and page have every event, and tells the events by station.
fn assert_counted(demo: &Demo) -> Riders {
    let topics = Topics::of(&demo.log(), &demo.address("registry"));
    let events = topics.events();
    demo.until("every event is counted", || {
        let summary = topics.summary();
        let too_many = summary.iter().find(|(station, count)| events.get(station).is_none_or(|is| is < count));
        assert_eq!(too_many, None, "more riders were counted than came: {events:?}");
        summary == events
    });
    demo.until("the page shows every event", || page_entries(demo) == events);
    assert_eq!(topics.dead_letters(), 0);
    events
}

/// The rows of the page: 94 stations on their lines.
fn rows(demo: &Demo) -> Vec<Value> {
    let answer = demo.get("/api/lines").filter(|(status, _)| *status == 200);
    let lines: Vec<Value> = answer.and_then(|(_, body)| serde_json::from_str(&body).ok()).unwrap_or_default();
    lines.iter().flat_map(|line| line["stations"].as_array().cloned().unwrap_or_default()).collect()
}

/// Riders by station as the page shows them. A station that nobody has entered yet is left out.
fn page_entries(demo: &Demo) -> Riders {
    let rows = rows(demo);
    let entries = rows.iter().filter_map(|row| Some((row["station_id"].as_i64()?, row["entries"].as_i64()?)));
    entries.filter(|(_, count)| *count > 0).collect()
}

/// How many trains the page shows, if none is there twice.
fn trains(demo: &Demo) -> usize {
    let rows = rows(demo);
    let sides = rows.iter().flat_map(|row| [&row["direction_a"], &row["direction_b"]]);
    let shown: Vec<&str> =
        sides.filter_map(Value::as_array).flatten().filter_map(|train| train["train_id"].as_str()).collect();
    let distinct: BTreeSet<&str> = shown.iter().copied().collect();
    if distinct.len() == shown.len() { shown.len() } else { 0 }
}
