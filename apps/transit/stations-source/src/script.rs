//! The table as a script of SQL, for databases that are filled by others: a container's, or an operator's.

use crate::database::{COLUMNS, CREATE};
use transit_model::Network;
use transit_model::records::StopRow;

/// Creates the table, unless it exists, with Chicago's platforms.
///
/// ```
/// let script = transit_stations_source::table_script();
/// assert!(script.contains("CREATE TABLE IF NOT EXISTS stations"));
/// assert!(script.contains("'O''Hare'"), "text is quoted");
/// ```
pub fn table_script() -> String {
    let rows: Vec<String> = Network::chicago().stop_rows().iter().map(values).collect();
    format!(
        "-- The table `stations`. Made by `transit-stations-source --print-sql`, and a test compares the two.\n\
         {};\n\nINSERT INTO stations\n    ({COLUMNS})\nVALUES\n{}\nON CONFLICT (stop_id) DO NOTHING;\n",
        CREATE.trim(),
        rows.join(",\n"),
    )
}

fn values(row: &StopRow) -> String {
    let order = row.order.map_or("NULL".to_owned(), |order| order.to_string());
    let texts =
        [&row.direction_id, &row.stop_name, &row.station_name, &row.station_descriptive_name].map(|t| quoted(t));
    let colours = [row.red, row.blue, row.green].map(|has| if has { "TRUE" } else { "FALSE" });
    let (stop_id, station_id) = (row.stop_id, row.station_id);
    format!("    ({stop_id}, {}, {station_id}, {order}, {})", texts.join(", "), colours.join(", "))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
