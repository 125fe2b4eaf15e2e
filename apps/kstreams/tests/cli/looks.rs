//! `describe` and `lag`.

use crate::world::*;
use serde_json::{Value, json};

fn lags(document: &Value) -> Vec<(i64, i64)> {
    let of_lines = |position: &&Value| position["topic"] == "lines";
    let positions = document["partitions"].as_array().unwrap().iter().filter(of_lines);
    positions.map(|position| (position["partition"].as_i64().unwrap(), position["lag"].as_i64().unwrap())).collect()
}

#[test]
fn lag_is_what_was_sent_since_the_application_stopped() {
    let world = World::counted();
    let before = world.tool("lag", &["--json"]).json();
    assert_eq!(lags(&before), [(0, 0), (1, 0)]);
    world.send(&[("fox", 200_000), ("owl", 200_000), ("elk", 200_000)]);
    let after = world.tool("lag", &["--json"]).json();
    assert_eq!(lags(&after).iter().map(|(_, lag)| lag).sum::<i64>(), 3);
    assert_eq!(after["application_id"], "app");
    assert_eq!(after["lag"].as_i64().unwrap(), before["lag"].as_i64().unwrap() + 3);
}

#[test]
fn lag_is_printed_in_columns_with_its_sum() {
    let world = World::counted();
    let text = world.tool("lag", &[]).done();
    let lines: Vec<&str> = text.lines().collect();
    let columns: Vec<&str> = lines[0].split_whitespace().collect();
    assert_eq!(columns, ["TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "CLIENT"]);
    let edge = lines[0].find("LAG").unwrap() + 3;
    assert!(lines[1..5].iter().all(|line| line.as_bytes()[edge - 1].is_ascii_digit()), "{text}");
    assert!(lines[5].starts_with("lag in all: ") && lines[5].ends_with(" in 4 partitions"), "{text}");
}

#[test]
fn application_is_described_with_its_internal_topics_and_their_settings() {
    let world = World::counted();
    let document = world.tool("describe", &["--json"]).json();
    assert_eq!((&document["application_id"], &document["log"]), (&json!("app"), &json!(world.url())));
    assert_eq!((&document["has_group"], &document["members"]), (&json!(true), &json!([])));
    let topics = document["internal_topics"].as_array().unwrap();
    let named: Vec<(&Value, &Value, &Value)> =
        topics.iter().map(|topic| (&topic["topic"], &topic["kind"], &topic["partitions"])).collect();
    assert_eq!(
        named,
        [
            (&json!("app-counts-changelog"), &json!("changelog"), &json!(2)),
            (&json!("app-counts-repartition"), &json!("repartition"), &json!(2)),
            (&json!("app-minutes-changelog"), &json!("changelog"), &json!(2)),
        ]
    );
    let policies: Vec<&Value> = topics.iter().map(|topic| &topic["config"]["cleanup.policy"]).collect();
    assert_eq!(policies, [&json!("compact"), &json!("delete"), &json!("compact,delete")]);

    let text = world.tool("describe", &[]).done();
    assert!(text.starts_with("application  app\nlog          embedded:"), "{text}");
    let minutes = text.lines().find(|line| line.starts_with("app-minutes-changelog")).unwrap();
    assert!(minutes.contains("cleanup.policy=compact,delete") && minutes.contains("retention.ms="), "{text}");
    assert!(text.contains("lag in all: "), "{text}");
}

#[test]
fn application_that_has_not_committed_yet_is_described_by_its_topics() {
    let world = World::new();
    world.start().close(TIMEOUT).unwrap();
    world.tool("describe", &[]).done();
    let error = run(&["describe", "--url", &world.url(), "--application-id", "other"]).failed(1);
    assert!(error.starts_with("error: there is no group `other`"), "{error}");
}
