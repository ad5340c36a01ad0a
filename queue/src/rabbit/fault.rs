//! From what the driver says to what the caller can do about it.

use crate::StoreError;
use lapin::{Error, ErrorKind};

pub(super) const STORE: &str = "rabbitmq";

// Reply codes of AMQP 0-9-1.
const ACCESS_REFUSED: u16 = 403;
const RESOURCE_LOCKED: u16 = 405;
const PRECONDITION_FAILED: u16 = 406;
const NOT_ALLOWED: u16 = 530;

/// How the broker begins to say that a queue has other arguments.
const INEQUIVALENT: &str = "inequivalent arg ";
const OTHERWISE: &str = "somebody else declared it, or another setting did: set queue.rabbitmq.queue_type as it is, choose \
                         another queue.prefix, or delete the queue once it is empty";

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
                PRECONDITION_FAILED if said.contains(INEQUIVALENT) => {
                    let what = inequivalence(said).unwrap_or_else(|| said.to_owned());
                    StoreError::Mismatch { store, what: format!("{location}: {what}; {OTHERWISE}") }
                }
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

/// From `PRECONDITION_FAILED - inequivalent arg 'ARGUMENT' for QUEUE: received OURS but current is THEIRS` to the queue, the
/// argument and both values; `None` when the broker says it in other words.
fn inequivalence(said: &str) -> Option<String> {
    let (_, said) = said.split_once(INEQUIVALENT)?;
    let (argument, said) = said.strip_prefix('\'')?.split_once("' for ")?;
    let (queue, said) = said.split_once(": received ")?;
    let (ours, theirs) = said.split_once(" but current is ")?;
    let (ours, theirs) = (value(ours)?, value(theirs)?);
    Some(format!("{queue} has {argument} = {theirs}, and our settings ask for {ours}"))
}

/// `'X'`, `the value 'X' of type 'T'` or `none`: "X", or that there is none. X may be empty.
fn value(told: &str) -> Option<String> {
    if told.starts_with("none") {
        return Some("nothing".to_owned());
    }
    let (_, told) = told.split_once('\'')?;
    Some(format!("{:?}", told.split_once('\'')?.0))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_queue_differs_is_read_from_what_the_broker_says() {
        let told = |ours: &str, theirs: &str| {
            inequivalence(&format!(
                "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'a.b.low' in vhost '/': received \
                 {ours} but current is {theirs}"
            ))
        };
        let typed = told("the value 'quorum' of type 'longstr'", "the value 'classic' of type 'longstr'");
        let told_so = "queue 'a.b.low' in vhost '/' has x-queue-type = \"classic\", and our settings ask for \"quorum\"";
        assert_eq!(typed.as_deref(), Some(told_so));
        assert_eq!(told("'quorum'", "'classic'").as_deref(), Some(told_so));
        let none = told("the value '20' of type 'signedint'", "none").unwrap();
        assert!(none.contains("has x-queue-type = nothing") && none.contains("ask for \"20\""), "{none}");
        for strange in
            ["", "inequivalent arg ", "inequivalent arg 'a' for b: received 'c'", "inequivalent arg 'é"]
        {
            assert_eq!(inequivalence(strange), None, "{strange:?}");
        }
    }
}
