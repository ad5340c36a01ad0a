//! Giving memory back: how much there is, and what a cache does when it is short.

mod policy;
mod reading;

pub use policy::{MemoryPolicy, MemoryPressure, Reading, Relief};
pub use reading::{MemorySource, read_memory};
