//! What the compiler says about programs that are wrong, at which place, and what it tells to do.

mod compiler;

use compiler::{compiles, refuses};

const NO_DATUM: &str = "`Station` cannot be grouped, joined or stored";
const NO_WIRE: &str = "`Station` has no format of its own";
const REMEDIES: [&str; 2] = ["kstreams::json!(Station)", "kstreams::avro!(Station, …)"];

/// The compiler's answer names the type, what it lacks, and what to write, at the step.
fn lacks_a_format(steps: &str, step: &str) {
    let said = refuses(steps);
    assert!([NO_DATUM, NO_WIRE].iter().any(|message| said.first().contains(message)), "it comes first: {said}");
    assert_eq!(said.at(said.first()).as_deref(), Some(step), "{said}");
    REMEDIES.iter().for_each(|remedy| assert!(said.contains(remedy), "{said}"));
}

fn is_not_grouped(steps: &str, step: &str) {
    let said = refuses(steps);
    let message = "only what has been grouped can be counted, reduced, aggregated or windowed";
    assert_eq!(said.at(message).as_deref(), Some(step), "{said}");
    assert!(said.contains("group it first: `.group_by_key()`"), "{said}");
    assert_eq!(said.errors().count(), 1, "one mistake, one message: {said}");
}

#[test]
fn program_without_a_mistake_compiles() {
    compiles(r#"builder.stream::<i64, i64>("rides").group_by_key().count("counts").to_stream().to("totals");"#);
    compiles(
        r#"builder.stream::<Option<i64>, i64>("rides").join(&names, |rides, name| (rides, name)).for_each(|_: i64, _| ());"#,
    );
}

#[test]
fn key_without_a_format_is_named_where_it_is_grouped_or_joined() {
    lacks_a_format(r#"rides.select_key(|_, _| Station).group_by_key().count("counts");"#, "group_by_key");
    lacks_a_format(r#"rides.group_by(|_, _| Station).count("counts");"#, "group_by");
    lacks_a_format("rides.select_key(|_, _| Station).join(&names, |ride, name| (ride, name));", "join");
    lacks_a_format("rides.select_key(|_, _| Station).left_join(&names, |ride, name| (ride, name));", "left_join");
    lacks_a_format(r#"rides.select_key(|_, _| Station).to_table("table");"#, "to_table");
}

#[test]
fn value_without_a_format_is_named_where_it_is_grouped_joined_or_written() {
    lacks_a_format(r#"rides.map_values(|_| Station).group_by_key().count("counts");"#, "group_by_key");
    lacks_a_format("rides.map_values(|_| Station).join(&names, |ride, name| (ride, name));", "join");
    lacks_a_format(r#"rides.map_values(|_| Station).to("out");"#, "to");
    lacks_a_format(r#"rides.map_values(|_| Station).repartition("again");"#, "repartition");
}

#[test]
fn type_without_a_format_is_named_where_it_is_read() {
    lacks_a_format(r#"builder.stream::<Station, i64>("in");"#, "Station");
    lacks_a_format(r#"builder.table::<Station, i64>("in");"#, "Station");
}

#[test]
fn join_with_a_table_of_other_keys_names_both_tables() {
    let said = refuses(r#"rides.select_key(|_, _| true).join(&names, |ride, name| (ride, name));"#);
    assert!(said.contains("expected `&KTable<bool, _>`, found `&KTable<i64, String>`"), "{said}");
}

#[test]
fn stream_that_is_not_grouped_is_told_to_be() {
    is_not_grouped(r#"rides.count("counts").to_stream().to("out");"#, "count");
    is_not_grouped(r#"rides.reduce(|one, other| one + other, "sums").to_stream().to("out");"#, "reduce");
    is_not_grouped(r#"rides.aggregate(|| 0, |_, ride, sum| sum + ride, "sums").to_stream().to("out");"#, "aggregate");
    is_not_grouped(
        r#"let hours = kstreams::window::TimeWindows::of(std::time::Duration::from_secs(3600));
           rides.windowed_by(hours).count("counts").to_stream().for_each(|_, _| ());"#,
        "windowed_by",
    );
}

#[test]
fn table_that_is_not_grouped_is_told_to_be() {
    is_not_grouped(r#"names.count("counts").to_stream().to("out");"#, "count");
    is_not_grouped(r#"names.reduce(|one, _| one, |one, _| one, "sums").to_stream().to("out");"#, "reduce");
    is_not_grouped(
        r#"names.aggregate(|| 0_i64, |_, _, sum| sum + 1, |_, _, sum| sum - 1, "sums").to_stream().to("out");"#,
        "aggregate",
    );
}
