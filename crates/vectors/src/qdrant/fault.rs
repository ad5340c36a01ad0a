//! From what the server says to what the caller can do about it, and when to try again.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use qdrant_client::QdrantError;
use tonic::Code;

use crate::VectorError;

const FIRST_DELAY: Duration = Duration::from_millis(250);
const LAST_DELAY: Duration = Duration::from_secs(4);

/// Runs a call again while its failure may pass. Every call of this store is safe to repeat.
pub(super) async fn again<T, F>(
    retries: usize,
    location: &str,
    call: impl Fn() -> F + Sync,
) -> Result<T, VectorError>
where
    F: Future<Output = Result<T, QdrantError>> + Send,
{
    let mut delays = ExponentialBuilder::default()
        .with_min_delay(FIRST_DELAY)
        .with_max_delay(LAST_DELAY)
        .with_jitter()
        .with_max_times(retries)
        .build();
    loop {
        let error = match call().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let (Some(delay), true) = (delays.next(), passes(&error)) else {
            return Err(classify(&error, location));
        };
        let delay = asked_for(&error).map_or(delay, |asked| asked.clamp(delay, LAST_DELAY));
        tracing::debug!(location, %error, ?delay, "trying again");
        tokio::time::sleep(delay).await;
    }
}

/// Whether there is no such collection.
pub(super) fn is_missing(error: &VectorError) -> bool {
    matches!(error, VectorError::Refused { code, .. } if *code == "not_found")
}

/// Whether there is one already.
pub(super) fn exists_already(error: &VectorError) -> bool {
    matches!(error, VectorError::Refused { code, .. } if *code == "already_exists")
}

fn asked_for(error: &QdrantError) -> Option<Duration> {
    match error {
        QdrantError::ResourceExhaustedError { retry_after_seconds, .. } => {
            Some(Duration::from_secs(*retry_after_seconds))
        }
        _ => None,
    }
}

fn code_of(error: &QdrantError) -> Option<Code> {
    match error {
        QdrantError::ResponseError { status } | QdrantError::ResourceExhaustedError { status, .. } => {
            Some(status.code())
        }
        _ => None,
    }
}

/// Whether the same call may succeed later.
fn passes(error: &QdrantError) -> bool {
    match code_of(error) {
        Some(code) => matches!(
            code,
            Code::Unavailable
                | Code::DeadlineExceeded
                | Code::ResourceExhausted
                | Code::Aborted
                | Code::Cancelled
                | Code::Unknown
                // Of the server's own trouble, and of the client when it cannot connect.
                | Code::Internal
        ),
        None => matches!(error, QdrantError::Io(_)),
    }
}

/// What the system said, where the client shows its own errors one inside the other.
fn plain(message: &str) -> &str {
    let said = message.rsplit_once("message: \"").and_then(|(_, rest)| rest.split_once('"'));
    said.map_or(message, |(said, _)| said)
}

fn classify(error: &QdrantError, location: &str) -> VectorError {
    let location = location.to_owned();
    let reason = match error {
        QdrantError::ResponseError { status } | QdrantError::ResourceExhaustedError { status, .. } => {
            plain(status.message()).to_owned()
        }
        other => other.to_string(),
    };
    if passes(error) {
        return VectorError::Unreachable { location, reason };
    }
    let (code, advice) = match code_of(error) {
        Some(Code::NotFound) => ("not_found", "there is no such collection"),
        Some(Code::AlreadyExists) => ("already_exists", "there is such a collection"),
        Some(Code::Unauthenticated | Code::PermissionDenied) => {
            ("not_allowed", "wrong or missing vectors.api_key, or it may only read")
        }
        Some(Code::InvalidArgument) if reason.contains("already exists") => {
            ("already_exists", "there is such a collection")
        }
        Some(Code::Unimplemented) => ("unimplemented", "this is no Qdrant server, or one that is too old"),
        _ => ("refused", "the request was refused"),
    };
    VectorError::Refused { location, code, advice, reason }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tonic::Status;

    use super::*;

    async fn fails(status: fn() -> Status) -> (usize, VectorError) {
        let calls = AtomicUsize::new(0);
        let call = || {
            calls.fetch_add(1, Ordering::SeqCst);
            std::future::ready(Err::<(), _>(QdrantError::from(status())))
        };
        let error = again(3, "here", call).await.unwrap_err();
        (calls.into_inner(), error)
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_again_and_what_does_not_is_not() {
        let (calls, error) = fails(|| Status::unavailable("no route")).await;
        assert!(calls == 4 && error.is_transient(), "{error}");
        let (calls, error) = fails(|| Status::resource_exhausted("slowly")).await;
        assert!(calls == 4 && error.is_transient(), "{error}");
        let (calls, error) = fails(|| Status::invalid_argument("wrong vector")).await;
        assert!(calls == 1 && !error.is_transient(), "{error}");
        let (calls, error) = fails(|| Status::unauthenticated("who are you?")).await;
        assert!(calls == 1 && error.to_string().contains("api_key"), "{error}");
    }
    #[test]
    fn only_what_the_system_said_is_shown() {
        let nested = r#"Failed to connect to http://h:1/: tonic::transport::Error(Transport, ConnectError(ConnectError("tcp
            connect error", 127.0.0.1:1, Os { code: 111, kind: ConnectionRefused, message: "Connection refused" })))"#;
        assert_eq!(plain(nested), "Connection refused");
        assert_eq!(plain("no such collection"), "no such collection");
    }
}
