//! The published version: which state of the catalog readers should see in caches.
//!
//! Every transaction that marks dirty keys is a new version. Caches key their entries by the published version, which
//! moves only after the entries of the new one were warmed.

use super::dirty::code;
use super::open::PostgresCatalog;
use crate::store::dirty::DirtyKind;
use crate::store::error::Result;

const VERSION: &str = "SELECT value FROM meta WHERE name = $1";
const PUBLISH: &str = "UPDATE meta SET value = $1 WHERE name = 'published' AND value < $1";
const SETTLED: &str = "WITH settled AS MATERIALIZED (
        SELECT kind, key FROM dirty WHERE kind = $1 AND generation <= $2 FOR UPDATE SKIP LOCKED)
    DELETE FROM dirty d USING settled WHERE d.kind = settled.kind AND d.key = settled.key";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[VERSION, PUBLISH, SETTLED];

impl PostgresCatalog {
    pub(crate) async fn version(&self) -> Result<i64> {
        self.meta("generation").await
    }

    pub(crate) async fn published_version(&self) -> Result<i64> {
        self.meta("published").await
    }

    pub(crate) async fn publish(&self, version: i64) -> Result<()> {
        let mut tx = self.write().await?;
        let publish = sqlx::query(PUBLISH).bind(version);
        publish.execute(&mut *tx).await.map_err(|e| self.error(&e))?;
        let settled = sqlx::query(SETTLED).bind(code(DirtyKind::Cache)).bind(version);
        settled.execute(&mut *tx).await.map_err(|e| self.error(&e))?;
        self.commit(tx).await
    }

    async fn meta(&self, name: &'static str) -> Result<i64> {
        let mut conn = self.read().await?;
        sqlx::query_scalar(VERSION).bind(name).fetch_one(&mut *conn).await.map_err(|e| self.error(&e))
    }
}
