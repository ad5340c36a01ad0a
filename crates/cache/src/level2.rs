//! The seam for a cache that processes share.

use std::time::Duration;

use tokio::sync::broadcast;

use crate::{Invalidation, Key, Packed};

/// A slower, larger cache below the one in the process.
///
/// It is asked when level 1 misses, and told of every value and invalidation. Its failures never fail a caller: they
/// count as misses, are counted in [`Statistics`](crate::Statistics), and the value is loaded. Implementations bound
/// their own waiting time.
#[async_trait::async_trait]
pub trait SecondLevel: Send + Sync + 'static {
    /// What is there, in the order of `keys`.
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Found>>, SecondLevelError>;

    /// Stores entries. Run twice, the last values stay.
    async fn put(&self, entries: &[Stored]) -> Result<(), SecondLevelError>;

    /// Forgets, and tells the other processes. What could not be forgotten must not be served later.
    async fn invalidate(&self, what: &[Invalidation]) -> Result<(), SecondLevelError>;

    /// Whether this caller is the one to make the entry; others are refused for `lasts`, or until
    /// [`resign`](Self::resign).
    async fn lead(&self, key: &Key, lasts: Duration) -> Result<bool, SecondLevelError>;

    /// The entry was made, or could not be.
    async fn resign(&self, key: &Key) -> Result<(), SecondLevelError>;

    /// What other processes invalidate from now on; `None` when there is no way to know.
    fn listen(&self) -> Option<broadcast::Receiver<Invalidation>> {
        None
    }
}

/// What the second level had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// `None`: it is known that there is no such thing.
    pub value: Option<Packed>,
    /// Until it ends.
    pub left: Duration,
}

/// What the second level is to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its name.
    pub key: Key,
    /// `None`: there is no such thing.
    pub value: Option<Packed>,
    /// Until it ends; above zero.
    pub lives: Duration,
}

/// Why the second level did not do as asked. The text names the server, never a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecondLevelError {
    /// It is known to be away; nobody was asked. Passes.
    #[error("the second cache level is away")]
    Skipped,
    /// Nobody answered. Passes.
    #[error("the second cache level does not answer: {0}")]
    Away(String),
    /// It takes nothing more; what is there can be read. Passes once there is room.
    #[error("the second cache level is full: {0}")]
    Full(String),
    /// It refused. Does not pass by itself.
    #[error("the second cache level refused: {0}")]
    Refused(String),
    /// The URL or a name in the options cannot be used. Does not pass.
    #[error("cache url: {0}")]
    Invalid(String),
}
