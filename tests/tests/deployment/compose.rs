//! The containers, as far as that can be said without an engine: the files fit each other, and the programs.

use regex::Regex;
use serde_json::Value as Json;
use serde_yaml_ng::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use system_tests::program;

/// What runs transit's image.
const TRANSIT: [&str; 7] =
    ["arrivals", "turnstiles-producer", "weather", "stations-source", "stations", "turnstiles", "dashboard"];

/// What everything else is.
const BESIDE: [&str; 9] = [
    "kafka-1",
    "kafka-2",
    "kafka-3",
    "karapace-registry",
    "karapace-rest",
    "postgresql",
    "prometheus",
    "grafana",
    "kafka-ui",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    let mut value: Value = serde_yaml_ng::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    // What is merged may itself be merged of others.
    loop {
        let before = value.clone();
        value.apply_merge().unwrap_or_else(|error| panic!("{path}: {error}"));
        if value == before {
            return value;
        }
    }
}

/// The services of docker-compose.yml by name.
fn services() -> BTreeMap<String, Value> {
    let file = yaml("docker-compose.yml");
    let services = file["services"].as_mapping().expect("there are services");
    services.iter().map(|(name, service)| (text(name), service.clone())).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not text: {value:?}")).to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_sequence().map(|items| items.iter().map(text).collect()).unwrap_or_default()
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_mapping().map(|mapping| mapping.keys().map(text).collect()).unwrap_or_default()
}

/// Transit's services, with the program that each runs.
fn programs() -> Vec<(String, Value, String)> {
    let all = services().into_iter().filter(|(name, _)| TRANSIT.contains(&name.as_str()));
    all.map(|(name, service)| {
        let program = texts(&service["command"]).remove(0);
        (name, service, program)
    })
    .collect()
}

#[test]
fn services_are_those_of_the_whole_system() {
    let names: Vec<String> = services().into_keys().collect();
    let mut expected: Vec<&str> = TRANSIT.iter().chain(&BESIDE).copied().collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
}

#[test]
fn images_are_pinned_and_services_limited_and_restarted() {
    let is_pinned = Regex::new(r":v?\d+\.\d+(\.\d+)?(-[a-z]+)?$").unwrap();
    for (name, service) in services() {
        let image = text(&service["image"]);
        assert!(is_pinned.is_match(&image), "{name}: {image} is not pinned");
        assert_eq!(service["restart"], "unless-stopped", "{name}");
        let limits = &service["deploy"]["resources"]["limits"];
        assert!(limits["memory"].is_string() && limits["cpus"].is_string(), "{name} has no limits");
        let checks_itself = TRANSIT.contains(&name.as_str());
        assert_eq!(service["healthcheck"].is_mapping(), !checks_itself, "{name}: transit's image checks itself");
    }
}

#[test]
fn ports_are_on_loopback_and_each_is_taken_once() {
    let mut taken = BTreeMap::new();
    for (name, service) in services() {
        for port in texts(&service["ports"]) {
            let host = port.strip_prefix("127.0.0.1:").unwrap_or_else(|| panic!("{name}: {port} is open to others"));
            let host = host.split(':').next().unwrap_or_default().to_owned();
            assert_eq!(taken.insert(host, name.clone()), None, "{name}: {port} is taken");
        }
    }
    assert_eq!(taken.get("8888").map(String::as_str), Some("dashboard"));
}

#[test]
fn services_wait_until_those_they_need_are_healthy() {
    let services = services();
    for (name, service) in &services {
        let Some(needed) = service["depends_on"].as_mapping() else { continue };
        for (other, how) in needed {
            assert!(services.contains_key(&text(other)), "{name} waits for {other:?}, which is not there");
            assert_eq!(how["condition"], "service_healthy", "{name}");
        }
    }
    for (name, service, _) in programs() {
        let needed = keys(&service["depends_on"]);
        for other in ["kafka-1", "kafka-2", "kafka-3", "karapace-registry"] {
            assert!(needed.contains(other), "{name} does not wait for {other}");
        }
    }
    assert!(keys(&services["weather"]["depends_on"]).contains("karapace-rest"));
    assert!(keys(&services["stations-source"]["depends_on"]).contains("postgresql"));
}

#[test]
fn volumes_are_declared_and_mounted_files_are_in_the_tree() {
    let declared = keys(&yaml("docker-compose.yml")["volumes"]);
    let mut used = BTreeSet::new();
    for (name, service) in services() {
        for volume in texts(&service["volumes"]) {
            let source = volume.split(':').next().unwrap_or_default().to_owned();
            match source.strip_prefix("./") {
                Some(path) => assert!(root().join(path).exists(), "{name} mounts {path}, which is not there"),
                None => assert!(used.insert(source.clone()), "{name} shares the volume {source}"),
            }
        }
    }
    assert_eq!(used, declared);
}

#[test]
fn programs_know_every_variable_that_is_set() {
    for (name, service, command) in programs() {
        let help = Command::new(program(&command)).arg("--help").env_clear().output().expect("it can be run");
        // Lines are wrapped anywhere.
        let help = String::from_utf8_lossy(&help.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
        for variable in keys(&service["environment"]) {
            let is_known = help.contains(&format!("[env: {variable}=")) || help.contains(&format!("[env: {variable}]"));
            // The health check is a program of its own.
            assert!(is_known || variable == "TRANSIT_HEALTH", "{name}: {command} knows no {variable}:\n{help}");
        }
    }
}

#[test]
fn programs_take_the_values_that_are_set() {
    for (name, service, command) in programs() {
        let mut values = BTreeMap::new();
        for (variable, value) in service["environment"].as_mapping().expect("each has an environment") {
            let value = text(value);
            let default = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')?.split_once(":-"));
            values.insert(text(variable), default.map_or(value.clone(), |(_, default)| default.to_owned()));
        }
        // What is no value ends a program with 2, before it looks at the log; what is no log, with 1.
        values.insert("TRANSIT_LOG".into(), "nowhere".into());
        let free = ["TRANSIT_HTTP", "TRANSIT_DASHBOARD_LISTEN"].map(|variable| (variable, "127.0.0.1:0"));
        let mut asked = Command::new(program(&command));
        let said = asked.env_clear().envs(&values).envs(free).output().expect("it can be run");
        let words = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(1), "{name}: {words}");
        assert!(words.contains("nowhere"), "{name}: {words}");
    }
}

/// The names of the workspace's programs: a package's own, and those of its files in `src/bin`.
fn workspace_programs() -> BTreeSet<String> {
    let packages = fs::read_dir(root().join("apps/transit")).expect("transit is there").flatten();
    let mut names = BTreeSet::new();
    for package in packages.map(|package| package.path()).filter(|path| path.is_dir()) {
        if package.join("src/main.rs").exists() {
            names.insert(format!("transit-{}", package.file_name().unwrap_or_default().to_string_lossy()));
        }
        let others = fs::read_dir(package.join("src/bin")).into_iter().flatten().flatten();
        names.extend(others.filter_map(|file| Some(file.path().file_stem()?.to_string_lossy().into_owned())));
    }
    names
}

#[test]
fn image_has_every_program_but_the_demo() {
    let dockerfile = read("deploy/Dockerfile");
    let list = dockerfile.split_once("for program in ").and_then(|(_, rest)| rest.split_once(';')).expect("a list").0;
    let in_image: BTreeSet<String> = list.split_whitespace().map(|name| format!("transit-{name}")).collect();
    let mut expected = workspace_programs();
    assert!(expected.remove("transit-demo"));
    assert_eq!(in_image, expected);
    for (name, _, command) in programs() {
        assert!(in_image.contains(&command), "{name} runs {command}");
    }
    let packages = Regex::new(r"-p (transit-[a-z-]+)").unwrap();
    for package in packages.captures_iter(&dockerfile) {
        let directory = root().join("apps/transit").join(package[1].trim_start_matches("transit-"));
        assert!(directory.join("Cargo.toml").exists(), "there is no package {}", &package[1]);
    }
}

#[test]
fn image_is_nobodys_root_and_ends_in_order() {
    let dockerfile = read("deploy/Dockerfile");
    let last = dockerfile.rsplit("\nFROM ").next().expect("there are stages");
    for line in ["USER 10001:10001", "STOPSIGNAL SIGTERM", "CMD [\"transit-health\"]"] {
        assert!(last.contains(line), "the image has no `{line}`");
    }
    let is_pinned = Regex::new(r"^(chef|[a-z/]+:\d+\.\d+[0-9.]*-[a-z-]+)( AS [a-z]+)?$").unwrap();
    for from in dockerfile.lines().filter_map(|line| line.strip_prefix("FROM ")) {
        assert!(is_pinned.is_match(from), "FROM {from}");
    }
    let rust = read("Cargo.toml").lines().find_map(|line| line.strip_prefix("rust-version = ").map(str::to_owned));
    let rust = rust.expect("the workspace names its Rust").replace('"', "");
    assert!(dockerfile.contains(&format!("FROM rust:{rust}.")), "the image is built with Rust {rust}");
}

#[test]
fn prometheus_scrapes_every_program_where_it_serves() {
    let prometheus = yaml("deploy/prometheus/prometheus.yml");
    let jobs = prometheus["scrape_configs"].as_sequence().expect("there are jobs");
    let mut targets = BTreeMap::new();
    for job in jobs {
        let target = texts(&job["static_configs"][0]["targets"]).remove(0);
        targets.insert(text(&job["job_name"]), target);
    }
    for (name, service, _) in programs() {
        let environment = &service["environment"];
        let served = environment.get("TRANSIT_DASHBOARD_LISTEN").unwrap_or(&environment["TRANSIT_HTTP"]);
        let served = text(served).replace("0.0.0.0", &name);
        assert_eq!(targets.remove(&name), Some(served), "{name}");
    }
    assert_eq!(targets.into_keys().collect::<Vec<_>>(), ["prometheus"]);
}

#[test]
fn every_metric_of_the_dashboard_exists() {
    let dashboard: Json = serde_json::from_str(&read("deploy/grafana/dashboards/transit.json")).expect("it is JSON");
    let known = [
        "docs/reference/metrics.md",
        "apps/transit/part/src/vitals.rs",
        "apps/transit/dashboard/src/server/metrics.rs",
    ];
    let known: String = known.map(read).concat();
    let metric = Regex::new(r"\b(kafka|kstreams|transit)_[a-z_]+").unwrap();
    let panels = dashboard["panels"].as_array().expect("there are panels");
    let mut seen = BTreeSet::new();
    for target in panels.iter().flat_map(|panel| panel["targets"].as_array().expect("each shows something")) {
        let expression = target["expr"].as_str().expect("by an expression");
        for name in metric.find_iter(expression).map(|found| found.as_str()) {
            let is_named = known.contains(&format!("`{name}`")) || known.contains(&format!("\"{name}\""));
            assert!(is_named, "there is no metric {name}");
            seen.insert(name);
        }
    }
    assert!(seen.len() >= 15, "{seen:?}");
    let datasource = yaml("deploy/grafana/provisioning/datasources/prometheus.yml");
    let datasource = text(&datasource["datasources"][0]["uid"]);
    assert!(panels.iter().all(|panel| panel["datasource"]["uid"] == datasource.as_str()));
    let provider = yaml("deploy/grafana/provisioning/dashboards/transit.yml");
    let path = text(&provider["providers"][0]["options"]["path"]);
    let mounts = texts(&services()["grafana"]["volumes"]);
    assert!(mounts.iter().any(|mount| mount.contains(&format!(":{path}:"))), "{mounts:?}");
}

/// Docker's own reading of the file, which needs no engine.
#[test]
fn compose_takes_the_file() {
    let config = |program: &str, first: &[&str]| {
        Command::new(program)
            .args(first)
            .args(["--file", "docker-compose.yml", "config", "--quiet"])
            .current_dir(root())
            .output()
    };
    let is_plugin = Command::new("docker").args(["compose", "version"]).output().is_ok_and(|out| out.status.success());
    let checked = if is_plugin { config("docker", &["compose"]) } else { config("docker-compose", &[]) };
    match checked {
        Ok(checked) => assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr)),
        Err(error) => system_tests::skip("docker-compose", &error.to_string()),
    }
}
