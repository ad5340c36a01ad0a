//! Private servers and a network that fails on command, for tests and benchmarks.
//!
//! Every server listens on a free port of 127.0.0.1, keeps its data in a temporary folder of its own and can be killed,
//! frozen, thawed and started again on the same port with its data kept. A *keeper*, a shell that waits for the process
//! that started it, ends the server and removes the folder even when that process is killed. A program that is not
//! installed is an error that names the package: tests fail with it, they never skip.
//!
//! | server | cost | use |
//! |---|---|---|
//! | [`RedisServer`] | 0.1 s | one a test |
//! | [`RedisCluster`] | 1–3 s | one a test |
//! | [`PostgresServer`] | 0.3 s, the first of a run 2 s | one a test that kills it, else [`SharedPostgres`] |
//! | [`RabbitServer`] | 7–20 s, 150 MB | one a test that kills it, else [`SharedRabbit`] |
//!
//! A shared server is started by the first test of a run that asks and ends with the run (with `cargo nextest`, where
//! every test is a process, with nextest itself; otherwise with the process); tests keep apart by a database or a prefix.

mod error;
mod folder;
mod http;
mod port;
mod postgres;
mod process;
mod program;
mod proxy;
mod rabbit;
mod redis;
mod shared;
mod wait;

pub use error::TestbedError;
pub use http::HttpServer;
pub use postgres::{PostgresServer, SharedPostgres};
pub use process::CpuTime;
pub use proxy::{FaultProxy, Mode};
pub use rabbit::{RabbitServer, SharedRabbit};
pub use redis::{Fsync, RedisCluster, RedisOptions, RedisPair, RedisServer};
