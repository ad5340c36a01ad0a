//! One write transaction, and what becomes of its connection.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};

/// A transaction that is rolled back unless it is committed. A connection that is dropped inside (an error, or a future
/// that nobody polls any more, perhaps in the middle of a copy) is closed rather than used again: nobody knows what the
/// server still has to say on it.
pub(super) struct Tx {
    conn: PoolConnection<Postgres>,
    open: bool,
}

impl Tx {
    /// Runs `begin`, which must begin a transaction and may go on to take locks.
    pub(super) async fn begin(pool: &PgPool, begin: &'static str) -> sqlx::Result<Self> {
        let mut tx = Self { conn: pool.acquire().await?, open: true };
        sqlx::raw_sql(begin).execute(&mut *tx).await?;
        Ok(tx)
    }

    /// Makes it so.
    pub(super) async fn commit(mut self) -> sqlx::Result<()> {
        sqlx::raw_sql("COMMIT").execute(&mut *self).await?;
        self.open = false;
        Ok(())
    }

    /// Takes everything back and keeps the connection.
    pub(super) async fn roll_back(mut self) -> sqlx::Result<()> {
        sqlx::raw_sql("ROLLBACK").execute(&mut *self).await?;
        self.open = false;
        Ok(())
    }
}

impl Deref for Tx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.conn
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.conn
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if self.open {
            self.conn.close_on_drop();
        }
    }
}
