//! The pages of [`Seen`] in the database.

use super::conn::Conn;
use crate::store::seen::Seen;

const LOAD: &str = "SELECT page, bits FROM import_seen WHERE import_no = $1 AND page = ANY($2)";
const SAVE: &str =
    "INSERT INTO import_seen (import_no, page, bits) SELECT $1, * FROM unnest($2::bigint[], $3::bytea[])
    ON CONFLICT (import_no, page) DO UPDATE SET bits = excluded.bits";
const LOAD_ALL: &str = "SELECT page, bits FROM import_seen WHERE import_no = $1";
pub(super) const FORGET: &str = "DELETE FROM import_seen WHERE import_no = $1";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[LOAD, SAVE, LOAD_ALL, FORGET];

/// Reads the pages that hold `ids`.
pub(super) async fn load(
    conn: &mut Conn,
    import_no: i64,
    ids: impl Iterator<Item = i64>,
) -> sqlx::Result<Seen> {
    let query = sqlx::query_as(LOAD).bind(import_no).bind(Seen::pages_of(ids));
    query.fetch_all(conn).await.map(Seen::from_pages)
}

/// Reads everything that the import has seen.
pub(super) async fn load_all(conn: &mut Conn, import_no: i64) -> sqlx::Result<Seen> {
    sqlx::query_as(LOAD_ALL).bind(import_no).fetch_all(conn).await.map(Seen::from_pages)
}

/// Writes the pages that changed.
pub(super) async fn save(conn: &mut Conn, seen: Seen, import_no: i64) -> sqlx::Result<()> {
    let (pages, bits): (Vec<i64>, Vec<Vec<u8>>) = seen.changed_pages().unzip();
    if pages.is_empty() {
        return Ok(());
    }
    sqlx::query(SAVE).bind(import_no).bind(pages).bind(bits).execute(conn).await.map(|_| ())
}
