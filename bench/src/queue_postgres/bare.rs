//! What a program would write that keeps its jobs in a table: `FOR UPDATE SKIP LOCKED`, by a hundred, on one connection.

use crate::pool::{Ledger, Noop};
use sqlx::{Connection, PgConnection, Row};
use std::sync::Arc;

/// Jobs of one statement that stores some.
const CALL: usize = 500;
/// Jobs taken at a time.
const BATCH: i64 = 100;

const TABLE: &str = "
    CREATE TABLE bare (id BIGSERIAL PRIMARY KEY, taken BOOLEAN NOT NULL DEFAULT false, body TEXT NOT NULL);
    CREATE INDEX bare_waiting ON bare (id) WHERE NOT taken;";
const PUT: &str = "INSERT INTO bare (body) SELECT unnest($1::text[])";
/// Gone when it is taken: a worker that dies loses its hundred.
const TAKE_AWAY: &str = "
    DELETE FROM bare WHERE id = ANY (ARRAY(
        SELECT id FROM bare WHERE NOT taken ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)) RETURNING id, body";
/// Marked when it is taken, deleted when it is done: what a queue has to do at least.
const TAKE: &str = "
    UPDATE bare SET taken = true WHERE id = ANY (ARRAY(
        SELECT id FROM bare WHERE NOT taken ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)) RETURNING id, body";
const DONE: &str = "DELETE FROM bare WHERE id = ANY ($1)";

/// Makes the table.
pub async fn prepare(url: &str) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(TABLE).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

pub async fn fill(url: &str, jobs: usize) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    for first in (0..jobs).step_by(CALL) {
        let body = |number| serde_json::to_string(&Noop::new(number));
        let bodies: Vec<String> = (first..jobs.min(first + CALL)).map(body).collect::<Result<_, _>>()?;
        sqlx::query(PUT).bind(bodies).execute(&mut connection).await?;
    }
    Ok(connection.close().await?)
}

/// Takes all; `marks` them while they run instead of deleting them first.
pub async fn drain(url: &str, ledger: Arc<Ledger>, marks: bool) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    loop {
        let take = sqlx::query(if marks { TAKE } else { TAKE_AWAY }).bind(BATCH);
        let rows = take.fetch_all(&mut connection).await?;
        if rows.is_empty() {
            return Ok(connection.close().await?);
        }
        let mut ids: Vec<i64> = Vec::with_capacity(rows.len());
        for row in &rows {
            ids.push(row.try_get(0)?);
            ledger.mark(&serde_json::from_str(row.try_get(1)?)?);
        }
        if marks {
            sqlx::query(DONE).bind(ids).execute(&mut connection).await?;
        }
    }
}
