//! One statement in both dialects: written once, for SQLite; PostgreSQL gets it with other spellings.
//!
//! Statements keep to what both understand. What is left is spelled otherwise, word by word ([`spell`]), or given twice
//! ([`Both`]). Lists travel as one JSON parameter; the schema of PostgreSQL has a `json_each` for them.

use super::{
    conn::{Conn, Row},
    fault::Result,
    nul,
    rows::Json,
};
use sqlx::{AssertSqlSafe, Postgres, Sqlite, postgres::PgArguments, sqlite::SqliteArguments};
use std::sync::Arc;

/// The text of a statement.
#[derive(Clone, Debug)]
pub(super) enum Text {
    Fixed(&'static str),
    Made(Arc<str>),
    Each(Both),
}

/// A statement for which the dialects have nothing in common.
#[derive(Clone, Debug)]
pub(super) struct Both {
    pub(super) sqlite: Arc<str>,
    pub(super) postgres: Arc<str>,
}

impl Text {
    /// As SQLite gets it.
    #[cfg(test)]
    pub(super) fn sqlite(&self) -> &str {
        match self {
            Self::Fixed(text) => text,
            Self::Made(text) | Self::Each(Both { sqlite: text, .. }) => text,
        }
    }

    /// As PostgreSQL gets it.
    pub(super) fn postgres(&self) -> String {
        match self {
            Self::Fixed(text) => spell(text),
            Self::Made(text) | Self::Each(Both { postgres: text, .. }) => spell(text),
        }
    }
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self::Fixed(text)
    }
}

impl From<&Arc<str>> for Text {
    fn from(text: &Arc<str>) -> Self {
        Self::Made(Arc::clone(text))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Made(text.into())
    }
}

impl From<&Both> for Text {
    fn from(text: &Both) -> Self {
        Self::Each(text.clone())
    }
}

/// A parameter.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Vec<u8>),
    Json(Json),
}

macro_rules! values {
    ($($from:ty => |$it:ident| $to:expr;)*) => {
        $(impl From<$from> for Value {
            fn from($it: $from) -> Self {
                $to
            }
        })*
    };
}

values! {
    i64 => |it| Self::Int(Some(it));
    Option<i64> => |it| Self::Int(it);
    bool => |it| Self::Int(Some(it.into()));
    String => |it| Self::Text(Some(it));
    &String => |it| Self::Text(Some(it.clone()));
    &str => |it| Self::Text(Some(it.to_owned()));
    Option<String> => |it| Self::Text(it);
    Option<&str> => |it| Self::Text(it.map(str::to_owned));
    Vec<u8> => |it| Self::Bytes(it);
    Json => |it| Self::Json(it);
    &Json => |it| Self::Json(it.clone());
}

/// A statement and its parameters, on their way to a database.
#[derive(Debug)]
pub(super) struct Query {
    text: Text,
    values: Vec<Value>,
    kept: bool,
}

/// A statement that is prepared once and kept.
pub(super) fn query(text: impl Into<Text>) -> Query {
    Query { text: text.into(), values: Vec::new(), kept: true }
}

/// Sends a query to whichever database a connection leads to, and takes in what comes.
macro_rules! send {
    ($query:ident, $conn:ident, $call:ident, $take:expr) => {
        match $conn {
            Conn::FileTx(conn) => $take($query.for_sqlite().$call(&mut **conn).await?, Row::Sqlite),
            Conn::File(conn) => $take($query.for_sqlite().$call(&mut **conn).await?, Row::Sqlite),
            Conn::ServerTx(conn) => $take($query.for_postgres().$call(&mut **conn).await?, Row::Postgres),
            Conn::Server(conn) => $take($query.for_postgres().$call(&mut **conn).await?, Row::Postgres),
        }
    };
}

fn done<R>(done: impl Into<Done>, _: impl Fn(R) -> Row) -> Done {
    done.into()
}

fn one<R>(one: R, row: impl Fn(R) -> Row) -> Row {
    row(one)
}

fn maybe<R>(maybe: Option<R>, row: impl Fn(R) -> Row) -> Option<Row> {
    maybe.map(row)
}

fn all<R>(all: Vec<R>, row: impl Fn(R) -> Row) -> Vec<Row> {
    all.into_iter().map(row).collect()
}

impl Query {
    pub(super) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Of this shape there are many: it is not kept.
    pub(super) fn once(self) -> Self {
        Self { kept: false, ..self }
    }

    pub(super) async fn execute(self, conn: &mut Conn) -> Result<Done> {
        Ok(send!(self, conn, execute, done))
    }

    pub(super) async fn fetch_one(self, conn: &mut Conn) -> Result<Row> {
        Ok(send!(self, conn, fetch_one, one))
    }

    pub(super) async fn fetch_optional(self, conn: &mut Conn) -> Result<Option<Row>> {
        Ok(send!(self, conn, fetch_optional, maybe))
    }

    pub(super) async fn fetch_all(self, conn: &mut Conn) -> Result<Vec<Row>> {
        Ok(send!(self, conn, fetch_all, all))
    }

    fn for_sqlite(self) -> sqlx::query::Query<'static, Sqlite, SqliteArguments> {
        let mut query = match self.text {
            Text::Fixed(text) => sqlx::query(text),
            Text::Made(text) | Text::Each(Both { sqlite: text, .. }) => sqlx::query(AssertSqlSafe(text)),
        };
        for value in self.values {
            query = match value {
                Value::Int(int) => query.bind(int),
                Value::Text(text) => query.bind(text),
                Value::Bytes(bytes) => query.bind(bytes),
                Value::Json(Json(text)) => query.bind(text),
            };
        }
        query.persistent(self.kept)
    }

    fn for_postgres(self) -> sqlx::query::Query<'static, Postgres, PgArguments> {
        let mut query = sqlx::query(AssertSqlSafe(self.text.postgres()));
        for value in self.values {
            query = match value {
                Value::Int(int) => query.bind(int),
                Value::Text(text) => query.bind(text.map(|text| nul::hide(&text).into_owned())),
                Value::Bytes(bytes) => query.bind(bytes),
                Value::Json(Json(text)) => query.bind(nul::hide_in_json(&text).into_owned()),
            };
        }
        query.persistent(self.kept)
    }
}

/// What a statement did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done(u64);

impl Done {
    pub(super) const fn rows_affected(self) -> u64 {
        self.0
    }
}

impl From<sqlx::sqlite::SqliteQueryResult> for Done {
    fn from(done: sqlx::sqlite::SqliteQueryResult) -> Self {
        Self(done.rows_affected())
    }
}

impl From<sqlx::postgres::PgQueryResult> for Done {
    fn from(done: sqlx::postgres::PgQueryResult) -> Self {
        Self(done.rows_affected())
    }
}

/// As PostgreSQL spells it: parameters `$1` instead of `?1` (or `?` in order), no `INDEXED BY`, no condition behind a
/// `CROSS JOIN`, other names for what makes JSON.
pub(super) fn spell(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len() + 16);
    let (mut rest, mut next) = (text, 0_usize);
    while let Some(at) = rest.find(['?', 'I', 'C', 'j', '\'']) {
        spelled.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix('\'') {
            // Quoted text stays.
            let end = after.find('\'').map_or(rest.len(), |end| end + 2);
            spelled.push_str(&rest[..end]);
            rest = &rest[end..];
        } else if let Some(after) = rest.strip_prefix('?') {
            spelled.push('$');
            next += 1;
            if !after.starts_with(|digit: char| digit.is_ascii_digit()) {
                spelled.push_str(&next.to_string());
            }
            rest = after;
        } else if let Some(after) = rest.strip_prefix("INDEXED BY ") {
            let name = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            rest = &after[name..];
        } else if let Some((word, other)) = WORDS.into_iter().find(|(word, _)| rest.starts_with(word)) {
            spelled.push_str(other);
            rest = &rest[word.len()..];
        } else {
            spelled.push_str(&rest[..1]);
            rest = &rest[1..];
        }
    }
    spelled.push_str(rest);
    spelled
}

const WORDS: [(&str, &str); 4] = [
    ("CROSS JOIN", "JOIN"),
    ("json_group_array(", "json_agg("),
    ("json_group_object(", "json_object_agg("),
    ("json_array(", "json_build_array("),
];

#[cfg(test)]
mod tests {
    use super::spell;

    #[test]
    fn a_statement_is_spelled_for_postgresql() {
        for (sqlite, postgres) in [
            ("SELECT ?1, ?12 WHERE a = ?2", "SELECT $1, $12 WHERE a = $2"),
            ("VALUES (?, ?), (?, ?)", "VALUES ($1, $2), ($3, $4)"),
            ("FROM job AS j INDEXED BY job_running WHERE x", "FROM job AS j  WHERE x"),
            ("INSERT INTO job, CROSS JOIN c ON true", "INSERT INTO job, JOIN c ON true"),
            ("'is it? CROSS JOIN' || json_array(a)", "'is it? CROSS JOIN' || json_build_array(a)"),
        ] {
            assert_eq!(spell(sqlite), postgres);
        }
    }
}
