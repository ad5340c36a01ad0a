//! From what the driver says to what the cache can do about it.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::SecondLevelError;

/// Named by meaning; `location` is where the server is, without credentials.
pub(super) fn classify(error: &RedisError, location: &str) -> SecondLevelError {
    let said = error.to_string();
    let because = |advice: &str| format!("{location}: {advice} ({said})");
    let says = |word: &str| said.contains(word);
    if says("OOM") || says("MISCONF") {
        return SecondLevelError::Full(because(
            "raise maxmemory, or set maxmemory-policy allkeys-lru on a server of its own",
        ));
    }
    if matches!(error.kind(), ErrorKind::AuthenticationFailed) || says("NOAUTH") || says("WRONGPASS") {
        return SecondLevelError::Refused(because("wrong or missing user or password in cache.url"));
    }
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::NoPerm) => SecondLevelError::Refused(because(
            "the user in cache.url lacks a right; see the README for those needed",
        )),
        ErrorKind::Server(ServerErrorKind::ReadOnly) => {
            SecondLevelError::Refused(because("this is a read-only replica; name its primary in cache.url"))
        }
        ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::CrossSlot) => {
            SecondLevelError::Refused(because(
                "a cluster cannot be the cache; name a single server in cache.url",
            ))
        }
        _ if passes(error) => SecondLevelError::Away(format!("{location}: {said}")),
        _ => SecondLevelError::Refused(format!("{location}: {said}")),
    }
}

/// Whether the line or the server is gone for now.
fn passes(error: &RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, ClusterDown, MasterDown, TryAgain};
    error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || error.code() == Some("BUSY")
        || matches!(error.kind(), ErrorKind::Server(BusyLoading | ClusterDown | MasterDown | TryAgain))
}
