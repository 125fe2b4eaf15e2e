//! The table `stations`: PostgreSQL, or SQLite in a file, chosen by the URL.
//!
//! It is read by its incrementing key only; rows are never changed or deleted here.

use kstreams::error::{Error, ErrorKind, Result};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{PgPool, SqlitePool};
use std::str::FromStr;
use transit_model::Network;
use transit_model::records::StopRow;

/// Creates the table, in the SQL of both databases.
pub(crate) const CREATE: &str = r#"
CREATE TABLE IF NOT EXISTS stations (
    stop_id INTEGER PRIMARY KEY,
    direction_id VARCHAR(1) NOT NULL,
    stop_name VARCHAR(70) NOT NULL,
    station_name VARCHAR(70) NOT NULL,
    station_descriptive_name VARCHAR(200) NOT NULL,
    station_id INTEGER NOT NULL,
    "order" INTEGER,
    red BOOLEAN NOT NULL,
    blue BOOLEAN NOT NULL,
    green BOOLEAN NOT NULL
)"#;

/// The columns, in the order of [`Columns`].
pub(crate) const COLUMNS: &str = r#"stop_id, direction_id, stop_name, station_name, station_descriptive_name, station_id, "order", red, blue, green"#;

const INSERT: &str = r#"
INSERT INTO stations
    (stop_id, direction_id, stop_name, station_name, station_descriptive_name, station_id, "order", red, blue, green)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"#;

const SELECT_AFTER: &str = r#"
SELECT stop_id, direction_id, stop_name, station_name, station_descriptive_name, station_id, "order", red, blue, green
FROM stations WHERE stop_id > $1 ORDER BY stop_id LIMIT $2"#;

const COUNT: &str = "SELECT COUNT(*) FROM stations";

type Columns = (i32, String, String, String, String, i32, Option<i32>, bool, bool, bool);

/// A connection to the database that holds the table.
#[derive(Debug, Clone)]
pub enum Database {
    /// PostgreSQL, by a URL such as `postgres://user:password@host/database`.
    Postgres(PgPool),
    /// SQLite, by a URL such as `sqlite:stations.db` or `sqlite::memory:`.
    Sqlite(SqlitePool),
}

/// Runs the same statements against either database.
macro_rules! with_pool {
    ($database:expr, $pool:ident => $body:expr) => {
        match $database {
            Database::Postgres($pool) => $body,
            Database::Sqlite($pool) => $body,
        }
    };
}

/// The insert statement with the row's values bound.
macro_rules! insert {
    ($row:expr) => {
        sqlx::query(INSERT)
            .bind($row.stop_id)
            .bind(&$row.direction_id)
            .bind(&$row.stop_name)
            .bind(&$row.station_name)
            .bind(&$row.station_descriptive_name)
            .bind($row.station_id)
            .bind($row.order)
            .bind($row.red)
            .bind($row.blue)
            .bind($row.green)
    };
}
impl Database {
    /// Connects. An SQLite file that does not exist is created.
    ///
    /// # Errors
    /// `Config` if the URL names neither database, `Io` if it cannot be reached or opened.
    pub async fn open(url: &str) -> Result<Database> {
        // One connection is enough: there is one reader. It also keeps a database in memory alive.
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let pool = PgPoolOptions::new().max_connections(1).connect(url).await;
            pool.map(Database::Postgres).map_err(|error| unreachable_at(url, error))
        } else if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url).map_err(|error| unreachable_at(url, error))?;
            let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options.create_if_missing(true)).await;
            pool.map(Database::Sqlite).map_err(|error| unreachable_at(url, error))
        } else {
            let hint = "it begins with postgres:// or sqlite:";
            Err(Error::new(ErrorKind::Config, format!("`{}` is no database URL", without_password(url)))
                .with_hint(hint))
        }
    }

    /// Whether the database is this program's own file, which it creates and fills.
    pub fn is_embedded(&self) -> bool {
        matches!(self, Database::Sqlite(_))
    }

    /// Creates the table if it does not exist and, if it is empty, fills it with Chicago's platforms: all or nothing.
    /// Returns the number of rows written.
    ///
    /// # Errors
    /// `Io` from the database.
    pub async fn fill(&self) -> Result<usize> {
        let rows = Network::chicago().stop_rows();
        let filled = with_pool!(self, pool => async {
            let mut transaction = pool.begin().await?;
            sqlx::query(CREATE).execute(&mut *transaction).await?;
            let (existing,): (i64,) = sqlx::query_as(COUNT).fetch_one(&mut *transaction).await?;
            let missing = if existing == 0 { &rows[..] } else { &[] };
            for row in missing {
                insert!(row).execute(&mut *transaction).await?;
            }
            transaction.commit().await?;
            Ok(missing.len())
        }.await);
        filled.map_err(failed("filling the table `stations`"))
    }

    /// Inserts one row.
    ///
    /// # Errors
    /// `Io` from the database, also if the `stop_id` is taken.
    pub async fn insert(&self, row: &StopRow) -> Result<()> {
        let inserted = with_pool!(self, pool => insert!(row).execute(pool).await.map(drop));
        inserted.map_err(failed("inserting into the table `stations`"))
    }

    /// The rows with a larger `stop_id`, smallest first, at most `limit`.
    ///
    /// # Errors
    /// `Io` from the database.
    pub async fn rows_after(&self, stop_id: i32, limit: u32) -> Result<Vec<StopRow>> {
        let limit = i64::from(limit);
        let rows: sqlx::Result<Vec<Columns>> = with_pool!(self, pool => {
            sqlx::query_as(SELECT_AFTER).bind(stop_id).bind(limit).fetch_all(pool).await
        });
        let rows = rows.map_err(failed("reading the table `stations`"))?;
        Ok(rows.into_iter().map(row_of).collect())
    }

    /// Closes the connection and waits until it is closed.
    pub async fn close(&self) {
        with_pool!(self, pool => pool.close().await);
    }
}

fn row_of(columns: Columns) -> StopRow {
    let (stop_id, direction_id, stop_name, station_name, station_descriptive_name, station_id, order, red, blue, green) =
        columns;
    StopRow {
        stop_id,
        direction_id,
        stop_name,
        station_name,
        station_descriptive_name,
        station_id,
        order,
        red,
        blue,
        green,
    }
}

fn unreachable_at(url: &str, error: sqlx::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot open the database {}", without_password(url)))
        .with_detail(error.to_string())
        .with_source(error)
}

fn failed(doing: &'static str) -> impl Fn(sqlx::Error) -> Error {
    move |error| Error::new(ErrorKind::Io, error.to_string()).with_source(error).context(doing)
}

/// The URL as it may be logged.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((credentials, place)) => {
            let user = credentials.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}@{place}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use transit_part::block_on;

    #[test]
    fn password_is_not_shown() {
        assert_eq!(without_password("postgres://cta_admin:chicago@db/cta"), "postgres://cta_admin@db/cta");
        assert_eq!(without_password("sqlite:data/stations.db"), "sqlite:data/stations.db");
    }

    #[test]
    fn url_of_another_database_is_refused() {
        let refused = block_on(Database::open("mysql://root:secret@db/cta")).unwrap().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Config);
        assert!(!refused.to_string().contains("secret"), "{refused}");
    }

    #[test]
    fn directory_that_does_not_exist_is_one_sentence() {
        let refused = block_on(Database::open("sqlite:/does/not/exist/stations.db")).unwrap().unwrap_err();
        assert!(refused.to_string().starts_with("cannot open the database sqlite:/does/not/exist"), "{refused}");
    }
}
