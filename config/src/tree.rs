//! The typed tree. `default.toml` beside it explains every key; here are types and bounds.

mod media;

pub use media::{Fetch, ImageEngine, ImageFit, ImageFormat, Media, S3};

use crate::cache::Cache;
use crate::popularity::Popularity;
use crate::{ConfigError, Secret};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, num::NonZeroU32, path::PathBuf};

/// Everything that can be configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Folder of all embedded stores.
    pub data_dir: PathBuf,
    /// The job queue.
    pub queue: Queue,
    /// The products.
    pub catalog: Catalog,
    /// The worker pool.
    pub worker: Worker,
    /// Cron.
    pub scheduler: Scheduler,
    /// Deliveries.
    pub import: Import,
    /// Thumbnails.
    pub media: Media,
    /// Vectors of texts.
    pub embedding: Embedding,
    /// Where vectors are kept.
    pub vectors: Vectors,
    /// What is read often.
    pub cache: Cache,
    /// Which products are asked for most.
    pub popularity: Popularity,
    /// Log output.
    pub log: Log,
    /// Metrics.
    pub telemetry: Telemetry,
}

/// Where jobs are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// `sqlite`, `sqlite:PATH`, one or several `redis://…` or `amqp://…` separated by
    /// commas, or `redis+sentinel://HOST,HOST/NAME`.
    pub url: String,
    /// Start of every name on a server, so that deployments can share it.
    pub prefix: String,
    /// When a commit counts as safe.
    pub durability: Durability,
    /// Who can read payloads.
    pub encryption: Encryption,
    /// What is kept of finished jobs.
    pub retention: Retention,
    /// What each fairness key may have at most.
    pub limits: Limits,
    /// For `amqp://…`.
    pub rabbitmq: Rabbitmq,
}

/// A queue on RabbitMQ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rabbitmq {
    /// What a broker cannot hold lies here: `sqlite`, `sqlite:PATH`, one or several `redis://…`, `postgres://…`, or
    /// `catalog`: the database of the catalog.
    pub ledger_url: String,
    /// Type of the broker's queues.
    pub queue_type: QueueType,
    /// Which jobs have a row in the ledger.
    pub record: Record,
    /// PEM file of certificate authorities to trust beside the public ones; empty: only those.
    pub tls_ca_file: PathBuf,
}

/// Type of the broker's queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueType {
    /// Replicated over the nodes of a cluster.
    Quorum,
    /// On one node.
    Classic,
}

/// Which jobs have a row in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// Those that need one.
    Needed,
    /// All.
    EveryJob,
}

/// Sealing of payloads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    /// `NAME=KEY` pairs separated by commas: the first seals, all open. Empty: payloads are stored as they are.
    pub keys: Secret,
}

/// What each fairness key (supplier) of a queue may have at most, by queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Jobs at once, over all workers; at least 1.
    pub running: BTreeMap<String, NonZeroU32>,
    /// Jobs over time, as in `100/s`.
    pub rate: BTreeMap<String, String>,
}

/// Where products are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// `sqlite`, `sqlite:PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
    pub url: String,
    /// Schema of the tables on PostgreSQL; empty leaves it to the database.
    pub schema: String,
    /// 2 to 1000.
    pub max_connections: u32,
    /// 1 to 600.
    pub connect_timeout_seconds: u64,
    /// 1 to 86,400.
    pub statement_timeout_seconds: u64,
    /// 1 to 3600.
    pub lock_timeout_seconds: u64,
    /// 1 to 3,600,000.
    pub slow_statement_ms: u64,
    /// Whether the plan of a slower statement is logged too, once a statement.
    pub slow_statement_plans: bool,
}

/// When a commit counts as safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// Against crashes of the program.
    Normal,
    /// Against loss of power as well.
    Full,
}

/// What is kept of finished jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Completed and cancelled jobs, hours.
    pub max_age_hours: u64,
    /// Completed and cancelled jobs, MiB.
    pub max_mib: u64,
    /// Dead and quarantined jobs, hours.
    pub dead_max_age_hours: u64,
    /// Dead and quarantined jobs, MiB.
    pub dead_max_mib: u64,
}

/// The worker pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worker {
    /// Readable name; empty is the host name.
    pub name: String,
    /// 2 to 3600.
    pub lease_seconds: u64,
    /// 0 to 3600.
    pub shutdown_grace_seconds: u64,
    /// 0 is one a core; at most 256.
    pub cpu_threads: usize,
    /// Calls in parallel by queue; 0 is one a core; at most 1024.
    pub concurrency: BTreeMap<String, usize>,
}

/// Cron.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduler {
    /// File with cron entries; empty is the built-in ones.
    pub schedule_file: String,
}

/// Deliveries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// ISO 4217.
    pub default_currency: String,
    /// 0 (the catalog chooses) to 100,000.
    pub batch_rows: usize,
    /// Which record of one SKU counts.
    pub duplicates: Duplicates,
    /// 0 to 100.
    pub max_delete_percent: u8,
    /// As delivered.
    pub max_file_mib: u64,
    /// Once unpacked.
    pub max_unpacked_mib: u64,
    /// Foreign column name to canonical field.
    pub mapping: BTreeMap<String, String>,
}

/// Which record of one SKU counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// Later ones are rejected.
    RejectLater,
    /// The first counts; later ones are skipped with a warning.
    KeepFirst,
    /// The last counts; earlier ones are skipped with a warning.
    KeepLast,
}

/// Vectors of texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Embedding {
    /// Which model.
    pub model: EmbeddingModel,
    /// Folder with a model; empty resolves one.
    pub path: String,
    /// Whether weights may be fetched.
    pub download: bool,
}

/// Which model makes vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmbeddingModel {
    /// The semantic one if it can be had, else the lexical one.
    Auto,
    /// all-MiniLM-L6-v2 or an error.
    Minilm,
    /// Feature hashing, built in.
    Lexical,
}

/// Where vectors are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vectors {
    /// `sqlite`, `sqlite:PATH`, or the `http://…` of a Qdrant server's gRPC.
    pub url: String,
    /// Sent to the server; empty: none.
    pub api_key: Secret,
    /// Start of every collection's name, and the alias of the published one.
    pub prefix: String,
    /// How the server keeps vectors in memory.
    pub quantization: Quantization,
    /// 64 to 256.
    pub chunk_points: usize,
    /// 1 to 600.
    pub timeout_seconds: u64,
}

/// How a server keeps vectors in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantization {
    /// 4 bytes a number.
    None,
    /// One byte a number.
    Scalar,
    /// One bit a number.
    Binary,
}

/// Log output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// Shape of a line.
    pub format: LogFormat,
    /// As in `RUST_LOG`.
    pub filter: String,
}

/// Shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Several lines an event.
    Pretty,
    /// One line an event, coloured on a terminal.
    Plain,
    /// One JSON object a line.
    Json,
}

/// Metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telemetry {
    /// Whether each process writes its metrics into the data folder.
    pub metrics_file: bool,
    /// How often; 1 to 3600.
    pub metrics_seconds: u64,
}

impl Config {
    /// Checks the bounds that types do not.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let catalog = &self.catalog;
        within("catalog.max_connections", catalog.max_connections.into(), 2, 1000)?;
        within("catalog.connect_timeout_seconds", catalog.connect_timeout_seconds, 1, 600)?;
        within("catalog.statement_timeout_seconds", catalog.statement_timeout_seconds, 1, 86_400)?;
        within("catalog.lock_timeout_seconds", catalog.lock_timeout_seconds, 1, 3600)?;
        within("catalog.slow_statement_ms", catalog.slow_statement_ms, 1, 3_600_000)?;
        within("worker.lease_seconds", self.worker.lease_seconds, 2, 3600)?;
        within("worker.shutdown_grace_seconds", self.worker.shutdown_grace_seconds, 0, 3600)?;
        within("worker.cpu_threads", self.worker.cpu_threads as u64, 0, 256)?;
        for (queue, calls) in &self.worker.concurrency {
            within(&format!("worker.concurrency.{queue}"), *calls as u64, 0, 1024)?;
        }
        within("import.batch_rows", self.import.batch_rows as u64, 0, 100_000)?;
        within("import.max_delete_percent", u64::from(self.import.max_delete_percent), 0, 100)?;
        self.media.check()?;
        within("telemetry.metrics_seconds", self.telemetry.metrics_seconds, 1, 3600)?;
        within("vectors.chunk_points", self.vectors.chunk_points as u64, 64, 256)?;
        within("vectors.timeout_seconds", self.vectors.timeout_seconds, 1, 600)?;
        self.popularity.check()?;
        self.cache.check()
    }
}

pub(crate) fn within(key: &str, value: u64, min: u64, max: u64) -> Result<(), ConfigError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::Value { key: key.to_owned(), message: format!("{value} is not within {min} to {max}") })
}
