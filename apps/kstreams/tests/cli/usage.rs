//! What every command has in common: where it looks, and how it says that it cannot.

use crate::world::*;

#[test]
fn help_tells_a_stranger_what_there_is() {
    let help = run(&["--help"]).done();
    for word in ["reset", "describe", "lag", "state", "config", "--execute", "KSTREAMS_URL", "Exit status"] {
        assert!(help.contains(word), "{word}: {help}");
    }
    for command in ["reset", "describe", "lag", "state", "config"] {
        let help = run(&[command, "--help"]).done();
        assert!(help.contains("Usage: kstreams") && help.contains("--json"), "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 120), "{help}");
    }
}

#[test]
fn command_that_is_none_is_a_matter_of_usage() {
    run(&[]).failed(2);
    assert!(run(&["rest"]).failed(2).contains("reset"));
    run(&["lag", "--no-such-flag"]).failed(2);
}

#[test]
fn missing_application_or_log_is_asked_for() {
    let error = run(&["lag", "--url", "embedded:x"]).failed(2);
    assert!(error.starts_with("error: it is not said which application (use --application-id, "), "{error}");
    let error = run(&["lag", "--application-id", "app"]).failed(2);
    assert!(error.starts_with("error: it is not said which log the application runs on (use --url "), "{error}");
}

#[test]
fn address_that_no_tool_can_use_is_refused() {
    for (url, status, sentence) in [
        ("localhost:9092", 2, "`localhost:9092` is not the address of a log (write `kafka://host:port"),
        ("embedded:", 2, "`embedded:` is a log in the memory of the process that uses it"),
        ("embedded-memory:x", 2, "`embedded-memory:x` is a log in the memory of the process that uses it"),
        ("embedded:/nonexistent/x", 1, "there is no embedded log in `/nonexistent/x`"),
    ] {
        for command in ["lag", "describe", "reset"] {
            let error = run(&[command, "--url", url, "--application-id", "app"]).failed(status);
            assert!(error.starts_with(&format!("error: {sentence}")), "{error}");
        }
    }
}

#[test]
fn log_is_not_created_by_looking() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("embedded:{}", directory.path().join("x").display());
    run(&["lag", "--url", &url, "--application-id", "app"]).failed(1);
    assert!(!directory.path().join("x").exists());
}

#[test]
fn log_in_use_is_refused_with_what_to_do() {
    let world = World::counted();
    let streams = world.start();
    for command in ["lag", "describe", "reset"] {
        let error = world.tool(command, &[]).failed(1);
        assert!(error.contains("is in use") && error.contains("stop the application that runs on it"), "{error}");
    }
    streams.close(TIMEOUT).unwrap();
}

#[test]
fn embedded_log_is_not_watched() {
    let world = World::counted();
    let error = world.tool("lag", &["--watch", "1"]).failed(2);
    assert!(error.starts_with("error: an embedded log cannot be watched"), "{error}");
    assert!(world.tool("lag", &["--times", "1"]).failed(2).contains("--watch"));
}

#[test]
fn application_without_a_group_is_not_found() {
    let world = World::new();
    let error = world.tool("lag", &[]).failed(1);
    assert_eq!(
        error,
        "error: there is no group `app` (there are no groups at all: has the application run on this log?)\n"
    );
}

#[test]
fn file_and_environment_say_where_to_look() {
    let world = World::counted();
    let file = world.path("app.properties");
    let state = world.path("state");
    let text = format!("application.id=app\nkstreams.url={}\nstate.dir={}\n", world.url(), state.display());
    std::fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    for command in ["lag", "describe", "reset", "state"] {
        run(&[command, "--config", &file]).done();
    }
    let mut command = tool(&["lag"]);
    command.env("KSTREAMS_APPLICATION_ID", "app").env("KSTREAMS_URL", world.url());
    Ran::of(command.output().unwrap()).done();
    let error = run(&["lag", "--config", &file, "--application-id", "other"]).failed(1);
    assert!(error.contains("`other`"), "the flag wins: {error}");
    assert!(run(&["lag", "--config", "/nonexistent"]).failed(2).starts_with("error: /nonexistent cannot be read"));
    let mut command = tool(&["lag", "--config", &file]);
    let error = Ran::of(command.env("KSTREAMS_STATE_DRI", "x").output().unwrap()).failed(2);
    assert!(
        error.contains("variable KSTREAMS_STATE_DRI: unknown key `state.dri` (did you mean `state.dir`?)"),
        "{error}"
    );
}

/// The features of the library are those of whatever is built with the tests, so either may be.
#[test]
fn broker_that_is_not_there_or_cannot_be_asked_is_said_to_be_so() {
    let options = ["--bootstrap-server", "localhost:1", "--application-id", "app", "--timeout", "1"];
    let error = run(&[&["lag"], &options[..]].concat()).failed(1);
    let is_not_built_in = error.contains("this build does not contain the client for `kafka://localhost:1`");
    let does_not_answer = error.contains("(see whether the brokers run");
    assert!(if is_not_built_in { error.contains("cargo feature `kafka`") } else { does_not_answer }, "{error}");
}
