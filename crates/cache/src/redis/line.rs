//! The line to the server, and whether it may be used.
//!
//! It is up only while the ear listens and everything owed is delivered: what was missed cannot be served. The first
//! call that gets no answer takes it down, so that the next ones need not wait, and wakes the ear, which brings it up.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisError, Value};
use tokio::sync::{Notify, watch};

use super::fault::classify;
use super::owed::Owed;
use crate::{Invalidation, Key, Kind, SecondLevelError};

pub(super) struct Line {
    up: watch::Sender<Option<MultiplexedConnection>>,
    /// Rings when the line was taken down.
    pub(super) suspicion: Notify,
    /// Where it leads, without credentials.
    pub(super) location: String,
    /// How often each kind was forgotten, as the server counts.
    generations: [AtomicU64; Kind::ALL.len()],
    owed: Mutex<Owed>,
    told_full: AtomicBool,
}

impl Line {
    pub(super) fn new(location: String) -> Self {
        Self {
            up: watch::Sender::new(None),
            suspicion: Notify::new(),
            location,
            generations: Default::default(),
            owed: Mutex::default(),
            told_full: AtomicBool::new(false),
        }
    }

    /// A clone of the connection, to be used at once.
    pub(super) fn connection(&self) -> Result<MultiplexedConnection, SecondLevelError> {
        self.up.borrow().clone().ok_or(SecondLevelError::Skipped)
    }

    pub(super) fn set_up(&self, connection: MultiplexedConnection) {
        self.up.send_replace(Some(connection));
    }

    /// Returns once the line is up, or down.
    pub(super) async fn wait_until(&self, up: bool) {
        // The error says that the sender is gone; we hold it.
        let _ = self.up.subscribe().wait_for(|line| line.is_some() == up).await;
    }

    /// Takes the line down until the ear has found it sound. Returns whether it was up.
    pub(super) fn take_down(&self) -> bool {
        let was_up = self.up.send_replace(None).is_some();
        self.suspicion.notify_one();
        was_up
    }

    pub(super) async fn ask(&self, command: &Cmd) -> Result<Value, SecondLevelError> {
        let mut connection = self.connection()?;
        let answer = connection.send_packed_command(command).await.and_then(Value::extract_error);
        answer.map_err(|error| self.failed(&error))
    }

    /// Many commands in one round trip; an error of one is the error of all, though the others were done.
    pub(super) async fn ask_all(&self, pipeline: &Pipeline) -> Result<Vec<Value>, SecondLevelError> {
        let mut connection = self.connection()?;
        let answers = pipeline.query_async(&mut connection).await;
        answers.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &RedisError) -> SecondLevelError {
        let failure = classify(error, &self.location);
        match &failure {
            SecondLevelError::Away(_) => {
                if self.take_down() {
                    tracing::warn!(%failure, "level 1 serves alone");
                }
            }
            SecondLevelError::Full(_) if !self.told_full.swap(true, Ordering::Relaxed) => {
                tracing::warn!(%failure, "new entries stay in level 1");
            }
            _ => tracing::debug!(%failure),
        }
        failure
    }

    /// Values are taken again.
    pub(super) fn has_room(&self) {
        if self.told_full.swap(false, Ordering::Relaxed) {
            tracing::info!(location = self.location, "the second cache level has room again");
        }
    }

    pub(super) fn generation(&self, kind: Kind) -> u64 {
        self.generations[kind.index()].load(Ordering::SeqCst)
    }

    pub(super) fn generation_of(&self, key: &Key) -> u64 {
        self.generation(key.kind())
    }

    /// As the server says now.
    pub(super) fn set_generation(&self, kind: Kind, generation: u64) {
        self.generations[kind.index()].store(generation, Ordering::SeqCst);
    }

    /// As somebody was told; a later one may be known already.
    pub(super) fn raise_generation(&self, kind: Kind, generation: u64) {
        self.generations[kind.index()].fetch_max(generation, Ordering::SeqCst);
    }

    pub(super) fn owed(&self) -> Vec<Invalidation> {
        locked(&self.owed).all()
    }

    pub(super) fn paid(&self, delivered: &[Invalidation]) {
        locked(&self.owed).paid(delivered);
    }

    /// Owes an invalidation until it is paid. Dropped before, the line is taken down until the ear has delivered it.
    pub(super) fn owe<'a>(&'a self, what: &'a Invalidation) -> Debt<'a> {
        locked(&self.owed).add(what);
        Debt { line: self, what, is_paid: false }
    }
}

/// An invalidation that is under way.
pub(super) struct Debt<'a> {
    line: &'a Line,
    what: &'a Invalidation,
    is_paid: bool,
}

impl Debt<'_> {
    pub(super) fn paid(mut self) {
        self.line.paid(std::slice::from_ref(self.what));
        self.is_paid = true;
    }
}

impl Drop for Debt<'_> {
    fn drop(&mut self) {
        if !self.is_paid {
            self.line.take_down();
        }
    }
}

/// Nothing here panics halfway.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
