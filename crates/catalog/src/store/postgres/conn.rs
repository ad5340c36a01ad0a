//! The connections that work is done on: each statement is timed.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{Arguments, Describe, Either, Execute, Executor, PgConnection, Postgres, SqlStr};

use super::slow::Slow;

/// A connection of the pool. Statements that ended well are told to [`Slow`]; others are errors, which say enough.
#[derive(Debug)]
pub(super) struct Conn {
    inner: PoolConnection<Postgres>,
    slow: Arc<Slow>,
}

impl Conn {
    pub(super) fn new(inner: PoolConnection<Postgres>, slow: Arc<Slow>) -> Self {
        Self { inner, slow }
    }

    /// The connection itself, on which nothing is timed.
    pub(super) fn raw(&mut self) -> &mut PgConnection {
        &mut self.inner
    }

    /// Closes it instead of giving it back.
    pub(super) fn close_on_drop(&mut self) {
        self.inner.close_on_drop();
    }
}

/// One that is given back when it is dropped.
#[derive(Debug)]
pub(super) struct Lent(pub(super) Conn);

impl Deref for Lent {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.0
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.0
    }
}

impl<'c> Executor<'c> for &'c mut Conn {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        mut query: E,
    ) -> BoxStream<'e, sqlx::Result<Either<PgQueryResult, PgRow>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let arguments = match query.take_arguments() {
            Ok(arguments) => arguments,
            Err(error) => return stream::once(async { Err(sqlx::Error::Encode(error)) }).boxed(),
        };
        let (slow, sql) = (Arc::clone(&self.slow), query.sql());
        let (begun, parameters) = (Instant::now(), arguments.as_ref().map_or(0, Arguments::len));
        let results = (&mut *self.inner).fetch_many((sql.clone(), arguments));
        // The last thing that is asked for, when everything went well.
        let end = stream::poll_fn(move |_| {
            slow.note(&sql, parameters, begun.elapsed());
            std::task::Poll::Ready(None)
        });
        results.chain(end).boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, mut query: E) -> BoxFuture<'e, sqlx::Result<Option<PgRow>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        Box::pin(async move {
            let arguments = query.take_arguments().map_err(sqlx::Error::Encode)?;
            let (begun, parameters) = (Instant::now(), arguments.as_ref().map_or(0, Arguments::len));
            let sql = query.sql();
            let row = (&mut *self.inner).fetch_optional((sql.clone(), arguments)).await?;
            self.slow.note(&sql, parameters, begun.elapsed());
            Ok(row)
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, sqlx::Result<PgStatement>>
    where
        'c: 'e,
    {
        (&mut *self.inner).prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<Describe<Postgres>>>
    where
        'c: 'e,
    {
        (&mut *self.inner).describe(sql)
    }
}
