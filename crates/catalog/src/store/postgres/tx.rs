//! One write transaction, and what becomes of its connection.

use std::ops::{Deref, DerefMut};

use super::conn::Conn;

/// A transaction that is rolled back unless it is committed. A connection that is dropped inside (an error, or a future
/// that nobody polls any more, perhaps in the middle of a copy) is closed rather than used again: nobody knows what the
/// server still has to say on it.
pub(super) struct Tx {
    conn: Conn,
    open: bool,
}

impl Tx {
    /// Runs `begin`, which must begin a transaction and may go on to take locks.
    pub(super) async fn begin(conn: Conn, begin: &'static str) -> sqlx::Result<Self> {
        let mut tx = Self { conn, open: true };
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

/// A point inside of a transaction to which a failed copy falls back.
#[derive(Debug)]
pub(super) struct Savepoint(());

impl Savepoint {
    /// Sets it.
    pub(super) async fn set(conn: &mut Conn) -> sqlx::Result<Self> {
        sqlx::raw_sql("SAVEPOINT copying").execute(conn).await.map(|_| Self(()))
    }

    /// `false`, and everything since taken back, when what was `done` met a key that exists.
    pub(super) async fn end(self, conn: &mut Conn, done: sqlx::Result<()>) -> sqlx::Result<bool> {
        let (good, sql) = match done {
            Ok(()) => (true, "RELEASE SAVEPOINT copying"),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                (false, "ROLLBACK TO SAVEPOINT copying")
            }
            Err(error) => return Err(error),
        };
        sqlx::raw_sql(sql).execute(conn).await.map(|_| good)
    }
}

impl Deref for Tx {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
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
