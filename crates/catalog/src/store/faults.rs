//! Support for tests: a dump of what matters, and failures on demand: the n-th pass of any point fails, as if the process had died there.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::error::{CatalogError, Result};
use super::open::Catalog;

/// Shared by the clones of one catalog.
#[derive(Clone, Debug)]
pub struct Faults(Arc<AtomicI64>);

impl Default for Faults {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MIN)))
    }
}

impl Faults {
    /// Lets `passes` points pass and fails at every later one until changed.
    pub fn fail_after(&self, passes: i64) {
        self.0.store(passes, Ordering::SeqCst);
    }

    /// Lets everything pass.
    pub fn never(&self) {
        self.0.store(i64::MIN, Ordering::SeqCst);
    }

    pub(super) fn hit(&self, point: &'static str) -> Result<()> {
        if self.0.load(Ordering::SeqCst) == i64::MIN || self.0.fetch_sub(1, Ordering::SeqCst) > 0 {
            return Ok(());
        }
        self.0.store(0, Ordering::SeqCst);
        Err(CatalogError::Io { path: "fault".into(), reason: point.to_owned() })
    }
}

impl Catalog {
    /// The failures of this catalog and its clones.
    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Every row of the tables that the outcome of an import consists of, as text; without times and issue order.
    pub(crate) async fn dump(&self) -> Vec<String> {
        let mut conn = self.read().await.unwrap();
        let mut all = Vec::new();
        for sql in [
            "SELECT json_array('product', id, sku, source_id, status, price_minor, category, brand, price_key, title,
                changed_gen, hex(core_hash), hex(part_hashes)) FROM product ORDER BY id",
            "SELECT json_array('image', id, link, content_hash) FROM image ORDER BY id",
            "SELECT json_array('link', product_id, position, image_id) FROM product_image ORDER BY 1",
            "SELECT json_array('dirty', kind, key, generation) FROM dirty ORDER BY kind, key",
            "SELECT json_array('import', id, state, last_record, rows, created, updated, unchanged, rejected, skipped,
                warnings, missing, archived, file_error) FROM import ORDER BY id",
            "SELECT json_array('issue', severity, record, line, code, field) FROM import_issue ORDER BY 1",
            "SELECT json_array('code', severity, code, count) FROM import_code ORDER BY 1",
            "SELECT json_array('seen', page, hex(bits)) FROM import_seen ORDER BY 1",
        ] {
            let rows: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut *conn).await.unwrap();
            all.extend(rows);
        }
        all
    }
}
