//! `state`.

use crate::world::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn stores_are_listed_with_their_sizes() {
    let world = World::counted();
    let listed = world.tool("state", &["--json"]).json();
    let mut rows: BTreeMap<(String, String), u64> = BTreeMap::new();
    for store in listed.as_array().unwrap() {
        let (name, kind) = (store["store"].as_str().unwrap(), store["kind"].as_str().unwrap());
        *rows.entry((name.to_owned(), kind.to_owned())).or_default() += store["rows"].as_u64().unwrap();
        assert_eq!(store["changelog"], json!(format!("app-{name}-changelog")));
        assert_eq!(store["bytes"] == 0, store["rows"] == 0);
    }
    let expected = [
        (("counts".to_owned(), "timestamped-key-value".to_owned()), 3),
        (("minutes".to_owned(), "timestamped-window".to_owned()), 5),
    ];
    assert_eq!(rows, expected.into());

    let text = world.tool("state", &["--task", "0_1"]).done();
    assert!(text.starts_with("TASK  STORE"), "{text}");
    assert!(text.lines().skip(1).all(|line| line.starts_with("0_1")), "{text}");
}

#[test]
fn rows_are_dumped_with_their_timestamps() {
    let world = World::counted();
    let dumped = lines(&world.tool("state", &["--store", "counts", "--json"]).done());
    let mut rows: Vec<(&str, i64, i64)> = dumped
        .iter()
        .map(|row| {
            (
                row["key"].as_str().unwrap(),
                row["value"].as_i64().unwrap(),
                row["timestamp"].as_i64().unwrap() - hour_ms(),
            )
        })
        .collect();
    rows.sort_unstable();
    assert_eq!(rows, [("dog", 2, 121_000), ("fox", 3, 62_000), ("owl", 1, 63_000)]);

    let text = world.tool("state", &["--store", "counts", "--key-format", "string", "--value-format", "i64"]).done();
    let fox = text.lines().find(|line| line.starts_with("fox")).unwrap();
    assert!(fox.starts_with("fox  3  ") && fox.ends_with(":01:02.000Z"), "{text}");
}

#[test]
fn rows_of_windows_are_dumped_with_where_they_begin() {
    let world = World::counted();
    let dumped = lines(&world.tool("state", &["--store", "minutes", "--json", "--limit", "0"]).done());
    let mut rows: Vec<(&str, i64, i64)> = dumped
        .iter()
        .map(|row| {
            let start_ms = row["window_start_ms"].as_i64().unwrap() - hour_ms();
            (row["key"].as_str().unwrap(), start_ms, row["value"].as_i64().unwrap())
        })
        .collect();
    rows.sort_unstable();
    let minute = MINUTE_MS;
    assert_eq!(rows, [("dog", 0, 1), ("dog", 2 * minute, 1), ("fox", 0, 1), ("fox", minute, 2), ("owl", minute, 1)]);
    let text = world.tool("state", &["--store", "minutes"]).done();
    assert!(text.contains("KEY") && text.contains("WINDOW FROM"), "{text}");
    assert!(text.contains(":02:00.000Z"), "{text}");
}

#[test]
fn limit_holds_for_each_task_and_says_that_there_is_more() {
    let world = World::counted();
    let all = world.tool("state", &["--store", "minutes", "--json"]).done().lines().count();
    let some = lines(&world.tool("state", &["--store", "minutes", "--json", "--limit", "1"]).done());
    let mut tasks: Vec<&str> = some.iter().map(|row| row["task"].as_str().unwrap()).collect();
    tasks.dedup();
    assert_eq!((all, some.len()), (5, tasks.len()));
    let text = world.tool("state", &["--store", "minutes", "--limit", "1"]).done();
    assert!(text.contains("1 row; there are more: raise --limit, 0 prints all"), "{text}");
}

#[test]
fn looking_changes_nothing() {
    let world = World::counted();
    let before = world.tool("state", &["--store", "counts"]).done();
    assert_eq!(world.tool("state", &["--store", "counts"]).done(), before);
    world.count(0);
    assert_eq!(
        world.totals().into_values().map(|counts| counts.len()).sum::<usize>(),
        WORDS.len(),
        "nothing is counted again"
    );
}

#[test]
fn value_of_another_format_is_refused_in_one_sentence() {
    let world = World::counted();
    let error = world.tool("state", &["--store", "counts", "--format", "i32"]).failed(1);
    assert!(error.starts_with("error: reading a key: it is no `i32`: 3 bytes, "), "{error}");
    assert!(error.ends_with("(--key-format hex reads everything)\n"), "{error}");
}

#[test]
fn state_in_use_is_refused() {
    let world = World::counted();
    let streams = world.start();
    let error = world.tool("state", &[]).failed(1);
    assert!(
        error.contains("is in use by another instance of the application (stop the application on this machine"),
        "{error}"
    );
    streams.close(TIMEOUT).unwrap();
    drop(streams);
    world.tool("state", &[]).done();
}

#[test]
fn what_is_not_there_is_named_with_what_is() {
    let world = World::counted();
    let error = world.tool("state", &["--store", "count"]).failed(1);
    assert_eq!(error, "error: there is no store `count` (there are `counts`, `minutes`)\n");
    let error = world.tool("state", &["--task", "7_7"]).failed(1);
    assert_eq!(error, "error: there is no task `7_7` with stores (there are `0_0`, `0_1`, `1_0`, `1_1`)\n");
    let error = world.tool("state", &["--task", "0_1", "--store", "counts"]).failed(1);
    assert_eq!(error, "error: there is no store `counts` of task `0_1` (there are `minutes`)\n");
    let state = world.path("state").display().to_string();
    let error = run(&["state", "--state-dir", &state, "--application-id", "other"]).failed(1);
    assert!(error.starts_with(&format!("error: there is no state of `other` in `{state}` (name")), "{error}");
    assert!(!world.path("state/other").exists());
}
