//! The store on Redis 7.0 and newer (also Valkey): one server, or a cluster, where one node owns a deployment.
//!
//! * Everything a call does is one function inside the server (`lua/`), so one transaction and one round trip.
//! * Plain jobs of one call are stored, listed, leased and completed together (`lua/pack.lua`, `lua/bundle.lua`).
//! * A second connection listens for wake-ups. It also shows that this process lives: when it is gone, so is the process.

mod address;
mod adopt;
mod answer;
mod bell;
mod enqueue;
mod examine;
mod fault;
#[cfg(test)]
mod fault_tests;
mod groups;
mod inspect;
mod library;
mod link;
mod locks;
mod memory;
mod open;
mod operate;
mod options;
mod pack;
mod rescue;
mod sentinel;
#[cfg(test)]
mod sentinel_tests;
mod store;
#[cfg(test)]
pub(crate) mod tests;
mod wire;
mod work;

pub use options::RedisOptions;

use crate::{StoreError, Timestamp};
use answer::Answer;
use bell::Bell;
use link::{Call, Link};
use memory::MemoryWatch;
use rescue::Suspects;
use std::sync::Mutex;

/// Most jobs in one call of a function: keeps each below some milliseconds.
const PIECE: usize = 500;

/// A [`crate::Store`] on a Redis server. Several processes on several machines may share it.
#[derive(Debug)]
pub struct RedisStore {
    link: Link,
    options: RedisOptions,
    bell: Bell,
    memory: MemoryWatch,
    suspects: Mutex<Suspects>,
}

impl RedisStore {
    /// A call at the present moment: by our clock if there is one, else by the server's.
    fn at_once(&self, function: &'static str) -> Call {
        let call = Call::new(function);
        match &self.options.clock {
            Some(clock) => call.number(clock.now().0),
            None => call.arg([]),
        }
    }

    async fn ask(&self, call: &Call) -> Result<Answer<'_>, StoreError> {
        Ok(self.answer(self.link.call(call).await?))
    }

    fn answer(&self, value: redis::Value) -> Answer<'_> {
        Answer { value, location: &self.link.location }
    }

    /// A moment of the server in terms of this machine's clock, given what the server's clock showed.
    fn here(&self, at: Timestamp, server_now: Timestamp) -> Timestamp {
        use crate::Clock;
        if self.options.clock.is_some() || at.0 == i64::MAX {
            return at;
        }
        let ours = crate::SystemClock.now();
        Timestamp(at.0.saturating_add(ours.0 - server_now.0))
    }
}
