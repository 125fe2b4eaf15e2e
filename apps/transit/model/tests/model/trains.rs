//! Thirty trains, each exactly once, moving from station to neighbouring station.

use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use transit_model::records::{ArrivalValue, Direction, TrainStatus};
use transit_model::simulation::{Incidents, SimulatedClock, StepMinutes, Trains};
use transit_model::{Line, Network};

const START_MS: i64 = 1_540_000_000_000;

fn trains(seed: u64) -> Trains {
    Trains::new(SimulatedClock::new(seed, START_MS))
}

fn step(trains: &mut Trains, incidents: &Incidents) -> Vec<ArrivalValue> {
    trains.step(incidents, StepMinutes::default()).into_iter().map(|arrival| arrival.value).collect()
}

fn index_of(arrival: &ArrivalValue) -> usize {
    let stations = Network::chicago().line(arrival.line);
    stations.iter().position(|station| station.station_id == arrival.station_id).expect("a station of its line")
}

/// Whether the train may go on from `before` to `after` in one move, turning at the ends.
fn is_next(before: &ArrivalValue, after: &ArrivalValue) -> bool {
    let last = Network::chicago().line(before.line).len() - 1;
    let (from, to) = (index_of(before), index_of(after));
    let moves = match before.direction {
        Direction::B => to == from + 1,
        Direction::A => from == to + 1,
    };
    let turned = match to {
        0 => after.direction == Direction::B,
        _ if to == last => after.direction == Direction::A,
        _ => after.direction == before.direction,
    };
    moves && turned
}

fn stormy() -> Incidents {
    Incidents { delay: 0.1, breakdown: 0.05, standing_steps_max: 4 }
}

#[test]
fn first_step_shows_thirty_trains_ten_a_line_each_once() {
    let arrivals = step(&mut trains(1), &Incidents::NONE);
    let ids: BTreeSet<&str> = arrivals.iter().map(|arrival| arrival.train_id.as_str()).collect();
    assert_eq!((arrivals.len(), ids.len()), (30, 30));
    for line in Line::ALL {
        let expected: Vec<String> = (0..10).map(|number| format!("{}{number:03}", line.train_prefix())).collect();
        let of_line = arrivals.iter().filter(|arrival| arrival.line == line);
        assert_eq!(of_line.map(|arrival| arrival.train_id.clone()).collect::<Vec<_>>(), expected);
    }
    assert!(arrivals.iter().all(|arrival| arrival.prev_station_id.is_none() && arrival.prev_direction.is_none()));
}

#[test]
fn trains_start_spread_over_their_loop() {
    let arrivals = step(&mut trains(1), &Incidents::NONE);
    let blue: Vec<(usize, Direction)> =
        arrivals[..10].iter().map(|arrival| (index_of(arrival), arrival.direction)).collect();
    use Direction::{A, B};
    // 33 stations: a loop of 64 places, six between trains; place 36 is station 28 on the way back.
    assert_eq!(blue, [(0, B), (6, B), (12, B), (18, B), (24, B), (30, B), (28, A), (22, A), (16, A), (10, A)]);
}

#[test]
fn every_train_is_back_at_its_start_after_twice_n_steps() {
    for line in Line::ALL {
        let mut trains = trains(1);
        let place = |arrivals: Vec<ArrivalValue>| -> Vec<(i32, Direction)> {
            arrivals.iter().filter(|a| a.line == line).map(|a| (a.station_id, a.direction)).collect()
        };
        let start = place(step(&mut trains, &Incidents::NONE));
        let loop_length = 2 * (Network::chicago().line(line).len() - 1);
        for _ in 1..loop_length {
            assert_ne!(place(step(&mut trains, &Incidents::NONE)), start);
        }
        assert_eq!(place(step(&mut trains, &Incidents::NONE)), start);
    }
}

#[test]
fn broken_down_train_says_so_stands_and_goes_on_from_there() {
    let always = Incidents { delay: 0.0, breakdown: 1.0, standing_steps_max: 1 };
    let mut trains = trains(1);
    let down = step(&mut trains, &always);
    assert!(down.iter().all(|arrival| arrival.train_status == TrainStatus::BrokenDown));
    assert_eq!(step(&mut trains, &always), []);
    let on = step(&mut trains, &Incidents::NONE);
    assert_eq!(on.len(), 30);
    assert!(down.iter().zip(&on).all(|(before, after)| is_next(before, after)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn trains_move_to_the_neighbour_and_tell_where_they_came_from(seed: u64) {
        let mut trains = trains(seed);
        let mut last: BTreeMap<String, ArrivalValue> = BTreeMap::new();
        for _ in 0..300 {
            let arrivals = step(&mut trains, &stormy());
            let ids: BTreeSet<&str> = arrivals.iter().map(|arrival| arrival.train_id.as_str()).collect();
            prop_assert_eq!(ids.len(), arrivals.len(), "no train arrives twice in a step");
            for arrival in arrivals {
                if let Some(before) = last.get(&arrival.train_id) {
                    prop_assert!(is_next(before, &arrival), "{:?} -> {:?}", before, arrival);
                    prop_assert_eq!(arrival.prev_station_id, Some(before.station_id));
                    prop_assert_eq!(arrival.prev_direction, Some(before.direction));
                }
                last.insert(arrival.train_id.clone(), arrival);
            }
        }
        prop_assert_eq!(last.len(), 30);
    }

    #[test]
    fn only_broken_down_trains_miss_a_step(seed: u64) {
        let mut trains = trains(seed);
        let mut standing = BTreeSet::new();
        for _ in 0..300 {
            let arrivals = step(&mut trains, &stormy());
            let arrived: BTreeSet<String> = arrivals.iter().map(|arrival| arrival.train_id.clone()).collect();
            prop_assert!(arrivals.len() + standing.len() >= 30);
            standing.retain(|id| !arrived.contains(id));
            prop_assert_eq!(arrived.len() + standing.len(), 30);
            let down = arrivals.into_iter().filter(|arrival| arrival.train_status == TrainStatus::BrokenDown);
            standing.extend(down.map(|arrival| arrival.train_id));
        }
    }

    #[test]
    fn saved_and_resumed_run_gives_the_same_arrivals(seed: u64, break_at in 0usize..100) {
        let mut straight = trains(seed);
        let expected: Vec<_> = (0..100).map(|_| step(&mut straight, &stormy())).collect();
        let mut interrupted = trains(seed);
        let mut seen = Vec::new();
        for n in 0..100 {
            if n == break_at {
                let saved = serde_json::to_vec(&interrupted).unwrap();
                interrupted = serde_json::from_slice(&saved).unwrap();
            }
            seen.push(step(&mut interrupted, &stormy()));
        }
        prop_assert_eq!(seen, expected);
        prop_assert_eq!(interrupted, straight);
    }
}

#[test]
fn seeds_differ() {
    let run = |seed| {
        let mut trains = trains(seed);
        (0..50).map(|_| step(&mut trains, &stormy())).collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
