//! A connection to either database, and a row of either.

use super::fault::Result;
use sqlx::{Postgres, Sqlite, Transaction, pool::PoolConnection, postgres::PgRow, sqlite::SqliteRow};

/// A connection.
#[derive(Debug)]
pub enum Conn {
    /// In a transaction on a file.
    FileTx(Transaction<'static, Sqlite>),
    /// To a file.
    File(PoolConnection<Sqlite>),
    /// In a transaction on a PostgreSQL server.
    ServerTx(Transaction<'static, Postgres>),
    /// To a PostgreSQL server.
    Server(PoolConnection<Postgres>),
}

impl Conn {
    /// Makes what its transaction wrote so.
    pub(super) async fn commit(self) -> Result<()> {
        match self {
            Self::FileTx(tx) => tx.commit().await?,
            Self::ServerTx(tx) => tx.commit().await?,
            Self::File(_) | Self::Server(_) => {}
        }
        Ok(())
    }
}

/// A row.
#[derive(Debug)]
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}
