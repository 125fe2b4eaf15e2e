//! Arrivals and turnstiles: resumable, deterministic, readable, each event once.

use crate::bench::{decode, messages, production, values};
use kstreams::error::ErrorKind;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use transit_model::Line;
use transit_model::names::{ARRIVALS, ArrivalsBy, TURNSTILES};
use transit_model::simulation::{Trains, Turnstiles};
use transit_part::log::topic_names;
use transit_producers::{ArrivalsSettings, Production, Saved, SimulationSettings, run_arrivals, run_turnstiles};

fn arrivals_of(production: &Production) -> Vec<Value> {
    Line::ALL.iter().flat_map(|line| values(production, &format!("{ARRIVALS}.{line}"))).collect()
}

fn with_steps(production: &Production, steps: u64) -> Production {
    let mut again = production.clone();
    again.pace.steps = Some(steps);
    again
}

#[test]
fn first_step_of_arrivals_is_thirty_trains_ten_on_each_topic() {
    let production = production("first-step", 1, 1);
    let produced = run_arrivals(&production, &ArrivalsSettings::default()).unwrap();
    assert_eq!((produced.events, produced.steps, produced.events_total), (30, 1, 30));
    for line in Line::ALL {
        assert_eq!(values(&production, &format!("{ARRIVALS}.{line}")).len(), 10);
    }
    let ids: BTreeSet<String> = arrivals_of(&production).iter().map(|value| value["train_id"].to_string()).collect();
    assert_eq!(ids.len(), 30);
}

#[test]
fn events_are_read_with_the_registry_alone() {
    let production = production("registry", 2, 1);
    run_arrivals(&production, &ArrivalsSettings::default()).unwrap();
    let message = &messages(&production, "org.chicago.cta.station.arrivals.blue")[10];
    let key = decode(&production, message.key.as_ref().unwrap());
    assert_eq!((&key["train_id"], key["timestamp"].is_i64()), (&json!("BL000"), true));
    let value = decode(&production, message.value.as_ref().unwrap());
    let expected = json!({
        "station_id": 40820, "train_id": "BL000", "direction": "b", "line": "blue", "train_status": "in_service",
        "prev_station_id": 40890, "prev_direction": "b", "simulated_time": 1_795_132_800_000i64 + 300_000,
    });
    assert_eq!(value, expected);

    run_turnstiles(&production).unwrap();
    let message = &messages(&production, TURNSTILES)[0];
    let (key, value) =
        (decode(&production, message.key.as_ref().unwrap()), decode(&production, message.value.as_ref().unwrap()));
    assert_eq!(key["station_id"], value["station_id"]);
    assert!(value["station_name"].is_string() && value["line"].is_string() && value["simulated_time"].is_i64());
}

#[test]
fn interrupted_production_continues_exactly_where_it_was() {
    let (straight, interrupted) = (production("straight", 40, 1), production("interrupted", 40, 1));
    run_arrivals(&straight, &ArrivalsSettings::default()).unwrap();
    run_turnstiles(&straight).unwrap();
    for steps in [1, 17, 0, 22] {
        let run = with_steps(&interrupted, steps);
        run_arrivals(&run, &ArrivalsSettings::default()).unwrap();
        run_turnstiles(&run).unwrap();
    }
    assert_eq!(arrivals_of(&interrupted), arrivals_of(&straight));
    assert_eq!(values(&interrupted, TURNSTILES), values(&straight, TURNSTILES));
}

#[test]
fn saved_state_tells_how_many_events_there_are() {
    let production = production("saved", 30, 1);
    let produced = run_turnstiles(&production).unwrap();
    run_arrivals(&production, &ArrivalsSettings::default()).unwrap();
    let turnstiles = Saved::<Turnstiles>::load(&*production.log, "turnstiles").unwrap().unwrap();
    let events = messages(&production, TURNSTILES).len() as u64;
    assert_eq!((turnstiles.events, produced.events), (events, events));
    assert_eq!(turnstiles.simulation.clock.step, 30);
    let trains = Saved::<Trains>::load(&*production.log, "arrivals").unwrap().unwrap();
    assert_eq!(trains.events, arrivals_of(&production).len() as u64);
}

#[test]
fn stop_ends_between_two_steps_and_everything_reported_is_there() {
    let mut running = production("stop", 0, 1);
    running.pace.steps = None;
    let (stop, production) = (running.stop.clone(), running.clone());
    let producing = std::thread::spawn(move || run_turnstiles(&running).unwrap());
    while topic_names(&*production.log).unwrap().is_empty() || messages(&production, TURNSTILES).is_empty() {
        std::thread::yield_now();
    }
    stop.request();
    let produced = producing.join().unwrap();
    assert_eq!(messages(&production, TURNSTILES).len() as u64, produced.events);
}

#[test]
fn newer_producer_takes_over_and_nothing_is_produced_twice() {
    let mut older = production("take-over", 0, 1);
    older.pace.steps = None;
    let newer = production("take-over", 5, 1);
    let newer = Production { registry: older.registry.clone(), ..newer };
    let log = older.log.clone();
    let producing = std::thread::spawn(move || run_turnstiles(&older).unwrap_err());
    while Saved::<Turnstiles>::load(&*log, "turnstiles").ok().flatten().is_none() {
        std::thread::yield_now();
    }
    run_turnstiles(&newer).unwrap();
    assert_eq!(producing.join().unwrap().kind(), ErrorKind::Fenced);
    let saved = Saved::<Turnstiles>::load(&*newer.log, "turnstiles").unwrap().unwrap();
    assert_eq!(messages(&newer, TURNSTILES).len() as u64, saved.events);

    let straight = production("take-over-straight", saved.simulation.clock.step, 1);
    run_turnstiles(&straight).unwrap();
    assert_eq!(values(&newer, TURNSTILES), values(&straight, TURNSTILES));
}

#[test]
fn another_seed_is_refused_on_the_same_log() {
    let mut production = production("seed", 1, 1);
    run_arrivals(&production, &ArrivalsSettings::default()).unwrap();
    production.simulation = SimulationSettings { seed: Some(8), ..production.simulation };
    let refused = run_arrivals(&production, &ArrivalsSettings::default()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Config);
    assert!(refused.to_string().contains("--seed 7, not 8"), "{refused}");
    production.simulation.seed = None;
    run_arrivals(&production, &ArrivalsSettings::default()).unwrap();
}

#[test]
fn arrivals_may_be_divided_by_station_or_not_at_all() {
    let all = production("all", 3, 1);
    run_arrivals(&all, &ArrivalsSettings::default().by(ArrivalsBy::All)).unwrap();
    assert_eq!(values(&all, ARRIVALS).len(), 90);

    let by_station = production("by-station", 1, 1);
    run_arrivals(&by_station, &ArrivalsSettings::default().by(ArrivalsBy::Station)).unwrap();
    let names = topic_names(&*by_station.log).unwrap();
    let topics: Vec<&String> = names.iter().filter(|topic| topic.starts_with(ARRIVALS)).collect();
    assert_eq!(topics.len(), 77);
    assert_eq!(topics.iter().map(|topic| values(&by_station, topic).len()).sum::<usize>(), 30);
    assert_eq!(values(&by_station, &format!("{ARRIVALS}.ohare"))[0]["station_id"], json!(40890));
}

#[test]
fn trains_and_stations_stay_in_their_partition() {
    let production = production("partitions", 12, 3);
    run_arrivals(&production, &ArrivalsSettings::default()).unwrap();
    run_turnstiles(&production).unwrap();
    for (topic, field) in [(format!("{ARRIVALS}.red"), "train_id"), (TURNSTILES.to_owned(), "station_id")] {
        let mut partitions: BTreeMap<String, BTreeSet<i32>> = BTreeMap::new();
        for message in messages(&production, &topic) {
            let value = decode(&production, message.value.as_ref().unwrap());
            partitions.entry(value[field].to_string()).or_default().insert(message.partition.partition);
        }
        assert!(partitions.values().all(|places| places.len() == 1), "{partitions:?}");
        let used: BTreeSet<&i32> = partitions.values().flatten().collect();
        assert_eq!(used.len(), 3, "{topic} uses all its partitions");
    }
}
