//! Limits of fairness keys, from the configuration to the store.

use crate::failure::Failure;
use backstock_config::Config;
use backstock_queue::{KeyLimits, NewJob, RateError, Store, StoreError};
use std::collections::BTreeMap;

/// What the configuration sets, by queue.
pub fn of(config: &Config) -> Result<BTreeMap<String, KeyLimits>, Failure> {
    let mut limits: BTreeMap<String, KeyLimits> = BTreeMap::new();
    for (queue, most) in &config.queue.limits.running {
        limits.entry(queue.clone()).or_default().running = Some(*most);
    }
    for (queue, rate) in &config.queue.limits.rate {
        let wrong = |error: RateError| Failure::usage(format!("`queue.limits.rate.{queue}`: {error}"));
        limits.entry(queue.clone()).or_default().rate = Some(rate.parse().map_err(wrong)?);
    }
    Ok(limits)
}

/// Limits the queues that the configuration names; others keep what they have.
pub async fn apply(config: &Config, store: &dyn Store) -> Result<(), Failure> {
    for (queue, limits) in of(config)? {
        set(store, &queue, limits).await?;
    }
    Ok(())
}

/// Asks the store to keep `limits`.
pub async fn set(store: &dyn Store, queue: &str, limits: KeyLimits) -> Result<(), Failure> {
    if queue.is_empty() || queue.len() > NewJob::MAX_NAME_BYTES {
        let most = NewJob::MAX_NAME_BYTES;
        return Err(Failure::usage(format!(
            "the name of a queue has 1 to {most} bytes, not {}",
            queue.len()
        )));
    }
    store.set_limits(queue, limits).await.map_err(|error| match error {
        StoreError::Invalid(reason) => Failure::usage(reason),
        other => Failure::data(other),
    })
}
