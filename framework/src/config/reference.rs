//! The reference page of the keys, made from the table: run the tests with `UPDATE_REFERENCE=1` to write it anew.

use super::keys::{Key, Treatment};
use super::table::KEYS;
use std::fmt::Write as _;

const INTRODUCTION: &str = "# Configuration

Everything can be set in the program (`Config`), in a properties file (`Config::from_properties_file`) and in the
environment (`Config::apply_environment`), under Kafka's own keys. Whatever is applied last wins.

* Durations are whole milliseconds, sizes are bytes.
* A variable is the key in capitals: `commit.interval.ms` is `KSTREAMS_COMMIT_INTERVAL_MS`, `kstreams.url` is `KSTREAMS_URL`.
* `topic.<key>` configures internal topics. `consumer.`, `main.consumer.`, `restore.consumer.`, `global.consumer.`,
  `producer.` and `admin.` set any key of one client; the embedded log needs none of them.
* An unknown key is an error that names the nearest known one. An ignored key is a warning in the log.
* The values in force, and where each came from, are logged at the start; `Streams::config_report` returns them.

This page is made from the table in `framework/src/config/table.rs`, and a test compares the two.
";

/// Every key and what becomes of it, in Markdown: the page `docs/reference/configuration.md`. Programs may print it.
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_string();
    let mut section = |title: &str, columns: &[&str], cells: &dyn Fn(&Key) -> Option<Vec<String>>| {
        let _ =
            writeln!(page, "\n## {title}\n\n| key | {} |\n|---|{}", columns.join(" | "), "---|".repeat(columns.len()));
        let rows = KEYS.iter().filter_map(|row| Some((row.name, cells(row)?)));
        rows.for_each(|(name, cells)| {
            let _ = writeln!(page, "| `{name}` | {} |", cells.join(" | "));
        });
    };
    let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
    section("Taken over", &["default", "remarks"], &|row| {
        matches!(row.treatment, Treatment::Taken(_)).then(|| vec![code(row.default), row.about.to_string()])
    });
    section("Translated", &["becomes"], &|row| match row.treatment {
        Treatment::Translated(_, becomes) => Some(vec![becomes.to_string()]),
        _ => None,
    });
    section("Handed to Kafka's clients", &["client"], &|row| match row.treatment {
        Treatment::Client(side) => Some(vec![format!("{side:?}").to_lowercase()]),
        _ => None,
    });
    section("Ignored, with a warning", &["because"], &|row| match row.treatment {
        Treatment::Ignored(why) => Some(vec![why.to_string()]),
        _ => None,
    });
    section("Refused", &["instead"], &|row| match row.treatment {
        Treatment::Refused(instead) => Some(vec![instead.to_string()]),
        _ => None,
    });
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, keys};
    use std::path::PathBuf;

    #[test]
    fn reference_page_lists_the_table() {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/configuration.md");
        if std::env::var_os("UPDATE_REFERENCE").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, reference()).unwrap();
        }
        let page = std::fs::read_to_string(&path).unwrap();
        assert!(page == reference(), "{} is not up to date; run this test with UPDATE_REFERENCE=1", path.display());
    }

    #[test]
    fn defaults_of_the_table_are_those_of_the_code() {
        let defaults = format!("{:?}", Config::new("app", "embedded:"));
        for row in KEYS.iter().filter(|row| !row.default.is_empty()) {
            let mut config = Config::new("app", "embedded:");
            config.set(row.name, row.default).unwrap();
            assert_eq!(format!("{config:?}"), defaults, "{}", row.name);
        }
    }

    #[test]
    fn every_key_is_listed_once() {
        let mut names: Vec<_> = KEYS.iter().map(|row| row.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn variables_of_two_keys_are_never_the_same() {
        for row in KEYS {
            let words = row.name.trim_start_matches("kstreams.").replace('.', "_").to_uppercase();
            assert_eq!(keys::of_variable(&words), row.name);
        }
    }
}
