//! Which store keeps the queue.

use super::{make_folder, require_data};
use crate::failure::Failure;
use backstock_config::{Config, Durability, QueueType, Record};
use backstock_queue::{
    PostgresOptions, PostgresStore, RabbitOptions, RabbitStore, RedisOptions, RedisStore, SqliteOptions,
    SqliteStore, Store, StoreError,
};
use std::{path::PathBuf, sync::Arc};

/// Where `queue.url` leads.
enum Place<'a> {
    File(PathBuf),
    Redis(&'a str),
    /// A database on PostgreSQL.
    Postgres(&'a str),
    /// A broker, and where its ledger is.
    Rabbit(&'a str, Box<Self>),
}

/// The queue's store; made where it is missing.
pub async fn store(config: &Config) -> Result<Arc<dyn Store>, Failure> {
    match place(config)? {
        Place::Rabbit(url, ledger) => Ok(Arc::new(open_rabbit(url, &ledger, config).await?)),
        place => open(&place, config).await,
    }
}

async fn open(place: &Place<'_>, config: &Config) -> Result<Arc<dyn Store>, Failure> {
    Ok(match place {
        Place::File(path) => {
            make_folder(&config.data_dir)?;
            let durability = match config.queue.durability {
                Durability::Normal => backstock_queue::Durability::Normal,
                Durability::Full => backstock_queue::Durability::Full,
            };
            let options = SqliteOptions { durability, ..SqliteOptions::default() };
            Arc::new(SqliteStore::open(path, options).await.map_err(Failure::data)?)
        }
        Place::Redis(url) => Arc::new(open_redis(url, config).await?),
        Place::Postgres(url) => Arc::new(open_postgres(url, config).await?),
        Place::Rabbit(..) => return Err(Failure::usage("a broker cannot be the ledger of another")),
    })
}

async fn open_redis(url: &str, config: &Config) -> Result<RedisStore, Failure> {
    let options = RedisOptions { prefix: config.queue.prefix.clone(), ..RedisOptions::default() };
    RedisStore::open(url, options).await.map_err(refused)
}

async fn open_postgres(url: &str, config: &Config) -> Result<PostgresStore, Failure> {
    let schema = format!("{}_queue", config.queue.prefix);
    let options = PostgresOptions { schema, ..PostgresOptions::default() };
    PostgresStore::open(url, options).await.map_err(refused)
}

async fn open_rabbit(url: &str, ledger: &Place<'_>, config: &Config) -> Result<RabbitStore, Failure> {
    let settings = &config.queue.rabbitmq;
    let options = RabbitOptions {
        prefix: config.queue.prefix.clone(),
        queue_type: match settings.queue_type {
            QueueType::Quorum => backstock_queue::QueueType::Quorum,
            QueueType::Classic => backstock_queue::QueueType::Classic,
        },
        record: match settings.record {
            Record::Needed => backstock_queue::Record::Needed,
            Record::EveryJob => backstock_queue::Record::EveryJob,
        },
        tls_ca_file: Some(settings.tls_ca_file.clone()).filter(|file| !file.as_os_str().is_empty()),
        ..RabbitOptions::default()
    };
    RabbitStore::open(url, open(ledger, config).await?, options).await.map_err(refused)
}

/// The queue's store when it is in use already: a file that exists, or a server.
pub async fn existing_store(config: &Config) -> Result<Arc<dyn Store>, Failure> {
    require_data(config)?;
    store(config).await
}

/// Whether the queue lies on a server, where a demonstration must keep to itself.
pub fn queue_is_remote(config: &Config) -> Result<bool, Failure> {
    Ok(!matches!(place(config)?, Place::File(_)))
}

/// Removes everything under `queue.prefix` on servers; nothing where the queue is a file.
pub async fn erase(config: &Config) -> Result<(), Failure> {
    let place = place(config)?;
    if let Place::Rabbit(url, ledger) = &place {
        open_rabbit(url, ledger, config).await?.erase().await.map_err(Failure::data)?;
    }
    match place.of_records() {
        Place::Redis(url) => open_redis(url, config).await?.erase().await.map_err(Failure::data),
        Place::Postgres(url) => open_postgres(url, config).await?.erase().await.map_err(Failure::data),
        Place::File(_) | Place::Rabbit(..) => Ok(()),
    }
}

/// Whether somebody used the queue before, as far as that shows on this machine.
pub fn is_in_use(config: &Config) -> Result<bool, Failure> {
    Ok(match place(config)?.of_records() {
        Place::File(path) => path.exists(),
        Place::Redis(_) | Place::Postgres(_) | Place::Rabbit(..) => true,
    })
}

impl Place<'_> {
    /// Where what is recorded lies.
    fn of_records(&self) -> &Self {
        match self {
            Self::Rabbit(_, ledger) => ledger,
            own => own,
        }
    }
}

fn place(config: &Config) -> Result<Place<'_>, Failure> {
    let url = config.queue.url.as_str();
    if let Some(("amqp" | "amqps", _)) = url.split_once(':') {
        let ledger = match config.queue.rabbitmq.ledger_url.as_str() {
            // The queue has tables of its own beside those of the catalog; in a file, a file of its own.
            "catalog" if is_postgres(&config.catalog.url) => Place::Postgres(&config.catalog.url),
            "catalog" => Place::File(config.data_dir.join("queue.db")),
            url => store_at(url, config).ok_or_else(|| {
                Failure::usage(
                    "`queue.rabbitmq.ledger_url` must be \"sqlite\", \"sqlite:PATH\", \"redis://HOST:PORT\", \
                     \"postgres://HOST/DATABASE\" or \"catalog\"",
                )
            })?,
        };
        return Ok(Place::Rabbit(url, Box::new(ledger)));
    }
    // The URL is not repeated: it may hold a password.
    store_at(url, config).ok_or_else(|| {
        Failure::usage(
            "`queue.url` must be \"sqlite\", \"sqlite:PATH\", \"redis://HOST:PORT\", \"rediss://HOST:PORT\", \
             \"redis+sentinel://HOST:PORT/NAME\", \"postgres://HOST/DATABASE\", \"amqp://HOST\" or \"amqps://HOST\"",
        )
    })
}

fn store_at<'a>(url: &'a str, config: &Config) -> Option<Place<'a>> {
    match url.split_once(':') {
        None if url == "sqlite" => Some(Place::File(config.data_dir.join("queue.db"))),
        Some(("sqlite", path)) if !path.is_empty() => Some(Place::File(PathBuf::from(path))),
        Some(("redis" | "rediss" | "valkey" | "valkeys" | "redis+sentinel" | "rediss+sentinel", _)) => {
            Some(Place::Redis(url))
        }
        Some(_) if is_postgres(url) => Some(Place::Postgres(url)),
        _ => None,
    }
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// A wrong setting is a mistake in use; all else is about the data.
fn refused(error: StoreError) -> Failure {
    match error {
        StoreError::Invalid(message) => Failure::usage(message),
        other => Failure::data(other),
    }
}
