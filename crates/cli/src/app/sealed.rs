//! The queue's store with its payloads sealed, if there are keys.

use super::queue;
use crate::failure::Failure;
use backstock_config::Config;
use backstock_queue::{Encrypted, SealingKeys, Store};
use std::sync::Arc;

/// The queue's store; made where it is missing.
pub async fn store(config: &Config) -> Result<Arc<dyn Store>, Failure> {
    let keys = keys(config)?;
    Ok(seal(queue::store(config).await?, keys))
}

/// The queue's store when it is in use already: a file that exists, or a server.
pub async fn existing_store(config: &Config) -> Result<Arc<dyn Store>, Failure> {
    let keys = keys(config)?;
    Ok(seal(queue::existing_store(config).await?, keys))
}

/// The keys of `queue.encryption.keys`, if any.
pub fn keys(config: &Config) -> Result<Option<SealingKeys>, Failure> {
    let keys = SealingKeys::parse(config.queue.encryption.keys.reveal());
    keys.map_err(|error| Failure::usage(format!("`queue.encryption.keys`: {error}")))
}

fn seal(store: Arc<dyn Store>, keys: Option<SealingKeys>) -> Arc<dyn Store> {
    match keys {
        Some(keys) => Arc::new(Encrypted::new(store, keys)),
        None => store,
    }
}
