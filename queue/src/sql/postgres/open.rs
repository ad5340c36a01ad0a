//! Opening a store: address, limits, connections.

use super::{PostgresOptions, PostgresStore, Result, Server, bell::Bell, fault, schema};
use crate::StoreError;
use sqlx::{
    ConnectOptions, Connection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{str::FromStr, time::Duration};

/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_mins(10);

impl PostgresStore {
    /// Opens the queue in the database at `url`, `postgres://USER:PASSWORD@HOST:PORT/DATABASE`
    /// (`?sslmode=verify-full&sslrootcert=FILE` is understood); its schema and tables are made where they are missing, and
    /// brought to the present version. Must be called inside a tokio runtime, which then listens for wake-ups.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a wrong URL or schema; [`StoreError::Unavailable`] when nobody answers;
    /// [`StoreError::Failed`] for a wrong password, database or right; [`StoreError::Newer`] and [`StoreError::Corrupt`]
    /// when the tables are not for us.
    pub async fn open(url: &str, options: PostgresOptions) -> Result<Self, StoreError> {
        let (connect, location) = address(url, &options)?;
        let opened = tokio::time::timeout(
            options.connect_timeout + options.statement_timeout,
            open(connect, location.clone(), options),
        );
        match opened.await {
            Ok(opened) => opened.map_err(|error| fault::classify(error, &location)),
            Err(_) => Err(fault::unavailable(&location, "no answer in time")),
        }
    }

    /// Where the queue is, without credentials.
    pub fn location(&self) -> &str {
        &self.engine.location
    }

    /// Removes the schema with everything in it.
    ///
    /// # Errors
    /// As the server says.
    pub async fn erase(&self) -> Result<(), StoreError> {
        let server = &self.engine;
        let dropped = schema::drop(&server.pool, &server.schema).await;
        dropped.map_err(|error| fault::classify(error, &server.location))
    }
}

async fn open(
    connect: PgConnectOptions,
    location: String,
    options: PostgresOptions,
) -> Result<PostgresStore> {
    let mut conn = connect.connect().await?;
    schema::prepare(&mut conn, &options.schema).await?;
    conn.close().await?;
    let pool = |connections: u32| {
        PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(options.connect_timeout)
            .idle_timeout(IDLE)
            .connect_lazy_with(connect.clone())
    };
    let work = pool(options.max_connections.max(3) - 1);
    let server = Server {
        bell: Bell::hang(pool(1), work.clone(), &options.schema),
        begin: schema::begin(&options.schema).into(),
        pool: work,
        schema: options.schema,
        location,
    };
    PostgresStore::on(server, options.clock).await
}

/// Understands the options without touching the network. The URL is never repeated: it may hold a password.
fn address(url: &str, options: &PostgresOptions) -> Result<(PgConnectOptions, String), StoreError> {
    let invalid = |what: &str| StoreError::Invalid(format!("queue url: {what}"));
    let shape = "must be postgres://USER:PASSWORD@HOST[:PORT]/DATABASE";
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(invalid(shape));
    }
    let connect = PgConnectOptions::from_str(url).map_err(|_| invalid(shape))?;
    let Some(database) = connect.get_database() else { return Err(invalid("it names no database")) };
    let host = connect.get_socket().map_or(connect.get_host().to_owned(), |path| path.display().to_string());
    let location = format!("{host}:{} database {database:?} schema {:?}", connect.get_port(), options.schema);
    schema::check_name(&options.schema)?;
    let milliseconds = |limit: Duration| limit.as_millis().to_string();
    let connect = connect
        .application_name("backstock")
        .options([
            ("search_path", schema::quoted(&options.schema)),
            ("statement_timeout", milliseconds(options.statement_timeout)),
            ("lock_timeout", milliseconds(options.lock_timeout)),
            // A client that was frozen in the middle of a transaction must not hold up all others.
            ("idle_in_transaction_session_timeout", milliseconds(options.lock_timeout)),
            ("client_connection_check_interval", "5000".to_owned()),
            ("jit", "off".to_owned()),
            // Every statement is meant for an index; statistics of tables that fill and empty all day say otherwise.
            ("enable_seqscan", "off".to_owned()),
        ])
        .statement_cache_capacity(256)
        .disable_statement_logging();
    Ok((connect, location))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_understood_or_refused_without_its_password() {
        let read = |url: &str| address(url, &PostgresOptions::default());
        let (_, location) = read("postgres://shop:s3cret@db.example:5433/catalog?sslmode=require").unwrap();
        assert_eq!(location, "db.example:5433 database \"catalog\" schema \"backstock_queue\"");
        for bad in ["mysql://x/y", "postgres://", "postgres://shop:s3cret@h:port/catalog", "postgres://h/"] {
            let error = read(bad).unwrap_err();
            assert!(matches!(error, StoreError::Invalid(_)), "{bad}: {error}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
        for bad in ["", "a b", "a\"b", &"x".repeat(61)] {
            let options = PostgresOptions { schema: bad.to_owned(), ..PostgresOptions::default() };
            assert!(matches!(address("postgres://h/d", &options), Err(StoreError::Invalid(_))), "{bad}");
        }
    }
}
