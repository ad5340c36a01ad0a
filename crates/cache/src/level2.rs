//! The seam for a cache that processes share.

use std::time::Duration;

use bytes::Bytes;

use crate::{Key, Kind};

/// A slower, larger cache below the one in the process.
///
/// It is asked when level 1 misses, and told of every value and invalidation. Its failures never fail a caller: they
/// count as misses, are counted in [`Statistics::level2_errors`](crate::Statistics::level2_errors), and the value is
/// loaded. Implementations bound their own waiting time.
#[async_trait::async_trait]
pub trait SecondLevel: Send + Sync + 'static {
    /// The value, if it is there and alive.
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, SecondLevelError>;
    /// Stores a value for `lives`. Run twice, the last value stays.
    async fn put(&self, key: &Key, value: &Bytes, lives: Duration) -> Result<(), SecondLevelError>;
    /// Forgets one key; no error if it is not there.
    async fn invalidate(&self, key: &Key) -> Result<(), SecondLevelError>;
    /// Forgets all keys of a kind.
    async fn invalidate_kind(&self, kind: Kind) -> Result<(), SecondLevelError>;
}

/// Why the second level did not answer.
#[derive(Debug, thiserror::Error)]
#[error("second cache level: {0}")]
pub struct SecondLevelError(pub String);
