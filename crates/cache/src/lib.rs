//! Cache of rendered catalog entries with per-kind lifetimes and hit statistics.
//!
//! Level 1 is in the process (bounded in bytes; an [`EvictionPolicy`] says who leaves). A [`SecondLevel`] that processes
//! share, such as a [`RedisLevel`], can be put under it without a change to callers. Values are bytes: the caller renders
//! and parses. Both levels keep longer ones compressed, level 1 with a dictionary of what values of a kind have in common.
//!
//! * A [`Key`] names its kind, the version of the data and an id. Publishing a new version makes old entries
//!   unreachable at once; they leave by age or for want of space.
//! * Lifetimes belong to kinds and are spread by ±10 % from the key's hash, so that entries warmed together do not
//!   expire together.
//! * [`Cache::get_or_load`] loads a missing entry once, however many ask for it, and remembers for a while that there is
//!   no such thing; [`Cache::get_or_renew`] serves an old entry while a new one is made.
//! * Entries are forgotten by key, tag, pattern or kind, here, in the second level and in other processes.
//! * What was being loaded while it was invalidated is returned to those who asked, and not kept.
//!
//! ```
//! use backstock_cache::{Cache, CacheOptions, Key, Kind};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let cache = Cache::new(CacheOptions::default());
//! let key = Key::new(Kind::Product, 3, "JKT-0001");
//! let load = async || Ok::<_, std::io::Error>(Some("{}".into()));
//! assert_eq!(cache.get_or_load(&key, load).await.unwrap().as_deref(), Some(b"{}".as_slice()));
//! assert!(cache.get(&key).await.is_some());
//! assert_eq!(cache.statistics().kind(Kind::Product).hits, 1);
//! # });
//! ```

mod cache;
mod clock;
mod dictionary;
mod entry;
mod epochs;
mod held;
mod invalidation;
mod key;
mod level1;
mod level2;
mod lifetime;
mod memory;
mod options;
mod packed;
mod pattern;
mod popularity;
mod promise;
mod redis;
mod statistics;
mod value;
mod warm;

pub use self::redis::{RedisLevel, RedisLevelOptions};
pub use cache::{Cache, LoadError};
pub use clock::{Clock, MonotonicClock};
pub use invalidation::Invalidation;
pub use key::{Key, Kind};
pub use level2::{Found, SecondLevel, SecondLevelError, Stored};
pub use memory::{MemoryPolicy, MemoryPressure, MemorySource, Reading, Relief, read_memory};
pub use options::{CacheOptions, EvictionPolicy, Lifetimes};
pub use packed::{Damaged, Packed};
pub use pattern::{MAX_PATTERN_BYTES, Pattern, PatternError};
pub use popularity::{Plan, Popularity};
pub use promise::WarmUp;
pub use statistics::{KindStatistics, Statistics};
pub use value::{MAX_TAG_BYTES, MAX_TAGS, Tags, Value};
pub use warm::{StopReason, WarmBudget, WarmReport, Warmer};
