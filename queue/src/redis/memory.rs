//! Back-pressure: producers are refused before the server is full, so that workers can finish what is there.

use super::{RedisStore, fault};
use crate::StoreError;
use std::{sync::Mutex, sync::PoisonError, time::Duration};
use tokio::time::Instant;

/// How long a look at the server's memory is good for.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// What the last look showed.
#[derive(Debug, Default)]
pub(super) struct MemoryWatch(Mutex<Option<(Instant, Memory)>>);

#[derive(Clone, Copy, Debug)]
struct Memory {
    used: u64,
    /// Zero is no limit.
    max: u64,
}

impl RedisStore {
    /// Refuses when the server's memory is nearly full.
    pub(super) async fn check_room(&self) -> Result<(), StoreError> {
        let now = Instant::now();
        let known = *self.memory.0.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = match known {
            Some((looked, memory)) if now.duration_since(looked) < GOOD_FOR => memory,
            _ => {
                let memory = self.look_at_memory().await?;
                *self.memory.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, memory));
                memory
            }
        };
        if memory.max == 0 || (memory.used as f64) < memory.max as f64 * self.options.full_at {
            return Ok(());
        }
        let Memory { used, max } = memory;
        let source = format!(
            "{}: {used} of {max} bytes used; let workers catch up, prune finished jobs or raise maxmemory",
            self.link.location
        );
        Err(StoreError::Full { store: fault::STORE, source: source.into() })
    }

    async fn look_at_memory(&self) -> Result<Memory, StoreError> {
        let about = self.link.about("memory").await?;
        let number = |name: &str| {
            let line = about.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
        };
        Ok(Memory { used: number("used_memory"), max: number("maxmemory") })
    }
}
