//! The store on RabbitMQ 3.10 and newer: a broker that carries what is plain, and a ledger for what a broker cannot hold.
//!
//! * A *plain* job (no delay, key, group or expiry) lies in the broker alone: one confirmed publish, one ack among many.
//! * Everything else lies in the *ledger*, another [`crate::Store`]; so does a plain job from the moment it fails, is handed
//!   back, was held by a process that died, or runs for long: it is adopted first, then acked. A crash between the two
//!   leaves a message whose id the ledger knows.
//! * One durable queue for each priority of a named queue ([`names`]), each on a channel of its own ([`band`]); the next
//!   job is chosen among their heads and the ledger's by [`crate::order`] ([`claim`]).

mod acks;
mod adopt;
mod band;
mod buffer;
mod claim;
mod desk;
mod fault;
#[cfg(test)]
mod fault_tests;
mod inspect;
mod line;
#[cfg(test)]
mod line_tests;
mod link;
mod message;
mod names;
mod open;
mod operate;
mod options;
mod parked;
mod publish;
mod recent;
mod rests;
mod settle;
#[cfg(test)]
mod shop;
mod store;
mod tend;
#[cfg(test)]
mod tests;
mod topology;

pub use options::{QueueType, RabbitOptions, Record};

use crate::{Store, Timestamp};
use desk::Desk;
use line::Line;
use link::Link;
use publish::Publisher;
use rests::Rests;
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::Instant,
};

/// A [`crate::Store`] on a RabbitMQ broker and a ledger. Several processes may share both; the ledger says how far apart
/// they may be. Dropping it gives what it holds back to the broker, as the death of the process does.
#[derive(Debug)]
pub struct RabbitStore {
    shared: Arc<Shared>,
    tasks: [JoinHandle<()>; 3],
}

/// What the calls and the tasks in the background share.
#[derive(Debug)]
struct Shared {
    ledger: Arc<dyn Store>,
    ledger_wakes: watch::Receiver<u64>,
    options: RabbitOptions,
    link: Link,
    publisher: Publisher,
    lines: Mutex<HashMap<String, Arc<Line>>>,
    desk: Mutex<Desk>,
    /// Held while jobs move from the broker to the ledger under a lease, so that a settlement finds them in one of both.
    moving: tokio::sync::Mutex<()>,
    declaring: tokio::sync::Mutex<()>,
    rests: Mutex<Rests>,
    /// Paused queues, and when that was asked.
    paused: Mutex<Option<(Instant, HashSet<String>)>>,
    news: Arc<News>,
}

/// How the parts tell each other that something came.
#[derive(Debug, Default)]
struct News {
    /// There may be something to claim.
    wake: watch::Sender<u64>,
    /// Something is to be adopted or parked.
    tend: Notify,
    /// Something is done that waits to be acked with others.
    late: Notify,
}

impl News {
    fn ring(&self) {
        self.wake.send_modify(|count| *count = count.wrapping_add(1));
    }
}

impl Shared {
    fn now(&self) -> Timestamp {
        self.options.clock.now()
    }

    fn records_all(&self) -> bool {
        self.options.record == Record::EveryJob
    }

    fn rests(&self) -> MutexGuard<'_, Rests> {
        locked(&self.rests)
    }

    /// The ledger may have something new.
    fn stir(&self) {
        self.rests().stir();
    }

    /// The ledger's count of wake-ups.
    fn ledger_wakes(&self) -> u64 {
        *self.ledger_wakes.borrow()
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        locked(&self.desk)
    }

    /// The line of a named queue; `None` when its name is too long for the broker, so that its jobs are all recorded.
    fn line(&self, queue: &str) -> Option<Arc<Line>> {
        let mut lines = locked(&self.lines);
        if let Some(line) = lines.get(queue) {
            return Some(Arc::clone(line));
        }
        let line = Arc::new(Line::new(queue, &self.options, &self.news)?);
        lines.insert(queue.to_owned(), Arc::clone(&line));
        Some(line)
    }

    fn lines(&self) -> Vec<Arc<Line>> {
        locked(&self.lines).values().cloned().collect()
    }
}

impl Drop for RabbitStore {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.shared.lines().iter().for_each(|line| line.drop_wires());
    }
}

/// What a mutex guards. Nothing in here is left half done on purpose, so a panic elsewhere spoils nothing.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
