//! Private PostgreSQL servers.

mod cluster;
mod server;
mod shared;
#[cfg(test)]
mod tests;
mod wire;

pub use server::PostgresServer;
pub use shared::SharedPostgres;
