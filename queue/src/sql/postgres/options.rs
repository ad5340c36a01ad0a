//! How a store is opened.

use crate::{Clock, SystemClock};
use std::{sync::Arc, time::Duration};

/// How [`super::PostgresStore::open`] opens its schema.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Schema of the tables, made where it is missing: deployments with different schemas share a database. 1 to 60
    /// letters, digits, `_`, `-`, `.` and `:`. Default `backstock_queue`.
    pub schema: String,
    /// Where the time comes from; all processes on one schema should agree. Default [`SystemClock`].
    pub clock: Arc<dyn Clock>,
    /// Connections at most, 3 or more; one of them listens. Default 6.
    pub max_connections: u32,
    /// How long to wait for the server, and for a free connection. Default 10 s.
    pub connect_timeout: Duration,
    /// How long a statement may take. Default 60 s.
    pub statement_timeout: Duration,
    /// How long a call waits for others that write before it is [`crate::StoreError::Unavailable`]. Default 10 s.
    pub lock_timeout: Duration,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            schema: "backstock_queue".to_owned(),
            clock: Arc::new(SystemClock),
            max_connections: 6,
            connect_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_mins(1),
            lock_timeout: Duration::from_secs(10),
        }
    }
}
