//! What each database does in a way of its own.

use super::{conn::Conn, fault::Fault};
use crate::StoreError;
use std::{any::Any, fmt, future::Future};
use tokio::sync::watch;

/// Whose turn it is to write; given up when dropped.
pub type Turn = Box<dyn Any + Send + Sync>;

/// A database that can hold the tables of a queue. Not to be implemented elsewhere.
pub trait Engine: fmt::Debug + Send + Sync + 'static {
    /// Of the store on it, for messages.
    const NAME: &'static str;
    /// [`crate::Capabilities::notices_death`].
    const NOTICES_DEATH: bool;
    /// A statement that checks the database itself and answers with `ok`, where there is one.
    const PAGES: Option<&'static str>;

    /// Begins a transaction that writes: one at a time, over all processes.
    fn begin(&self) -> impl Future<Output = Result<(Conn, Turn), Fault>> + Send;

    /// A connection that reads.
    fn read(&self) -> impl Future<Output = Result<Conn, Fault>> + Send;

    /// A connection that reads, and sees everything as it is at its first statement.
    fn snapshot(&self) -> impl Future<Output = Result<Conn, Fault>> + Send;

    /// There may be something new to claim: wakes this process and the others.
    fn ring(&self);

    /// Counts the rings of all processes.
    fn wake_ups(&self) -> watch::Receiver<u64>;

    /// What this process is called among those that have the database open.
    fn presence(&self) -> &str;

    /// Whether the process of that name is dead for sure.
    fn is_gone(&self, presence: &str) -> bool;

    /// As the contract names it.
    fn classify(&self, fault: Fault) -> StoreError;
}
