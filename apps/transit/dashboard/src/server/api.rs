//! The JSON API: the same picture as the page's, for programs.

use super::respond::{Body, json, problem, with};
use crate::view::{Picture, Row, StationId};
use hyper::{Response, StatusCode, header};
use serde::Serialize;
use transit_model::Line;
use transit_model::records::{Direction, TrainStatus};

#[derive(Serialize)]
struct LineView<'a> {
    line: Line,
    color: &'static str,
    stations: Vec<StationView<'a>>,
}

#[derive(Serialize)]
struct StationView<'a> {
    station_id: StationId,
    station_name: &'a str,
    order: Option<i32>,
    direction_a: Vec<TrainView<'a>>,
    direction_b: Vec<TrainView<'a>>,
    entries: Option<u64>,
    riders_last_hour: Option<u64>,
}

#[derive(Serialize)]
struct TrainView<'a> {
    train_id: &'a str,
    status: TrainStatus,
}

#[derive(Serialize)]
struct StationLines<'a> {
    station_id: StationId,
    entries: Option<u64>,
    riders_last_hour: Option<u64>,
    lines: Vec<StationLine<'a>>,
}

#[derive(Serialize)]
struct StationLine<'a> {
    line: Line,
    station_name: &'a str,
    order: Option<i32>,
    direction_a: Vec<TrainView<'a>>,
    direction_b: Vec<TrainView<'a>>,
}

/// `/api/lines`: every line with its stations in order.
pub(super) fn lines(picture: &Picture) -> Response<Body> {
    let stations = |line| picture.rows.iter().filter(move |row| row.line == line).map(|row| station_view(picture, row));
    let lines = Line::ALL.map(|line| LineView { line, color: color(line), stations: stations(line).collect() });
    json(StatusCode::OK, &lines)
}

/// `/api/stations/{id}`: one station on all its lines.
pub(super) fn station(picture: &Picture, id: &str) -> Response<Body> {
    let Ok(station_id) = id.parse::<StationId>() else {
        return problem(StatusCode::BAD_REQUEST, "a station's id is a number, such as 40380");
    };
    let rows: Vec<&Row> = picture.rows.iter().filter(|row| row.station_id == station_id).collect();
    if rows.is_empty() {
        return problem(StatusCode::NOT_FOUND, &format!("no station has the id {station_id}"));
    }
    let (entries, riders_last_hour) = counts(picture, station_id);
    let lines = rows.into_iter().map(|row| station_line(picture, row)).collect();
    json(StatusCode::OK, &StationLines { station_id, entries, riders_last_hour, lines })
}

/// `/api/weather`: the weather now.
pub(super) fn weather(picture: &Picture) -> Response<Body> {
    match &picture.weather {
        Some(weather) => json(StatusCode::OK, weather),
        None => {
            let answer = problem(StatusCode::SERVICE_UNAVAILABLE, "no weather report has arrived yet");
            with(answer, header::RETRY_AFTER, "5")
        }
    }
}

fn station_view<'a>(picture: &'a Picture, row: &'a Row) -> StationView<'a> {
    let StationLine { station_name, order, direction_a, direction_b, .. } = station_line(picture, row);
    let (entries, riders_last_hour) = counts(picture, row.station_id);
    StationView { station_id: row.station_id, station_name, order, direction_a, direction_b, entries, riders_last_hour }
}

fn station_line<'a>(picture: &'a Picture, row: &'a Row) -> StationLine<'a> {
    let trains = |direction| {
        let here =
            picture.trains.iter().filter(move |train| train.line == row.line && train.station_id == row.station_id);
        let here = here.filter(move |train| train.direction == direction);
        here.map(|train| TrainView { train_id: &train.train_id, status: train.status }).collect()
    };
    StationLine {
        line: row.line,
        station_name: &row.station_name,
        order: row.order,
        direction_a: trains(Direction::A),
        direction_b: trains(Direction::B),
    }
}

/// The line's colour, as on the page.
fn color(line: Line) -> &'static str {
    match line {
        Line::Blue => "#1E90FF",
        Line::Green => "#32CD32",
        Line::Red => "#DC143C",
    }
}

fn counts(picture: &Picture, station_id: StationId) -> (Option<u64>, Option<u64>) {
    let counts = picture.counts.iter().find(|counts| counts.station_id == station_id);
    counts.map_or((None, None), |counts| (counts.entries, counts.riders_last_hour))
}
