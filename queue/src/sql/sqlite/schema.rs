//! Opening the file: is it ours, is it of our version, bring it up to date.

use super::{Fault, Result, fault};
use backon::{ExponentialBuilder, Retryable};
use sqlx::{
    ConnectOptions, Connection, SqlSafeStr, SqliteConnection,
    migrate::{Migration, MigrationType, Migrator},
    sqlite::SqliteConnectOptions,
};
use std::{borrow::Cow, fs::File, path::Path, time::Duration};

/// As the first migration writes it.
const APPLICATION_ID: i64 = 0x424B_5351;

const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "queue", include_str!("../../../../migrations/sqlite/queue/0001_queue.sql")),
    (2, "fair", include_str!("../../../../migrations/sqlite/queue/0002_fair.sql")),
];

fn migrator(migrations: &'static [(i64, &str, &str)]) -> Migrator {
    let migrations = migrations.iter().map(|&(version, name, sql)| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// Creates or upgrades the database. `folder` holds the lock that lets one process do so at a time.
pub(super) async fn prepare(options: &SqliteConnectOptions, folder: &Path) -> Result<()> {
    let turn = folder.join("open.turn");
    // Closing the file gives the turn to the next.
    let _turn = tokio::task::spawn_blocking(move || {
        let file = File::create(turn)?;
        file.lock().map(|()| file)
    })
    .await
    .map_err(std::io::Error::from)??;
    let upgrade = || async {
        let mut conn = options.connect().await?;
        let upgraded = upgrade(&mut conn).await;
        conn.close().await?;
        upgraded
    };
    let pauses = ExponentialBuilder::new().with_min_delay(Duration::from_millis(20)).with_max_times(4);
    upgrade.retry(pauses).when(fault::is_busy).await
}

async fn upgrade(conn: &mut SqliteConnection) -> Result<()> {
    let id: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *conn).await?;
    if id != APPLICATION_ID {
        let count = "SELECT count(*) FROM sqlite_schema";
        let tables: i64 = sqlx::query_scalar(count).fetch_one(&mut *conn).await?;
        if id != 0 || tables != 0 {
            return Err(Fault::NotOurs("another program's database"));
        }
    }
    sqlx::query("PRAGMA journal_mode = WAL").fetch_one(&mut *conn).await?;
    migrator(MIGRATIONS).run_direct(None, conn, false).await?;
    Ok(())
}

/// A file as the first version made it.
#[cfg(test)]
pub(super) async fn create_first_version(conn: &mut SqliteConnection) {
    migrator(&MIGRATIONS[..1]).run_direct(None, conn, false).await.unwrap();
}
