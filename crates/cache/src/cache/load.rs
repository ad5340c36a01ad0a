//! Loading what is missing: once in this process, and where it is costly once in all of them.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::flights::{Landed, Landing};
use super::inner::Inner;
use crate::entry::{Entry, Span};
use crate::epochs::Ticket;
use crate::level1::Look;
use crate::statistics::count;
use crate::{Cache, Key, Packed, Value};

/// First pause between looks at what another process makes; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// The loader's error. All who waited for the same load share it; nothing is kept, so the next look-up loads again.
#[derive(Debug, thiserror::Error)]
#[error("loading a cache entry: {0}")]
pub struct LoadError<E: Error + 'static>(#[source] pub Arc<E>);

impl Cache {
    /// The value, loaded by `load` if neither level has it. However many ask at the same time, it is loaded once and
    /// all get what it brought. `None` from the loader means that there is no such thing; that is remembered for
    /// [`Lifetimes::absent`](crate::Lifetimes::absent). What is costly to make is loaded by one process at a time, while
    /// others wait for it at most [`CacheOptions::lead`](crate::CacheOptions::lead).
    ///
    /// If the caller that loads is cancelled, the next of those waiting loads in its place. What is invalidated while
    /// it is being loaded is returned and not kept.
    ///
    /// # Errors
    /// [`LoadError`] with the loader's error, for all who waited for it.
    pub async fn get_or_load<E, F>(&self, key: &Key, load: F) -> Result<Option<Bytes>, LoadError<E>>
    where
        E: Error + Send + Sync + 'static,
        F: AsyncFnOnce() -> Result<Option<Value>, E>,
    {
        match self.inner.fresh(key) {
            Some(entry) => Ok(self.inner.hit(key, &entry)),
            None => self.inner.load(key, load).await,
        }
    }

    /// As [`Cache::get_or_load`], but an entry whose lifetime has ended is still served for
    /// [`Lifetimes::stale`](crate::Lifetimes::stale) while one task, in one process, makes a new one. Must be called
    /// inside a tokio runtime. When making it fails, the old one is served until its end, and the next who asks tries.
    ///
    /// # Errors
    /// [`LoadError`] when there is not even an old one and the loader failed.
    pub async fn get_or_renew<E, F, L>(&self, key: &Key, load: F) -> Result<Option<Bytes>, LoadError<E>>
    where
        E: Error + Send + Sync + 'static,
        F: FnOnce() -> L + Send + 'static,
        L: Future<Output = Result<Option<Value>, E>> + Send + 'static,
    {
        let inner = &self.inner;
        let mut look = inner.look(key);
        if look.is_none() {
            let ticket = inner.epochs.ticket(key);
            if let Some(found) = inner.ask_level2(key).await {
                let span = inner.span_of(&found);
                let value = found.value.map(Packed::into_value);
                let bytes = value.as_ref().map(|value| value.bytes.clone());
                inner.keep(key, value, span, ticket);
                if !span.fresh.is_zero() {
                    inner.count_miss(key);
                    inner.count_level2_hit(key);
                    return Ok(bytes);
                }
                look = inner.look(key);
            }
        }
        let Some((look, entry)) = look else { return inner.load(key, async move || load().await).await };
        if look == Look::Stale {
            count(&inner.counters.of(key.kind()).stale_hits);
            if entry.begin_renewal() {
                let (inner, key, entry) = (Arc::clone(inner), key.clone(), Arc::clone(&entry));
                tokio::spawn(async move { inner.renew(&key, &entry, load).await });
            }
        }
        Ok(inner.hit(key, &entry))
    }
}

impl Inner {
    /// Loads, or waits for the one who does.
    async fn load<E, F>(self: &Arc<Self>, key: &Key, load: F) -> Result<Option<Bytes>, LoadError<E>>
    where
        E: Error + Send + Sync + 'static,
        F: AsyncFnOnce() -> Result<Option<Value>, E>,
    {
        let ticket = self.epochs.ticket(key);
        let seat = self.flights.join(key);
        let turn = seat.turn().await;
        if let Some(landing) = turn.as_ref().filter(|landing| landing.ticket == ticket) {
            match &landing.landed {
                Landed::Value(bytes) => {
                    self.count_hit(key, bytes.is_some());
                    count(&self.counters.of(key.kind()).waits);
                    return Ok(bytes.clone());
                }
                Landed::Failed(error) => {
                    if let Ok(error) = Arc::clone(error).downcast() {
                        return Err(LoadError(error));
                    }
                }
            }
        }
        // Another load may have ended between the look and the turn.
        if let Some(entry) = self.fresh(key) {
            return Ok(self.hit(key, &entry));
        }
        let ticket = self.epochs.ticket(key);
        match self.bring(key, ticket, load).await {
            Ok(bytes) => {
                seat.land(turn, Landing { ticket, landed: Landed::Value(bytes.clone()) });
                Ok(bytes)
            }
            Err(error) => {
                let error = Arc::new(error);
                seat.land(turn, Landing { ticket, landed: Landed::Failed(error.clone()) });
                Err(LoadError(error))
            }
        }
    }

    /// What one of all who ask does: second level, then the loader.
    async fn bring<E, F>(self: &Arc<Self>, key: &Key, ticket: Ticket, load: F) -> Result<Option<Bytes>, E>
    where
        F: AsyncFnOnce() -> Result<Option<Value>, E>,
    {
        self.count_miss(key);
        let made = match self.fresh_in_level2(key).await {
            Some(made) => Some(made),
            None if key.kind().is_costly() && !self.leads(key).await => self.wait_for_level2(key).await,
            None => None,
        };
        let (value, span) = if let Some(made) = made {
            self.count_level2_hit(key);
            made
        } else {
            let value = self.loaded(key, ticket, load).await?;
            let span = self.lifetimes.span(key, value.is_some());
            (value, span)
        };
        let bytes = value.as_ref().map(|value| value.bytes.clone());
        self.keep(key, value, span, ticket);
        Ok(bytes)
    }

    /// Runs the loader and tells level 2 what it brought, unless that may be outdated.
    async fn loaded<E, F>(&self, key: &Key, ticket: Ticket, load: F) -> Result<Option<Value>, E>
    where
        F: AsyncFnOnce() -> Result<Option<Value>, E>,
    {
        let counters = self.counters.of(key.kind());
        count(&counters.loads);
        let loaded = load().await.inspect_err(|_| count(&counters.load_errors));
        if let Ok(value) = &loaded
            && self.epochs.holds(key, ticket)
        {
            self.tell_level2(self.stored(key, value.as_ref()).into_iter().collect()).await;
        }
        if key.kind().is_costly() {
            self.resign(key).await;
        }
        loaded
    }

    /// Makes a new entry for one that is stale.
    async fn renew<E, F, L>(self: &Arc<Self>, key: &Key, old: &Entry, load: F)
    where
        F: FnOnce() -> L,
        L: Future<Output = Result<Option<Value>, E>>,
    {
        let ticket = self.epochs.ticket(key);
        if let Some((value, span)) = self.fresh_in_level2(key).await {
            count(&self.counters.of(key.kind()).renewals);
            return self.keep(key, value, span, ticket);
        }
        if key.kind().is_costly() && !self.leads(key).await {
            return old.renewal_failed();
        }
        match self.loaded(key, ticket, async move || load().await).await {
            Ok(value) => {
                count(&self.counters.of(key.kind()).renewals);
                let span = self.lifetimes.span(key, value.is_some());
                self.keep(key, value, span, ticket);
            }
            Err(_) => old.renewal_failed(),
        }
    }

    async fn fresh_in_level2(&self, key: &Key) -> Option<(Option<Value>, Span)> {
        let found = self.ask_level2(key).await?;
        let span = self.span_of(&found);
        (!span.fresh.is_zero()).then(|| (found.value.map(Packed::into_value), span))
    }

    /// Whether this process is the one to load; also when nobody can say.
    async fn leads(&self, key: &Key) -> bool {
        match &self.level2 {
            Some(level2) if !self.lead.is_zero() => {
                self.note(level2.lead(key, self.lead).await).unwrap_or(true)
            }
            _ => true,
        }
    }

    async fn resign(&self, key: &Key) {
        if let Some(level2) = self.level2.as_ref().filter(|_| !self.lead.is_zero()) {
            self.note(level2.resign(key).await);
        }
    }

    /// What another process makes, if it appears in time.
    async fn wait_for_level2(&self, key: &Key) -> Option<(Option<Value>, Span)> {
        let (mut pause, mut waited) = (FIRST_PAUSE, Duration::ZERO);
        while waited < self.lead {
            tokio::time::sleep(pause.min(self.lead.saturating_sub(waited))).await;
            waited += pause;
            pause *= 2;
            if let Some(made) = self.fresh_in_level2(key).await {
                return Some(made);
            }
        }
        None
    }
}
