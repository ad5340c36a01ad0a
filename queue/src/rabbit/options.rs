//! How a store is opened.

use crate::{Clock, SystemClock};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Type of the broker's queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueueType {
    /// Replicated over the nodes of a cluster; a message that takes its consumers down too often is parked.
    #[default]
    Quorum,
    /// On one node, cheaper.
    Classic,
}

impl QueueType {
    /// As the broker calls it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Quorum => "quorum",
            Self::Classic => "classic",
        }
    }
}

/// Which jobs have a row in the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Record {
    /// Those that need one: with a delay, key, group or expiry, with an id made from a name, large ones, those enqueued by
    /// other jobs or cron entries, and whatever failed. See [`crate::Capabilities::lists_every_job`].
    #[default]
    Needed,
    /// All: every job can be listed and cancelled, and costs what it costs in the ledger.
    EveryJob,
}

/// How [`super::RabbitStore::open`] opens its broker.
#[derive(Clone, Debug)]
pub struct RabbitOptions {
    /// Start of every queue's name: deployments with different prefixes share a vhost. 1 to 64 letters, digits, `-`, `_`,
    /// `.` and `:`. Default `backstock`.
    pub prefix: String,
    /// Default [`QueueType::Quorum`]. Cannot be changed while the queues are there.
    pub queue_type: QueueType,
    /// Default [`Record::Needed`].
    pub record: Record,
    /// Whether jobs whose id was made from a name ([`crate::JobId::named`]) may be plain, too: then the same id twice is
    /// noticed within one process only. Default no.
    pub carry_named_ids: bool,
    /// Largest payload of a plain job, in bytes. Default 64 KiB.
    pub max_carried_bytes: usize,
    /// Deliveries after which a quorum queue parks a message, whatever became of its consumers. Default 20.
    pub delivery_limit: u16,
    /// PEM file of certificate authorities to trust for `amqps://…` beside those of Mozilla. Default none.
    pub tls_ca_file: Option<PathBuf>,
    /// Where the time comes from. Default [`SystemClock`].
    pub clock: Arc<dyn Clock>,
    /// How long a connection may take. Default 5 s.
    pub connect_timeout: Duration,
    /// How long an answer or a confirm may take, then the call is [`crate::StoreError::Unavailable`]. Default 10 s.
    pub timeout: Duration,
    /// Two of these without a sign, and a connection counts as broken on both sides; whole seconds. Default 4 s.
    pub heartbeat: Duration,
    /// A job that runs this long is adopted by the ledger and its message acked: at most half of the broker's
    /// `consumer_timeout` (30 minutes by default). Default 15 min.
    pub hand_over_after: Duration,
    /// What was fetched ahead and not claimed goes to the ledger, for others, when no claim came for this long.
    /// Default 2 s.
    pub hold: Duration,
}

impl Default for RabbitOptions {
    fn default() -> Self {
        Self {
            prefix: "backstock".to_owned(),
            queue_type: QueueType::default(),
            record: Record::default(),
            carry_named_ids: false,
            max_carried_bytes: 64 << 10,
            delivery_limit: 20,
            tls_ca_file: None,
            clock: Arc::new(SystemClock),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
            heartbeat: Duration::from_secs(4),
            hand_over_after: Duration::from_mins(15),
            hold: Duration::from_secs(2),
        }
    }
}
