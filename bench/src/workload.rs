//! The workloads: topologies with the names of the Java peer's, and what they read.

use crate::arguments::Workload;
use crate::data;
use kstreams::config::Config;
use kstreams::dsl::{KStream, Materialized, Produced, StreamsBuilder};
use kstreams::error::Result;
use kstreams::record::Windowed;
use kstreams::serde::{Format, Wire};
use kstreams::topology::Topology;
use kstreams::window::TimeWindows;
use std::time::Duration;

/// The store that `restore` fills and restores.
pub const RESTORED: &str = "restore-store";

/// What a workload is configured with beyond the defaults.
pub fn configured(workload: Workload, config: Config) -> Config {
    if workload == Workload::CountEos { config.exactly_once() } else { config }
}

/// What a workload runs.
///
/// # Errors
/// What is wrong with the topology.
pub fn topology(workload: Workload) -> Result<Topology> {
    let builder = StreamsBuilder::new();
    match workload {
        Workload::Restore | Workload::RestoreFill => {
            builder.table_with::<String, String>("restore-input", Materialized::named(RESTORED));
        }
        Workload::Map => map(events(&builder)),
        Workload::Count | Workload::CountEos => count(events(&builder), Materialized::named("counts")),
        Workload::CountNocache => count(events(&builder), Materialized::named("counts").with_caching_disabled()),
        Workload::Window => window(events(&builder)),
        Workload::Join => join(&builder),
    }
    builder.build()
}

fn events(builder: &StreamsBuilder) -> KStream<String, String> {
    builder.stream("events")
}

fn map(events: KStream<String, String>) {
    events.filter(|_, event| !event.contains("\"line\":\"blue\"")).map_values(|event| event.to_uppercase()).to("out");
}

fn count(events: KStream<String, String>, counts: Materialized<String, i64>) {
    events.group_by_key().count(counts).to_stream().to("out");
}

fn window(events: KStream<String, String>) {
    let size = Duration::from_secs(10);
    let windows = TimeWindows::of_size_and_grace(size, Duration::from_secs(5));
    let keys: Format<Windowed<String>> = Format::time_windowed(String::format(), 10_000);
    let out = Produced::with("out", keys, Format::i64());
    events.group_by_key().windowed_by(windows).count("counts").to_stream().to(out);
}

fn join(builder: &StreamsBuilder) {
    let profiles = builder.table_with::<String, String>("profiles", Materialized::named("profiles"));
    let joined = |event: String, profile: String| data::joined(&event, &profile);
    events(builder).join(&profiles, joined).to("out");
}

#[cfg(test)]
mod tests {
    use super::*;
    use kstreams::testing::TopologyTestDriver;

    const EVENT: &str = r#"{"seq":0000000042,"line":"red","entries":117,"note":"abc"}"#;
    const BLUE: &str = r#"{"seq":0000000043,"line":"blue","entries":117,"note":"abc"}"#;

    fn driver(workload: Workload) -> TopologyTestDriver {
        TopologyTestDriver::new(&topology(workload).unwrap()).unwrap()
    }

    #[test]
    fn map_drops_blue_events_and_raises_the_others() {
        let mut driver = driver(Workload::Map);
        driver
            .input("events")
            .pipe_key_values([("a".to_owned(), EVENT.to_owned()), ("a".to_owned(), BLUE.to_owned())])
            .unwrap();
        assert_eq!(driver.output("out").read_values::<String>().unwrap(), [EVENT.to_uppercase()]);
    }

    #[test]
    fn counts_are_big_endian_numbers_by_key() {
        for workload in [Workload::Count, Workload::CountNocache, Workload::CountEos] {
            let mut driver = driver(workload);
            driver
                .input("events")
                .pipe_key_values([("a".to_owned(), EVENT.to_owned()), ("a".to_owned(), BLUE.to_owned())])
                .unwrap();
            assert_eq!(driver.output("out").read_values::<i64>().unwrap(), [1, 2]);
            assert!(driver.internal_topics().any(|topic| topic.ends_with("-counts-changelog")));
        }
    }

    #[test]
    fn windows_of_ten_seconds_count_apart() {
        let mut driver = driver(Workload::Window);
        for time_ms in [10_000, 19_999, 20_000] {
            driver.input("events").pipe_at("a".to_owned(), EVENT.to_owned(), time_ms).unwrap();
        }
        assert_eq!(driver.output("out").read_values::<i64>().unwrap(), [1, 2, 1]);
    }

    #[test]
    fn join_puts_parts_of_both_together() {
        let mut driver = driver(Workload::Join);
        let profile = r#"{"name":"Station 000123","zone":3,"note":"abc"}"#;
        driver.input("profiles").pipe("a".to_owned(), profile.to_owned()).unwrap();
        driver.input("events").pipe("a".to_owned(), EVENT.to_owned()).unwrap();
        let joined = [r#"{"seq":0000000042|{"name":"Station 000123","zone":"#];
        assert_eq!(driver.output("out").read_values::<String>().unwrap(), joined);
    }
}
