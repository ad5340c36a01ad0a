//! A bounded pool of threads for work that computes: decoding images, running a model.
//!
//! Handlers run on the asynchronous runtime, which must never be kept busy; they hand such work to a [`CpuPool`] and
//! await it. One pool is shared by everything in a process that computes, so that together they use the cores there are.

mod pool;

pub use pool::{CpuPool, Panicked};
