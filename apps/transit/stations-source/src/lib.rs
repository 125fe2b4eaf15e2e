//! The stations source: publishes each new row of the database table `stations` once.
//!
//! It asks for rows behind the largest `stop_id` it has published, and writes that number in the same transaction as
//! the rows; so a restart, however the last run ended, repeats nothing and leaves nothing out. Rows that are changed
//! or deleted, or inserted with a smaller `stop_id`, it does not see: the column is taken at its word.

mod database;
mod script;

pub use database::Database;
pub use script::table_script;

use clap::Args;
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::log::{Log, NewTopic, TopicConfig};
use kstreams::record::Topic;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use transit_model::names::{SOURCE_OFFSETS, STATIONS};
use transit_model::records::StopRow;
use transit_part::log::{Outbound, Writer, create_topics, latest_by_key};
use transit_part::{Stop, block_on};

/// The key under which the source keeps its offset.
const OFFSET_KEY: &str = "stations";
/// Rows that are read and written at a time.
const ROWS_MAX: u32 = 500;
/// The pause after the database failed; it doubles up to the largest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Flags of the stations source.
#[derive(Debug, Clone, Args)]
pub struct SourceSettings {
    /// The database: postgres://user:password@host/database, or sqlite:FILE, which is created and filled
    #[arg(
        long,
        env = "TRANSIT_DATABASE",
        value_name = "URL",
        default_value = "sqlite:stations.db",
        hide_env_values = true
    )]
    pub database: String,

    /// Create and fill the table in PostgreSQL too, if it does not exist or is empty
    #[arg(long, env = "TRANSIT_DATABASE_FILL")]
    pub fill: bool,

    /// Milliseconds between two looks for new rows
    #[arg(long, env = "TRANSIT_POLL_MS", value_name = "MS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub poll_ms: u64,
}

/// The largest `stop_id` that was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct SourceOffset {
    stop_id: i32,
}

/// Publishes rows until a stop is requested; returns how many it published.
///
/// # Errors
/// `Config` or `Io` if the database cannot be opened at the start; what the log answers. Later failures of the
/// database are waited out.
pub fn run_stations_source(log: &dyn Log, settings: &SourceSettings, stop: &Stop) -> Result<u64> {
    // One partition: rows keep the order of their `stop_id`.
    let in_one_partition = |topic| NewTopic::new(topic, 1).with_config(TopicConfig::compacted());
    create_topics(log, &[in_one_partition(STATIONS), in_one_partition(SOURCE_OFFSETS)])?;
    let mut writer = Writer::open(log, "transit-stations-source")?;
    let offset = load_offset(log)?;
    tracing::info!(stop_id = offset, "publishing rows behind this one");
    block_on(async {
        let database = Database::open(&settings.database).await?;
        let published = publish(&database, &mut writer, offset, settings, stop).await;
        database.close().await;
        published
    })?
}

async fn publish(
    database: &Database,
    writer: &mut Writer,
    mut offset: i32,
    settings: &SourceSettings,
    stop: &Stop,
) -> Result<u64> {
    if database.is_embedded() || settings.fill {
        let filled = database.fill().await?;
        tracing::debug!(rows = filled, "filled the table");
    }
    let (mut published, mut pause) = (0, FIRST_PAUSE);
    while !stop.is_requested() {
        let wait = match database.rows_after(offset, ROWS_MAX).await {
            Ok(rows) if rows.is_empty() => Duration::from_millis(settings.poll_ms),
            Ok(rows) => {
                offset = write(writer, &rows)?;
                published += rows.len() as u64;
                pause = FIRST_PAUSE;
                tracing::debug!(rows = rows.len(), stop_id = offset, "published");
                Duration::ZERO
            }
            Err(error) => {
                tracing::warn!(%error, "the table is read again");
                let longer = (pause * 2).min(PAUSE_MAX);
                std::mem::replace(&mut pause, longer)
            }
        };
        stop.wait(wait);
    }
    Ok(published)
}

/// Writes the rows and the new offset in one transaction.
fn write(writer: &mut Writer, rows: &[StopRow]) -> Result<i32> {
    let stop_id = rows.iter().map(|row| row.stop_id).max().expect("only called with rows");
    let mut messages = rows.iter().map(row_message).collect::<Result<Vec<_>>>()?;
    messages.push(json_message(SOURCE_OFFSETS, OFFSET_KEY, &SourceOffset { stop_id })?);
    writer.write(&messages)?;
    Ok(stop_id)
}

fn row_message(row: &StopRow) -> Result<Outbound> {
    json_message(STATIONS, &row.stop_id.to_string(), row)
}

fn json_message(topic: &str, key: &str, value: &impl Serialize) -> Result<Outbound> {
    let value = serde_json::to_vec(value)
        .map_err(|error| Error::new(ErrorKind::Serialization, error.to_string()).with_source(error))?;
    Ok(Outbound { topic: Topic::from(topic), partition: Some(0), key: Some(key.into()), value: Some(value) })
}

/// The offset of the last run; before the first one, smaller than every id.
fn load_offset(log: &dyn Log) -> Result<i32> {
    let latest = latest_by_key(log, &Topic::from(SOURCE_OFFSETS))?;
    let Some(bytes) = latest.get(OFFSET_KEY.as_bytes()) else { return Ok(i32::MIN) };
    let offset: SourceOffset = serde_json::from_slice(bytes).map_err(|error| {
        let message = format!("the offset in {SOURCE_OFFSETS} cannot be read");
        Error::new(ErrorKind::Corrupt, message).with_detail(error.to_string()).with_source(error)
    })?;
    Ok(offset.stop_id)
}
