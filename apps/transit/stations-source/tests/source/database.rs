//! The table is the same in both databases.

use crate::postgres;
use transit_model::Network;
use transit_model::records::StopRow;
use transit_part::block_on;
use transit_stations_source::Database;

/// A platform that the network does not have.
pub fn new_platform() -> StopRow {
    StopRow {
        stop_id: 40_001,
        direction_id: "N".into(),
        stop_name: "Loop Extension (O'Hare-bound)".into(),
        station_name: "Loop Extension".into(),
        station_descriptive_name: "Loop Extension (Blue Line)".into(),
        station_id: 49_001,
        order: None,
        red: false,
        blue: true,
        green: false,
    }
}

async fn holds_of(url: &str) {
    let database = Database::open(url).await.unwrap();
    assert_eq!(database.fill().await.unwrap(), 230);
    assert_eq!(database.fill().await.unwrap(), 0, "a second start fills nothing");
    let chicago = Network::chicago().stop_rows();
    assert_eq!(database.rows_after(i32::MIN, 1_000).await.unwrap(), chicago);
    assert_eq!(database.rows_after(chicago[99].stop_id, 20).await.unwrap(), chicago[100..120]);
    database.insert(&new_platform()).await.unwrap();
    assert!(database.insert(&new_platform()).await.is_err(), "stop_id is the primary key");
    assert_eq!(database.rows_after(chicago[229].stop_id, 10).await.unwrap(), [new_platform()]);
    database.close().await;
}

#[test]
fn sqlite_file_is_created_filled_and_read_by_its_key() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("stations.db").display());
    block_on(holds_of(&url)).unwrap();
    let rows = block_on(async { Database::open(&url).await.unwrap().rows_after(0, 1_000).await }).unwrap();
    assert_eq!(rows.unwrap().len(), 231, "the file keeps them");
}

#[test]
fn postgresql_is_filled_and_read_by_its_key() {
    let server = postgres::Server::start();
    block_on(holds_of(&server.url())).unwrap();
}
