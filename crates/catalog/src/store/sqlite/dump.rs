//! What tests compare: every row that the outcome of an import consists of.

use sqlx::AssertSqlSafe;

use super::open::SqliteCatalog;
use super::views::Sql;
use crate::store::view::View;

impl SqliteCatalog {
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

    /// What a view's definition gives, and what its table holds.
    pub(crate) async fn defined(&self, view: &'static View) -> (Vec<String>, Vec<String>) {
        let (definition, table) = Sql(view).definition();
        let mut conn = self.read().await.unwrap();
        let query = sqlx::query_scalar(AssertSqlSafe(definition));
        let mut wanted: Vec<String> = query.fetch_all(&mut *conn).await.unwrap();
        let mut found: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(table)).fetch_all(&mut *conn).await.unwrap();
        wanted.sort();
        found.sort();
        (wanted, found)
    }

    /// Runs statements of a test that spoil something.
    pub(crate) async fn spoil(&self, sql: &'static str) {
        let mut tx = self.write().await.unwrap();
        sqlx::raw_sql(sql).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }
}
