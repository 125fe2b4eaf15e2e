//! The page about the settings of librdkafka's clients, made from their tables.

use super::settings::{
    COMMON, CONSUMER, CONSUMER_FIXED, PRODUCER, PRODUCER_FIXED, Setting, TRANSLATED, WITHOUT_MEANING,
};

const INTRODUCTION: &str = "# Settings of Kafka's clients

Any setting of librdkafka can be given to the clients, under its own name or Kafka's: `consumer.<key>`, `restore.consumer.<key>`,
`global.consumer.<key>`, `producer.<key>` and `admin.<key>` for one of them, and the keys that
[configuration](configuration.md) lists for all. What librdkafka does not know is refused at the start. Its own list is
[CONFIGURATION.md](https://github.com/confluentinc/librdkafka/blob/v2.12.1/CONFIGURATION.md).

`consumer.group.protocol=classic` keeps to the classic group protocol; otherwise the new one is used, and the classic one only where the
brokers have no other. `consumer.group.instance.id` makes static members; the number of the thread is appended.

This page is made from the tables in `framework/src/log/kafka/settings.rs`, and a test compares the two.
";

/// The page `docs/reference/kafka.md`: the settings that the runtime chooses, and names that are translated. Programs may print
/// it.
pub fn reference() -> String {
    let mut page = String::from(INTRODUCTION);
    let mut table = |title: &str, settings: &[Setting]| {
        page.push_str(&format!("\n## {title}\n\n| setting | value | because |\n|---|---|---|\n"));
        for (key, value, why) in settings {
            page.push_str(&format!("| `{key}` | `{value}` | {why} |\n"));
        }
    };
    table("Every client, unless set otherwise", COMMON);
    table("Consumers, unless set otherwise", CONSUMER);
    table("Consumers, always", CONSUMER_FIXED);
    table("Producers, unless set otherwise", PRODUCER);
    table("Producers, always", PRODUCER_FIXED);
    page.push_str("\n## Kafka's names that librdkafka calls otherwise\n\n| Kafka | librdkafka |\n|---|---|\n");
    for (theirs, ours, factor) in TRANSLATED {
        let unit = if *factor == 1 { String::new() } else { format!(" (divided by {factor})") };
        page.push_str(&format!("| `{theirs}` | `{ours}`{unit} |\n"));
    }
    page.push_str("\n## Kafka's names without a meaning here\n\n| Kafka | because |\n|---|---|\n");
    for (key, why) in WITHOUT_MEANING {
        page.push_str(&format!("| `{key}` | {why} |\n"));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn reference_page_lists_the_tables() {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/kafka.md");
        if std::env::var_os("UPDATE_REFERENCE").is_some() {
            std::fs::write(&path, reference()).unwrap();
        }
        let page = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(page == reference(), "{} is not up to date; run this test with UPDATE_REFERENCE=1", path.display());
    }
}
