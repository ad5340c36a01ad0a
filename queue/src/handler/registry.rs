//! The one list of everything a worker can do.

use super::{Context, Handler, Work, run};
use crate::{BatchLimits, Draws, Job, KindRange, Lease, RetryPolicy, Settlement};
use futures::future::BoxFuture;
use std::{collections::BTreeMap, fmt, marker::PhantomData, sync::Arc, time::Duration};

/// What a worker must know of a kind to claim and schedule it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KindInfo {
    /// [`Job::KIND`].
    pub kind: &'static str,
    /// [`Job::VERSION`].
    pub version: u16,
    /// [`Job::QUEUE`].
    pub queue: &'static str,
    /// [`Job::RETRY`].
    pub retry: RetryPolicy,
    /// [`Job::TIMEOUT`].
    pub timeout: Duration,
    /// Bounds of one call; [`BatchLimits::ONE`] for handlers of single jobs.
    pub batch: BatchLimits,
    /// Whether a call takes many jobs.
    pub batched: bool,
}

impl KindInfo {
    fn of<W: Work>() -> Self {
        Self {
            kind: W::Job::KIND,
            version: W::Job::VERSION,
            queue: W::Job::QUEUE,
            retry: W::Job::RETRY,
            timeout: W::Job::TIMEOUT,
            batch: if W::BATCHED { W::Job::BATCH } else { BatchLimits::ONE },
            batched: W::BATCHED,
        }
    }

    /// The range of versions to claim.
    pub fn range(&self) -> KindRange {
        KindRange { kind: self.kind.to_owned(), max_version: self.version }
    }
}

/// Which handler performs which kind.
#[derive(Clone, Default)]
pub struct Registry(BTreeMap<&'static str, Entry>);

#[derive(Clone)]
struct Entry {
    info: KindInfo,
    handler: Arc<dyn Erased>,
}

impl Registry {
    /// Adds the handler of a kind.
    ///
    /// # Panics
    /// When the kind has a handler already: a mistake in the list itself.
    #[must_use]
    pub fn register<H: Handler>(mut self, handler: H) -> Self {
        let info = KindInfo::of::<H::Work>();
        let entry = Entry { info, handler: Arc::new(Typed(handler, PhantomData)) };
        let previous = self.0.insert(info.kind, entry);
        assert!(previous.is_none(), "job kind {:?} is registered twice", info.kind);
        self
    }

    /// Every kind, by name.
    pub fn kinds(&self) -> impl Iterator<Item = &KindInfo> {
        self.0.values().map(|entry| &entry.info)
    }

    /// One kind.
    pub fn kind(&self, kind: &str) -> Option<&KindInfo> {
        self.0.get(kind).map(|entry| &entry.info)
    }

    /// Performs leased jobs of one kind, one call for a batch handler, else one call a job, one after the other.
    /// Gives exactly one settlement for each lease. Undecodable payloads are discarded alone. Never panics, never fails;
    /// dropping the future abandons the leases.
    ///
    /// # Panics
    /// When `kind` is not registered: only registered kinds are claimed.
    pub fn run(
        &self,
        kind: &str,
        leases: Vec<Lease>,
        context: Context,
        draws: Arc<Draws>,
    ) -> BoxFuture<'static, Vec<Settlement>> {
        let entry =
            self.0.get(kind).unwrap_or_else(|| panic!("job kind {kind:?} was claimed but is not registered"));
        Arc::clone(&entry.handler).run(leases, context, draws)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// A handler whose kind was forgotten.
trait Erased: Send + Sync {
    fn run(
        self: Arc<Self>,
        leases: Vec<Lease>,
        context: Context,
        draws: Arc<Draws>,
    ) -> BoxFuture<'static, Vec<Settlement>>;
}

struct Typed<H>(H, PhantomData<fn() -> H>);

impl<H: Handler> Erased for Typed<H> {
    fn run(
        self: Arc<Self>,
        leases: Vec<Lease>,
        context: Context,
        draws: Arc<Draws>,
    ) -> BoxFuture<'static, Vec<Settlement>> {
        Box::pin(async move { run::run(&self.0, leases, &context, &draws).await })
    }
}
