//! Which store keeps the queue.

use super::{make_folder, require_data};
use crate::failure::Failure;
use backstock_config::{Config, Durability};
use backstock_queue::{RedisOptions, RedisStore, SqliteOptions, SqliteStore, Store, StoreError};
use std::{path::PathBuf, sync::Arc};

/// Where `queue.url` leads.
enum Place<'a> {
    File(PathBuf),
    Redis(&'a str),
}

/// The queue's store; made where it is missing.
pub async fn store(config: &Config) -> Result<Arc<dyn Store>, Failure> {
    Ok(match place(config)? {
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
    })
}

async fn open_redis(url: &str, config: &Config) -> Result<RedisStore, Failure> {
    let options = RedisOptions { prefix: config.queue.prefix.clone(), ..RedisOptions::default() };
    RedisStore::open(url, options).await.map_err(refused)
}

/// The queue's store when it is in use already: a file that exists, or a server.
pub async fn existing_store(config: &Config) -> Result<Arc<dyn Store>, Failure> {
    require_data(config)?;
    store(config).await
}

/// Whether the queue lies on a server, where a demonstration must keep to itself.
pub fn queue_is_remote(config: &Config) -> Result<bool, Failure> {
    Ok(matches!(place(config)?, Place::Redis(_)))
}

/// Removes everything under `queue.prefix` on the server; nothing where the queue is a file.
pub async fn erase(config: &Config) -> Result<(), Failure> {
    if let Place::Redis(url) = place(config)? {
        open_redis(url, config).await?.erase().await.map_err(Failure::data)?;
    }
    Ok(())
}

/// Whether somebody used the queue before, as far as that shows on this machine.
pub fn is_in_use(config: &Config) -> Result<bool, Failure> {
    Ok(match place(config)? {
        Place::File(path) => path.exists(),
        Place::Redis(_) => true,
    })
}

fn place(config: &Config) -> Result<Place<'_>, Failure> {
    let url = config.queue.url.as_str();
    match url.split_once(':') {
        None if url == "sqlite" => Ok(Place::File(config.data_dir.join("queue.db"))),
        Some(("sqlite", path)) if !path.is_empty() => Ok(Place::File(PathBuf::from(path))),
        Some(("redis" | "rediss" | "valkey" | "valkeys", _)) => Ok(Place::Redis(url)),
        // The URL is not repeated: it may hold a password.
        _ => Err(Failure::usage(
            "`queue.url` must be \"sqlite\", \"sqlite:PATH\", \"redis://HOST:PORT\" or \"rediss://HOST:PORT\"",
        )),
    }
}

/// A wrong setting is a mistake in use; all else is about the data.
fn refused(error: StoreError) -> Failure {
    match error {
        StoreError::Invalid(message) => Failure::usage(message),
        other => Failure::data(other),
    }
}
