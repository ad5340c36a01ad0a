//! The published version: which state of the catalog readers should see in caches.
//!
//! Every transaction that marks dirty keys is a new version. Caches key their entries by the published version, which
//! moves only after the entries of the new one were warmed.

use super::dirty::DirtyKind;
use super::error::Result;
use super::open::Catalog;

const VERSION: &str = "SELECT value FROM meta WHERE name = ?1";
const PUBLISH: &str = "UPDATE meta SET value = ?1 WHERE name = 'published' AND value < ?1";
const SETTLED: &str = "DELETE FROM dirty WHERE kind = ?1 AND generation <= ?2";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[VERSION, PUBLISH, SETTLED];

impl Catalog {
    /// Version of what is stored now.
    pub async fn version(&self) -> Result<i64> {
        self.meta("generation").await
    }

    /// Version that readers of caches should ask for.
    pub async fn published_version(&self) -> Result<i64> {
        self.meta("published").await
    }

    /// Makes `version` the published one unless a later one is; forgets the cache marks that it covers.
    /// Running it twice does no harm.
    pub async fn publish(&self, version: i64) -> Result<()> {
        let mut tx = self.write().await?;
        let publish = sqlx::query(PUBLISH).bind(version);
        publish.execute(&mut *tx).await.map_err(|e| self.error(&e))?;
        let settled = sqlx::query(SETTLED).bind(DirtyKind::Cache.code()).bind(version);
        settled.execute(&mut *tx).await.map_err(|e| self.error(&e))?;
        self.commit(tx).await
    }

    async fn meta(&self, name: &'static str) -> Result<i64> {
        let mut conn = self.read().await?;
        sqlx::query_scalar(VERSION).bind(name).fetch_one(&mut *conn).await.map_err(|e| self.error(&e))
    }
}
