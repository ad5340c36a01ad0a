//! Private RabbitMQ nodes.

mod certificates;
mod node;
mod server;
mod shared;
#[cfg(test)]
mod tests;

pub use server::RabbitServer;
pub use shared::SharedRabbit;
