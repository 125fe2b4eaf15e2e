//! `reset`.

use crate::world::*;
use kstreams::log::client::wait;
use kstreams::log::{NewTopic, OffsetAndMetadata, Offsets};
use kstreams::record::TopicPartition;
use serde_json::{Value, json};

/// The offset that each partition of `lines` gets.
fn targets(plan: &Value) -> Vec<Option<i64>> {
    let mut found = vec![None; 2];
    for change in plan["offsets"].as_array().unwrap() {
        assert_eq!(change["topic"], "lines");
        found[change["partition"].as_u64().unwrap() as usize] = change["to"].as_i64();
    }
    found
}

fn committed(world: &World) -> Vec<i64> {
    let lag = world.tool("lag", &["--json"]).json();
    let of_lines = lag["partitions"].as_array().unwrap().iter().filter(|one| one["topic"] == "lines");
    of_lines.map(|one| one["committed"].as_i64().unwrap()).collect()
}

fn ends(world: &World) -> Vec<i64> {
    let lag = world.tool("lag", &["--json"]).json();
    let of_lines = lag["partitions"].as_array().unwrap().iter().filter(|one| one["topic"] == "lines");
    of_lines.map(|one| one["end"].as_i64().unwrap()).collect()
}

/// Where the second window begins, as the tool writes times.
fn second_minute(world: &World) -> String {
    let text = world.tool("state", &["--store", "minutes"]).done();
    let of_row = |row: &str| row.split_whitespace().find(|cell| cell.ends_with(":01:00.000Z")).map(str::to_owned);
    text.lines().find_map(of_row).expect("words were counted in the second minute")
}

/// A file of this world.
fn file(world: &World, name: &str, text: &str) -> String {
    std::fs::write(world.path(name), text).unwrap();
    world.path(name).display().to_string()
}

#[test]
fn dry_run_says_everything_and_changes_nothing() {
    let world = World::counted();
    let before = (committed(&world), world.tool("describe", &[]).done(), world.tool("state", &["--json"]).done());
    for dry in [&[][..], &["--dry-run"]] {
        let text = world.tool("reset", dry).done();
        assert!(
            text.contains(&format!("local state in {} would be deleted", world.path("state/app").display())),
            "{text}"
        );
        for topic in ["app-counts-changelog", "app-counts-repartition", "app-minutes-changelog"] {
            assert!(text.contains(topic), "{text}");
        }
        assert!(text.lines().any(|line| line.starts_with("lines")), "{text}");
        assert!(!text.contains("totals"), "{text}");
        assert!(text.ends_with("nothing was changed: add --execute to do it\n"), "{text}");
    }
    let after = (committed(&world), world.tool("describe", &[]).done(), world.tool("state", &["--json"]).done());
    assert_eq!(before, after);
}

#[test]
fn application_counts_from_the_beginning_again_and_gives_equal_results() {
    let world = World::counted();
    let rows = |store: &str| {
        let text = world.tool("state", &["--store", store, "--json"]).done();
        let mut rows: Vec<String> = text.lines().map(str::to_owned).collect();
        rows.sort();
        rows
    };
    let before = (world.totals(), rows("counts"), rows("minutes"));

    let text = world.tool("reset", &["--execute"]).done();
    assert!(text.contains("is deleted") && text.ends_with("done\n"), "{text}");
    assert_eq!(committed(&world), [0, 0]);
    let left = world.tool("describe", &["--json"]).json();
    assert_eq!(left["internal_topics"], json!([]));
    let error = world.tool("state", &[]).failed(1);
    assert!(error.starts_with("error: there are no stores on disk in "), "{error}");

    world.count(WORDS.len());
    let after = world.totals();
    for (word, counts) in before.0 {
        assert_eq!(after[&word], [&counts[..], &counts].concat(), "{word}");
    }
    assert_eq!((rows("counts"), rows("minutes")), (before.1, before.2));
}

#[test]
fn second_reset_has_nothing_to_do() {
    let world = World::counted();
    world.tool("reset", &["--execute"]).done();
    let text = world.tool("reset", &["--execute"]).done();
    assert!(text.contains("there is nothing to do"), "{text}");
}

#[test]
fn reading_begins_where_the_option_says() {
    let world = World::counted();
    let ends = ends(&world);
    assert_eq!(ends.iter().sum::<i64>(), WORDS.len() as i64);
    let plan = |options: &[&str]| targets(&world.tool("reset", &[options, &["--json"]].concat()).json());
    let each = |offset: &dyn Fn(i64) -> i64| ends.iter().map(|end| Some(offset(*end))).collect::<Vec<_>>();
    assert_eq!(plan(&[]), each(&|_| 0));
    assert_eq!(plan(&["--to-earliest"]), each(&|_| 0));
    assert_eq!(plan(&["--to-latest"]), each(&|end| end));
    assert_eq!(plan(&["--to-offset", "1"]), each(&|end| end.min(1)));
    assert_eq!(plan(&["--by-offset", "99"]), each(&|end| end));
    assert_eq!(plan(&["--shift-by", "-1"]), each(&|end| (end - 1).max(0)));
    assert_eq!(plan(&["--shift-by", "5"]), each(&|end| end));
    assert_eq!(plan(&["--by-duration", "PT30M"]), each(&|end| end));
    assert_eq!(plan(&["--by-duration", "P1D"]), each(&|_| 0));
    assert_eq!(plan(&["--to-datetime", "1970-01-01T00:00:00Z"]), each(&|_| 0));
    let at_one_minute: i64 = plan(&["--to-datetime", &second_minute(&world)]).into_iter().flatten().sum();
    let before = WORDS.iter().filter(|(_, time_ms)| *time_ms < MINUTE_MS).count() as i64;
    assert_eq!(at_one_minute, before);
    let offsets = file(&world, "offsets.csv", "lines,1,1\n");
    assert_eq!(plan(&["--from-file", &offsets]), [None, Some(ends[1].min(1))]);
}

#[test]
fn offsets_are_set_where_the_plan_says() {
    let world = World::counted();
    let ends = ends(&world);
    let done = world.tool("reset", &["--shift-by", "-1", "--execute", "--json"]).json();
    assert_eq!((&done["executed"], &done["obstacle"]), (&json!(true), &Value::Null));
    assert_eq!(committed(&world), ends.iter().map(|end| (end - 1).max(0)).collect::<Vec<_>>());
}

#[test]
fn only_the_named_topics_are_touched() {
    let world = World::counted();
    let plan = world
        .tool("reset", &["--input-topics", "totals", "--internal-topics", "app-counts-changelog", "--json"])
        .json();
    assert_eq!(plan["offsets"], json!([{"topic": "totals", "partition": 0, "from": null, "to": 0}]));
    assert_eq!(plan["deleted_topics"], json!(["app-counts-changelog"]));
}

#[test]
fn topics_of_another_application_are_spared() {
    let world = World::counted();
    let log = world.log();
    kstreams::log::client::create_topics(&*log, &[NewTopic::new("app-two-counts-changelog", 1)], TIMEOUT).unwrap();
    let offsets: Offsets = [(TopicPartition::new("lines", 0), OffsetAndMetadata::new(1))].into();
    wait(&*log, log.admin().unwrap().alter_offsets("app-two", &offsets), TIMEOUT).unwrap();
    drop(log);
    let plan = world.tool("reset", &["--json"]).json();
    assert_eq!(plan["spared_topics"], json!(["app-two-counts-changelog"]));
    assert!(!plan["deleted_topics"].as_array().unwrap().contains(&json!("app-two-counts-changelog")));
    let text = world.tool("reset", &[]).done();
    assert!(text.contains("app-two-counts-changelog  stays: it is rather one of `app-two`"), "{text}");
}

#[test]
fn what_cannot_be_meant_changes_nothing() {
    let world = World::counted();
    let before = committed(&world);
    let bad = file(&world, "bad.csv", "lines,0,0\nlines,0\n");
    let other = file(&world, "other.csv", "lines,7,0\n");
    let cases: &[(&[&str], i32, &str)] = &[
        (&["--input-topics", "linse"], 1, "there is no topic `linse` (nothing was changed"),
        (
            &["--internal-topics", "totals"],
            2,
            "`totals` is not the name of an internal topic of `app` (they are called",
        ),
        (&["--internal-topics", "app-x-changelog"], 1, "there is no topic `app-x-changelog`"),
        (&["--from-file", "/nonexistent"], 2, "/nonexistent cannot be read"),
        (&["--from-file", &bad], 2, "line 2: `lines,0` is no offset of a partition (a line is topic,partition,offset"),
        (&["--from-file", &other], 1, "topic `lines` has no partition 7 (it has 2, numbered from 0"),
        (&["--to-datetime", "yesterday"], 2, "write it as 2026-01-31T12:00:00.000"),
        (&["--by-duration", "1 day"], 2, "write it as P1DT2H30M"),
        (&["--to-earliest", "--to-latest"], 2, "cannot be used with"),
        (&["--dry-run"], 2, "cannot be used with"),
    ];
    for (options, status, sentence) in cases {
        let error = world.tool("reset", &[options, &["--execute"][..]].concat()).failed(*status);
        assert!(error.contains(sentence), "{options:?}: {error}");
    }
    assert_eq!(committed(&world), before);
}

#[test]
fn application_that_nobody_knows_is_not_reset() {
    let world = World::counted();
    let state = world.path("state").display().to_string();
    let error = run(&["reset", "--url", &world.url(), "--application-id", "ap", "--state-dir", &state]).failed(1);
    assert_eq!(error, "error: there is no group `ap` (there are `app`)\n");
}
