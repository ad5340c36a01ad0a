//! What tests compare: every row that the outcome of an import consists of.

use sqlx::AssertSqlSafe;

use super::open::PostgresCatalog;
use super::views::Sql;
use crate::store::view::View;

impl PostgresCatalog {
    pub(crate) async fn dump(&self) -> Vec<String> {
        let mut conn = self.read().await.unwrap();
        let mut all = Vec::new();
        for sql in [
            "SELECT json_build_array('product', id, sku, (SELECT name FROM source WHERE source.id = source_id), status, price_minor, category, brand, price_key,
                title, changed_gen, core_hash, part_hashes)::text FROM product ORDER BY id",
            "SELECT json_build_array('image', id, link, content_hash)::text FROM image ORDER BY id",
            "SELECT json_build_array('link', product_id, position, image_id)::text AS row FROM product_image ORDER BY row",
            "SELECT json_build_array('dirty', kind, key, generation)::text FROM dirty ORDER BY kind, key",
            "SELECT json_build_array('import', id, state, last_record, rows, created, updated, unchanged, rejected,
                skipped, warnings, missing, archived, file_error)::text FROM import ORDER BY id",
            "SELECT json_build_array('issue', severity, record, line, code, field)::text AS row FROM import_issue
                ORDER BY row",
            "SELECT json_build_array('code', severity, code, count)::text AS row FROM import_code ORDER BY row",
            "SELECT json_build_array('seen', page, bits)::text AS row FROM import_seen ORDER BY row",
        ] {
            let rows: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut *conn).await.unwrap();
            all.extend(rows);
        }
        all
    }

    /// What a view's definition gives, and what its table holds.
    pub(crate) async fn defined(&self, view: &'static View) -> (Vec<String>, Vec<String>) {
        let definition =
            format!("SELECT row_to_json(d)::text AS row FROM ({}) d ORDER BY row", Sql(view).select(""));
        let names = view.column_names().join(", ");
        let table = format!(
            "SELECT row_to_json(v)::text AS row FROM (SELECT {names} FROM view_{}) v ORDER BY row",
            view.name
        );
        let mut conn = self.read().await.unwrap();
        let wanted = sqlx::query_scalar(AssertSqlSafe(definition)).fetch_all(&mut *conn).await.unwrap();
        let found = sqlx::query_scalar(AssertSqlSafe(table)).fetch_all(&mut *conn).await.unwrap();
        (wanted, found)
    }

    /// Runs statements of a test that spoil something.
    pub(crate) async fn spoil(&self, sql: &'static str) {
        let mut tx = self.write().await.unwrap();
        sqlx::raw_sql(sql).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }
}
