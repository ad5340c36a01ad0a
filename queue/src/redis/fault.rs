//! From what the driver says to what the caller can do about it.

use crate::StoreError;
use redis::{ErrorKind, RedisError, ServerErrorKind, Value};

pub(super) const STORE: &str = "redis";

/// As the contract names it; `location` is where the server is, without credentials.
pub(super) fn classify(error: &RedisError, location: &str) -> StoreError {
    let store = STORE;
    let said = error.to_string();
    let says = |word: &str| said.contains(word);
    let because = |advice: &str| format!("{location}: {advice} ({said})").into();
    if says("OOM") || says("MISCONF") {
        return StoreError::Full { store, source: because("the server refuses to store more") };
    }
    if says("WRONGTYPE") {
        let source =
            because("another program keeps a key of another type under our prefix; set queue.prefix");
        return StoreError::Corrupt { store, location: location.to_owned(), source };
    }
    if is_read_only(error) {
        return StoreError::Unavailable {
            store,
            source: because("this is a read-only replica; name its primary in queue.url"),
        };
    }
    if matches!(error.kind(), ErrorKind::AuthenticationFailed) || says("NOAUTH") || says("WRONGPASS") {
        return StoreError::Failed {
            store,
            source: because("wrong or missing user or password in queue.url"),
        };
    }
    if matches!(error.kind(), ErrorKind::Server(ServerErrorKind::NoPerm)) {
        return StoreError::Failed {
            store,
            source: because("the user in queue.url lacks a right; see the README for those needed"),
        };
    }
    if matches!(error.kind(), ErrorKind::InvalidClientConfig) {
        return StoreError::Invalid(format!("queue url: {said}"));
    }
    if passes(error) {
        return StoreError::Unavailable { store, source: format!("{location}: {said}").into() };
    }
    StoreError::Failed { store, source: format!("{location}: {said}").into() }
}

/// A replica's refusal; inside a script it is only told in words.
pub(super) fn is_read_only(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(ServerErrorKind::ReadOnly))
        || error.to_string().contains("READONLY")
}

/// The line broke or is silent; the server said nothing.
pub(super) fn is_of_the_line(error: &RedisError) -> bool {
    error.is_io_error() || error.is_timeout() || error.is_connection_dropped()
}

/// Whether the same call may work later.
fn passes(error: &RedisError) -> bool {
    use ServerErrorKind::{Ask, BusyLoading, ClusterDown, MasterDown, Moved, TryAgain};
    is_of_the_line(error)
        || error.code() == Some("BUSY")
        || matches!(
            error.kind(),
            ErrorKind::ClusterConnectionNotFound
                | ErrorKind::MasterNameNotFoundBySentinel
                | ErrorKind::Server(Ask | BusyLoading | ClusterDown | MasterDown | Moved | TryAgain)
        )
}

/// The server holds something we did not write.
pub(super) fn damaged(what: &str, location: &str) -> StoreError {
    StoreError::Corrupt {
        store: STORE,
        location: location.to_owned(),
        source: format!("unexpected answer: {what}").into(),
    }
}

/// An answer as text, for looking at.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => text.clone(),
        other => format!("{other:?}"),
    }
}
