//! Loads under way: whoever asks for what somebody else loads already waits for that load.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::MutexGuard;

use crate::Key;
use crate::epochs::Ticket;

/// What a load brought.
#[derive(Clone)]
pub(super) enum Landed {
    Value(Option<Bytes>),
    /// The loader's error, of whichever type it has.
    Failed(Arc<dyn Any + Send + Sync>),
}

/// What was brought, and the state of things when the load began: who asked after a later invalidation must not have it.
pub(super) struct Landing {
    pub(super) ticket: Ticket,
    pub(super) landed: Landed,
}

type Flight = Arc<tokio::sync::Mutex<Option<Landing>>>;

/// The loads under way.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<Key, Flight>>);

/// One who takes part in a load. If it is cut off, the last to leave takes it off the list.
pub(super) struct Seat<'a> {
    flights: &'a Flights,
    key: &'a Key,
    flight: Flight,
}

impl Flights {
    /// Joins the load of a key, or begins one.
    pub(super) fn join<'a>(&'a self, key: &'a Key) -> Seat<'a> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let flight = match flights.get(key) {
            Some(flight) => Arc::clone(flight),
            None => Arc::clone(flights.entry(key.clone()).or_default()),
        };
        Seat { flights: self, key, flight }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}

impl Seat<'_> {
    /// Waits for one's turn. What is in it by then was brought by the one before; if that is nothing, because there was
    /// none or it was cancelled, it is one's own turn to load.
    pub(super) async fn turn(&self) -> MutexGuard<'_, Option<Landing>> {
        self.flight.lock().await
    }

    /// Leaves what was brought to those who wait. Who comes from now on begins another load.
    pub(super) fn land(&self, mut turn: MutexGuard<'_, Option<Landing>>, landing: Landing) {
        *turn = Some(landing);
        self.leave(|_| true);
    }

    fn leave(&self, when: impl FnOnce(&Flight) -> bool) {
        let mut flights = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        if flights.get(self.key).is_some_and(|listed| Arc::ptr_eq(listed, &self.flight) && when(listed)) {
            flights.remove(self.key);
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        // The list's and this one: nobody else waits.
        self.leave(|flight| Arc::strong_count(flight) == 2);
    }
}
