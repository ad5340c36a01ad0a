//! Loading what is missing: once in this process, and where it is costly once in all of them.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::inner::{Inner, Look, Unkept};
use crate::entry::{Entry, Span};
use crate::epochs::Ticket;
use crate::statistics::count;
use crate::{Cache, Key, Packed, Value};

/// First pause between looks at what another process makes; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// The loader's error. All who waited for the same load share it; nothing is kept, so the next look-up loads again.
#[derive(Debug, thiserror::Error)]
#[error("loading a cache entry: {0}")]
pub struct LoadError<E: Error + 'static>(#[source] pub Arc<E>);

/// Why a load kept nothing.
enum NotKept<E> {
    Unkept(Option<Packed>),
    Failed(Arc<E>),
}

impl<E> From<Unkept> for NotKept<E> {
    fn from(Unkept(value): Unkept) -> Self {
        Self::Unkept(value)
    }
}

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
        match self.inner.fresh_or_removed(key).await {
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
        let mut look = inner.look(key).await;
        if matches!(look, Look::Nothing) {
            let ticket = inner.epochs.ticket(key);
            if let Some(found) = inner.ask_level2(key).await {
                let span = inner.span_of(&found);
                let value = found.value.as_ref().map(Packed::unpack);
                inner.keep(key, found.value, span, ticket).await;
                if !span.fresh.is_zero() {
                    count(&inner.counters.of(key.kind()).misses);
                    return Ok(value);
                }
                look = inner.look(key).await;
            }
        }
        match look {
            Look::Fresh(entry) => Ok(inner.hit(key, &entry)),
            Look::Stale(entry) => {
                count(&inner.counters.of(key.kind()).stale_hits);
                let value = inner.hit(key, &entry);
                if entry.begin_renewal() {
                    let (inner, key) = (Arc::clone(inner), key.clone());
                    tokio::spawn(async move { inner.renew(&key, &entry, load).await });
                }
                Ok(value)
            }
            Look::Nothing => inner.load(key, async move || load().await).await,
        }
    }
}

impl Inner {
    async fn load<E, F>(&self, key: &Key, load: F) -> Result<Option<Bytes>, LoadError<E>>
    where
        E: Error + Send + Sync + 'static,
        F: AsyncFnOnce() -> Result<Option<Value>, E>,
    {
        let ticket = self.epochs.ticket(key);
        match self.level1.map.entry_by_ref(key).or_try_insert_with(self.bring(key, ticket, load)).await {
            Ok(entry) if entry.is_fresh() => {
                // Invalidated between the last look and the insert: this is the second look.
                self.drop_if_outdated(key, ticket).await;
                Ok(entry.into_value().bytes())
            }
            Ok(entry) => Ok(self.hit(key, entry.value())),
            Err(reason) => match &*reason {
                NotKept::Unkept(value) => Ok(value.as_ref().map(Packed::unpack)),
                NotKept::Failed(error) => Err(LoadError(error.clone())),
            },
        }
    }

    /// What moka runs for one of all who ask: second level, then the loader.
    async fn bring<E, F>(&self, key: &Key, ticket: Ticket, load: F) -> Result<Entry, NotKept<E>>
    where
        F: AsyncFnOnce() -> Result<Option<Value>, E>,
    {
        count(&self.counters.of(key.kind()).misses);
        let made = match self.fresh_in_level2(key).await {
            Some(made) => Some(made),
            None if key.kind().is_costly() && !self.leads(key).await => self.wait_for_level2(key).await,
            None => None,
        };
        if let Some((value, span)) = made {
            return Ok(self.make(key, value, span, ticket).await?);
        }
        let value = self.loaded(key, ticket, load).await.map_err(|error| NotKept::Failed(Arc::new(error)))?;
        let span = self.lifetimes.span(key, value.is_some());
        Ok(self.make(key, value, span, ticket).await?)
    }

    /// Runs the loader and tells level 2 what it brought, unless that may be outdated.
    async fn loaded<E, F>(&self, key: &Key, ticket: Ticket, load: F) -> Result<Option<Packed>, E>
    where
        F: AsyncFnOnce() -> Result<Option<Value>, E>,
    {
        let counters = self.counters.of(key.kind());
        count(&counters.loads);
        let loaded = load().await.inspect_err(|_| count(&counters.load_errors));
        let loaded = loaded.map(|value| Some(Packed::new(value?, self.compress_above)));
        if let Ok(value) = &loaded
            && self.epochs.holds(key, ticket)
        {
            self.tell_level2(self.stored(key, value.clone()).into_iter().collect()).await;
        }
        if key.kind().is_costly() {
            self.resign(key).await;
        }
        loaded
    }

    /// Makes a new entry for one that is stale.
    async fn renew<E, F, L>(&self, key: &Key, old: &Entry, load: F)
    where
        F: FnOnce() -> L,
        L: Future<Output = Result<Option<Value>, E>>,
    {
        let ticket = self.epochs.ticket(key);
        if let Some((value, span)) = self.fresh_in_level2(key).await {
            return self.keep(key, value, span, ticket).await;
        }
        if key.kind().is_costly() && !self.leads(key).await {
            return old.renewal_failed();
        }
        match self.loaded(key, ticket, async move || load().await).await {
            Ok(value) => {
                let span = self.lifetimes.span(key, value.is_some());
                self.keep(key, value, span, ticket).await;
            }
            Err(_) => old.renewal_failed(),
        }
    }

    async fn fresh_in_level2(&self, key: &Key) -> Option<(Option<Packed>, Span)> {
        let found = self.ask_level2(key).await?;
        let span = self.span_of(&found);
        (!span.fresh.is_zero()).then_some((found.value, span))
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
    async fn wait_for_level2(&self, key: &Key) -> Option<(Option<Packed>, Span)> {
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
