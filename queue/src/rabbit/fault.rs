//! From what the driver says to what the caller can do about it.

use crate::StoreError;
use lapin::{Error, ErrorKind};

pub(super) const STORE: &str = "rabbitmq";

// Reply codes of AMQP 0-9-1.
const ACCESS_REFUSED: u16 = 403;
const RESOURCE_LOCKED: u16 = 405;
const PRECONDITION_FAILED: u16 = 406;
const NOT_ALLOWED: u16 = 530;

/// As the contract names it; `location` is where the broker is, without credentials.
pub(super) fn classify(error: &Error, location: &str) -> StoreError {
    let store = STORE;
    match error.kind() {
        ErrorKind::ProtocolError(amqp) => {
            let said = amqp.get_message().as_str();
            let because = |advice: &str| format!("{location}: {advice} ({said})").into();
            match amqp.get_id() {
                ACCESS_REFUSED if said.contains("Login") || said.contains("login") => {
                    StoreError::Failed { store, source: because("wrong user or password in queue.url") }
                }
                ACCESS_REFUSED => StoreError::Failed {
                    store,
                    source: because(
                        "the user in queue.url lacks a right; it needs configure, write and read on the prefix",
                    ),
                },
                NOT_ALLOWED => StoreError::Failed {
                    store,
                    source: because("the vhost in queue.url is not there or not for this user"),
                },
                PRECONDITION_FAILED if said.contains("inequivalent") => StoreError::Failed {
                    store,
                    source: because(
                        "somebody declared this queue with other arguments; set queue.rabbitmq.queue_type as it is, \
                         another queue.prefix, or delete the queue once it is empty",
                    ),
                },
                RESOURCE_LOCKED => StoreError::Failed {
                    store,
                    source: because("another connection owns a queue under our prefix; set queue.prefix"),
                },
                _ => StoreError::Unavailable { store, source: because("the broker closed the channel") },
            }
        }
        ErrorKind::AuthProviderError(_)
        | ErrorKind::ChannelsLimitReached
        | ErrorKind::InvalidProtocolVersion(_)
        | ErrorKind::NoDefaultRuntime
        | ErrorKind::SerialisationError(_) => {
            StoreError::Failed { store, source: format!("{location}: {error}").into() }
        }
        _ => StoreError::Unavailable { store, source: format!("{location}: {error}").into() },
    }
}

/// Passes: try again.
pub(super) fn unavailable(location: &str, what: &str) -> StoreError {
    StoreError::Unavailable { store: STORE, source: format!("{location}: {what}").into() }
}

/// Whether a queue is not there.
pub(super) fn is_not_found(error: &Error) -> bool {
    const NOT_FOUND: u16 = 404;
    matches!(error.kind(), ErrorKind::ProtocolError(amqp) if amqp.get_id() == NOT_FOUND)
}
