//! The table as a script: it is the one in the tree, and either database takes it.

use crate::postgres;
use std::path::Path;
use transit_model::Network;
use transit_part::block_on;
use transit_stations_source::{Database, table_script};

/// What PostgreSQL's container is filled with.
const IN_THE_TREE: &str = "../../../deploy/postgres/stations.sql";

#[test]
fn script_in_the_tree_is_the_one_that_the_program_prints() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(IN_THE_TREE);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(text, table_script(), "make it again with `transit-stations-source --print-sql`");
}

async fn takes_the_script(url: &str) {
    let database = Database::open(url).await.unwrap();
    for time in ["first", "second"] {
        match &database {
            Database::Postgres(pool) => {
                sqlx::raw_sql(sqlx::AssertSqlSafe(table_script())).execute(pool).await.map(drop)
            }
            Database::Sqlite(pool) => sqlx::raw_sql(sqlx::AssertSqlSafe(table_script())).execute(pool).await.map(drop),
        }
        .unwrap_or_else(|error| panic!("the {time} time: {error}"));
        assert_eq!(database.rows_after(i32::MIN, 1_000).await.unwrap(), Network::chicago().stop_rows());
    }
    assert_eq!(database.fill().await.unwrap(), 0, "there is nothing left to fill");
    database.close().await;
}

#[test]
fn sqlite_takes_the_script() {
    block_on(takes_the_script("sqlite::memory:")).unwrap();
}

#[test]
fn postgresql_takes_the_script() {
    let server = postgres::Server::start();
    block_on(takes_the_script(&server.url())).unwrap();
}
