//! How a store is opened.

use crate::{Clock, SystemClock};
use std::{sync::Arc, time::Duration};

/// What survives a power cut. The end of a process loses nothing under either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// `synchronous=NORMAL`: a power cut or a crash of the kernel may take back the last moments, consistently.
    #[default]
    Normal,
    /// `synchronous=FULL`: every commit waits for the disk.
    Full,
}

/// How [`super::SqliteStore::open`] opens its file.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// Default [`Durability::Normal`].
    pub durability: Durability,
    /// Where the time comes from; all processes on one file should agree. Default [`SystemClock`].
    pub clock: Arc<dyn Clock>,
    /// How long a call waits for another process that writes before it is [`crate::StoreError::Unavailable`].
    /// Default 5 s.
    pub busy_timeout: Duration,
    /// How often to look whether another process wrote, in case its datagram was lost. Default 500 ms.
    pub look_every: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            clock: Arc::new(SystemClock),
            busy_timeout: Duration::from_secs(5),
            look_every: Duration::from_millis(500),
        }
    }
}
