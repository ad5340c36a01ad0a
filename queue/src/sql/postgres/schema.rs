//! The schema: is it of our version, bring it up to date.

use super::{Fault, Result};
use crate::StoreError;
use sqlx::{
    AssertSqlSafe, PgConnection, PgPool, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};
use std::borrow::Cow;

/// First version of the server that will do.
const NEEDED: i32 = 140_000;
const MIGRATIONS: [(i64, &str, &str); 1] =
    [(1, "queue", include_str!("../../../../migrations/postgres/queue/0001_queue.sql"))];

pub(super) fn check_name(schema: &str) -> Result<(), StoreError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    if schema.is_empty() || schema.len() > 60 || !schema.bytes().all(allowed) {
        let message = format!("queue schema {schema:?}: 1 to 60 letters, digits, '_', '-', '.' or ':'");
        return Err(StoreError::Invalid(message));
    }
    Ok(())
}

/// As an identifier. The name holds no quotes.
pub(super) fn quoted(schema: &str) -> String {
    format!("\"{schema}\"")
}

/// What begins to write: the lock is the schema's, and goes with the transaction. What is read after it was committed by
/// whoever held it before.
pub(super) fn begin(schema: &str) -> String {
    format!("BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('backstock queue {schema}', 0))")
}

/// Creates or upgrades the tables. Where they are as they should be, no right to create anything is needed.
pub(super) async fn prepare(conn: &mut PgConnection, schema: &str) -> Result<()> {
    let server =
        "SELECT current_setting('server_version_num')::int, current_setting('server_encoding') = 'UTF8'";
    let (version, utf8): (i32, bool) = sqlx::query_as(server).fetch_one(&mut *conn).await?;
    if version < NEEDED {
        return Err(Fault::NotOurs("the server is older than PostgreSQL 14"));
    }
    if !utf8 {
        return Err(Fault::NotOurs("the encoding of the database is not UTF8"));
    }
    let there = "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)";
    let there: bool = sqlx::query_scalar(there).bind(schema.to_owned()).fetch_one(&mut *conn).await?;
    if !there {
        let create = format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(schema));
        match sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut *conn).await {
            // Two at once: the other was faster, and IF NOT EXISTS does not see it coming.
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {}
            created => {
                created?;
            }
        }
    }
    if is_current(conn).await? {
        return Ok(());
    }
    Ok(migrator().run_direct(None, conn, false).await?)
}

async fn is_current(conn: &mut PgConnection) -> Result<bool> {
    // Nothing of another schema is looked at: the search path names ours only.
    let known: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *conn)
        .await?;
    if !known {
        return Ok(false);
    }
    let applied = "SELECT coalesce(max(version), 0), coalesce(bool_and(success), true) FROM _sqlx_migrations";
    let (version, whole): (i64, bool) = sqlx::query_as(applied).fetch_one(conn).await?;
    Ok(version == MIGRATIONS[MIGRATIONS.len() - 1].0 && whole)
}

pub(super) async fn drop(pool: &PgPool, schema: &str) -> Result<()> {
    let drop = format!("DROP SCHEMA IF EXISTS {} CASCADE", quoted(schema));
    sqlx::raw_sql(AssertSqlSafe(drop)).execute(pool).await?;
    Ok(())
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.to_vec())
}
