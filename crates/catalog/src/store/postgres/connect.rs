//! Reaching the server: address, limits, version.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, PgPool};

use super::error;
use super::slow::Slow;
use crate::store::error::{CatalogError, Result};

/// First version of the server that will do: it notices clients that are gone while a statement runs.
const NEEDED: u32 = 14;
/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_mins(10);

/// How to reach a catalog on PostgreSQL, and what it may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresOptions {
    /// `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; `?sslmode=verify-full&sslrootcert=FILE` and
    /// `?options=-c%20search_path%3DSCHEMA` are understood.
    pub url: String,
    /// Schema that holds the tables, made where it is missing; `None`: the database's own search path decides.
    pub schema: Option<String>,
    /// Connections at most, 2 or more. Default 8.
    pub max_connections: u32,
    /// How long to wait for the server, and for a free connection. Default 10 s.
    pub connect_timeout: Duration,
    /// How long a statement may take, refreshes of views excepted. Default 60 s.
    pub statement_timeout: Duration,
    /// How long a statement may wait for a lock. Default 10 s.
    pub lock_timeout: Duration,
    /// A statement that takes longer is logged. Default 100 ms.
    pub slow_statement: Duration,
    /// Whether the plan of such a statement is asked for and logged, once a statement. Default no.
    pub slow_plans: bool,
}

impl PostgresOptions {
    /// The defaults for a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            schema: None,
            max_connections: 8,
            connect_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_mins(1),
            lock_timeout: Duration::from_secs(10),
            slow_statement: Duration::from_millis(100),
            slow_plans: false,
        }
    }
}

impl PostgresOptions {
    /// Whether they can be used, as far as that can be told without the network.
    ///
    /// # Errors
    /// [`CatalogError::Address`].
    pub fn check(&self) -> Result<()> {
        Server::new(self).map(|_| ())
    }
}

/// An address that was understood.
#[derive(Clone, Debug)]
pub(in crate::store) struct Server {
    options: PgConnectOptions,
    limits: PostgresOptions,
    /// The address without its password.
    pub(super) at: String,
}

impl Server {
    /// Understands the options without touching the network.
    pub(super) fn new(limits: &PostgresOptions) -> Result<Self> {
        let address = |reason: String| CatalogError::Address { reason };
        if !limits.url.starts_with("postgres://") && !limits.url.starts_with("postgresql://") {
            return Err(address("it does not begin with postgres://".into()));
        }
        let options = PgConnectOptions::from_str(&limits.url).map_err(|e| error::from_sqlx("", &e))?;
        let Some(database) = options.get_database() else {
            return Err(address("it names no database".into()));
        };
        let host = options.get_socket().map_or(options.get_host().to_owned(), |s| s.display().to_string());
        let at = format!("postgres://{}@{host}:{}/{database}", options.get_username(), options.get_port());
        let schema = limits.schema.as_deref();
        if schema.is_some_and(|name| !is_plain(name)) {
            return Err(address(
                "the schema must be 1 to 60 of a-z, 0-9 and _, not beginning with a digit".into(),
            ));
        }
        let milliseconds = |limit: Duration| limit.as_millis().to_string();
        let options = match schema {
            Some(schema) => options.options([("search_path", format!("{schema},public"))]),
            None => options,
        };
        let options = options
            .application_name("backstock")
            .options([
                ("statement_timeout", milliseconds(limits.statement_timeout)),
                ("lock_timeout", milliseconds(limits.lock_timeout)),
                // A client that was frozen in the middle of a transaction must not hold its locks for ever.
                ("idle_in_transaction_session_timeout", milliseconds(limits.statement_timeout)),
                ("client_connection_check_interval", "5000".to_owned()),
                ("jit", "off".to_owned()),
            ])
            .disable_statement_logging();
        Ok(Self { options, limits: limits.clone(), at })
    }

    /// One connection, after a look at the server's version and encoding. Its statements may take as long as they need.
    pub(super) async fn first_connection(&self) -> Result<PgConnection> {
        let options = self.options.clone().options([("statement_timeout", "0")]);
        let connected = tokio::time::timeout(self.limits.connect_timeout, options.connect()).await;
        let Ok(connected) = connected else {
            let reason = format!("no answer within {} s", self.limits.connect_timeout.as_secs());
            return Err(CatalogError::Away { at: self.at.clone(), reason });
        };
        let mut conn = connected.map_err(|e| error::from_sqlx(&self.at, &e))?;
        let sql = "SELECT current_setting('server_version'), current_setting('server_version_num')::int,
            current_setting('server_encoding')";
        let query = sqlx::query_as(sql).fetch_one(&mut conn).await;
        let (version, number, encoding): (String, i32, String) =
            query.map_err(|e| error::from_sqlx(&self.at, &e))?;
        self.check(&version, number, &encoding)?;
        if let Some(schema) = &self.limits.schema {
            self.make_schema(&mut conn, schema).await.map_err(|e| error::from_sqlx(&self.at, &e))?;
        }
        Ok(conn)
    }

    /// Asks for the right to create only where there is something to create.
    async fn make_schema(&self, conn: &mut PgConnection, schema: &str) -> sqlx::Result<()> {
        let sql = "SELECT to_regnamespace($1) IS NOT NULL";
        let exists: bool = sqlx::query_scalar(sql).bind(schema).fetch_one(&mut *conn).await?;
        if !exists {
            let sql = AssertSqlSafe(format!("CREATE SCHEMA IF NOT EXISTS {schema}"));
            sqlx::raw_sql(sql).execute(conn).await?;
        }
        Ok(())
    }

    fn check(&self, version: &str, number: i32, encoding: &str) -> Result<()> {
        let at = self.at.clone();
        if u32::try_from(number).unwrap_or(0) < NEEDED * 10_000 {
            return Err(CatalogError::TooOld { at, found: version.to_owned(), needed: NEEDED });
        }
        if encoding != "UTF8" {
            let reason = format!("its encoding is {encoding}, UTF8 is needed");
            return Err(CatalogError::Open { at, reason });
        }
        Ok(())
    }

    /// The schema that was asked for.
    pub(super) fn schema(&self) -> Option<&str> {
        self.limits.schema.as_deref()
    }

    /// The connections that work is done on; none is opened yet.
    pub(super) fn pool(&self) -> PgPool {
        PgPoolOptions::new()
            .max_connections(self.limits.max_connections.max(2))
            .acquire_timeout(self.limits.connect_timeout)
            .idle_timeout(IDLE)
            .connect_lazy_with(self.options.clone())
    }

    /// What becomes of slow statements on the connections of `pool`.
    pub(super) fn slow(&self, pool: &PgPool) -> Slow {
        Slow::new(self.limits.slow_statement, self.limits.slow_plans.then(|| pool.clone()))
    }

    /// How long a call of a few statements may take before the server counts as hanging.
    pub(super) fn patience(&self) -> Duration {
        self.limits.statement_timeout * 2 + self.limits.connect_timeout
    }

    /// The options as given.
    #[cfg(test)]
    pub(in crate::store) fn limits(&self) -> &PostgresOptions {
        &self.limits
    }
}

/// Whether a name is an identifier as it stands, without quotes.
fn is_plain(name: &str) -> bool {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (1..=60).contains(&name.len())
        && name.chars().all(letters)
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_understood_or_refused_in_one_line_without_its_password() {
        let server = |url: &str| Server::new(&PostgresOptions::new(url));
        let good = server("postgres://shop:s3cret@db.example:5433/catalog?sslmode=require").unwrap();
        assert_eq!(good.at, "postgres://shop@db.example:5433/catalog");
        for bad in
            ["mysql://x/y", "postgres://", "postgres://shop:s3cret@db.example:port/catalog", "postgres://h/"]
        {
            let error = server(bad).unwrap_err();
            assert_eq!(error.code(), "catalog_address", "{bad}");
            let text = error.to_string();
            assert!(
                !text.contains("s3cret") && !text.contains('\n') && text.contains("catalog.url"),
                "{text}"
            );
        }
    }

    #[test]
    fn an_old_server_and_another_encoding_are_refused() {
        let server = Server::new(&PostgresOptions::new("postgres://h/d")).unwrap();
        let old = server.check("13.9", 130_009, "UTF8").unwrap_err();
        assert!(old.to_string().contains("PostgreSQL 13.9; version 14 or newer"), "{old}");
        assert!(server.check("15.2", 150_002, "SQL_ASCII").unwrap_err().to_string().contains("SQL_ASCII"));
        server.check("14.0", 140_000, "UTF8").unwrap();
    }
}
