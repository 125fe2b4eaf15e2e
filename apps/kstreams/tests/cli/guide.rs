//! The samples in the guide are what the tool prints.

use crate::world::*;
use std::path::Path;

/// The application's own configuration, for commands that are run beside its data.
const APP: &str = "application.id=app\nkstreams.url=embedded:data\nstate.dir=state\n";

/// That of a Java application.
const JAVA: &str = "application.id=app
bootstrap.servers=localhost:9092
default.key.serde=org.apache.kafka.common.serialization.Serdes$StringSerde
sasl.password=secret
num.standby.replicas=1
state.dri=/var/lib/app
";

#[test]
fn samples_of_the_guide_are_what_the_tool_prints() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/13-command-line-tool.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let world = World::new();
    world.send(&WORDS);
    // Without transactions nothing but messages takes offsets, so that these are the same in every run.
    world.count_with(world.config(), WORDS.len());
    world.send(&[("owl", 180_000)]);
    std::fs::write(world.path("app.properties"), APP).unwrap();
    std::fs::write(world.path("java.properties"), JAVA).unwrap();

    let run = run_again(&page, &world);
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&path, &run).unwrap();
    }
    let same = masked(&run) == masked(&page);
    assert!(same, "{} is not up to date; run this test with UPDATE_REFERENCE=1:\n{run}", path.display());
}

/// The page, with what each command prints now between its line and the end of its block.
fn run_again(page: &str, world: &World) -> String {
    let (mut run, mut is_output) = (String::new(), false);
    for line in page.lines() {
        is_output &= line != "```";
        if is_output {
            continue;
        }
        run.extend([line, "\n"]);
        if let Some(command) = line.strip_prefix("$ kstreams ") {
            let words: Vec<&str> = command.split(' ').collect();
            let ran = Ran::of(tool(&words).current_dir(world.path("")).output().unwrap());
            run.extend([ran.stdout, ran.stderr]);
            is_output = true;
        }
    }
    run
}

/// Without what differs from run to run: times, and how much space the engine takes.
fn masked(page: &str) -> String {
    let masked = |line: &str| match line.split_once("would be deleted: ") {
        Some((what, _size)) => what.to_owned(),
        None if line.contains('Z') => line.replace(|letter: char| letter.is_ascii_digit(), "0"),
        None => line.to_owned(),
    };
    page.lines().map(masked).collect::<Vec<_>>().join("\n")
}
