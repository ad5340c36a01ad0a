//! `refresh_view`: brings views up to date.

use crate::{Tools, failure};
use backstock_catalog::{Catalog, CatalogError, RefreshMode, RefreshReport};
use backstock_queue::{Context, Handler, Job, JobError, One, Unique};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// Brings one view up to date, or every one that is stale and whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshView {
    /// Name of the view, or `all`.
    pub view: String,
    /// What changed, or everything.
    pub mode: RefreshMode,
    /// Whether requests for the same view become one: however many come while it waits or runs, it runs once more.
    /// Without, each is a job of its own, which somebody may be waiting for.
    #[serde(default)]
    pub coalesced: bool,
}

impl RefreshView {
    /// Every view that is stale and due; asked for as often as one likes.
    pub fn stale() -> Self {
        Self { view: ALL.to_owned(), mode: RefreshMode::Incremental, coalesced: true }
    }
}

/// The name that stands for all views.
const ALL: &str = "all";

impl Job for RefreshView {
    const KIND: &'static str = "refresh_view";
    const QUEUE: &'static str = "views";
    // Views of a large catalog take as long as they take; each has a limit of its own.
    const TIMEOUT: Duration = Duration::from_hours(6);

    fn unique(&self) -> Option<Unique> {
        self.coalesced.then(|| Unique::coalesced(format!("{}:{:?}", self.view, self.mode)))
    }
}

/// Counter of its group: views of which something was computed again.
pub const VIEWS_REFRESHED: &str = "views_refreshed";

/// Handler of [`RefreshView`]. Running it twice finds nothing to do the second time.
pub struct ViewRefresher {
    catalog: Arc<Catalog>,
}

impl ViewRefresher {
    pub(crate) fn new(tools: &Tools) -> Self {
        Self { catalog: Arc::clone(&tools.catalog) }
    }

    async fn refresh(
        &self,
        job: &RefreshView,
    ) -> Result<Vec<(String, Result<RefreshReport, CatalogError>)>, JobError> {
        if job.view == ALL {
            return self.catalog.refresh_views(job.mode).await.map_err(failure::catalog);
        }
        Ok(vec![(job.view.clone(), self.catalog.refresh_view(&job.view, job.mode).await)])
    }
}

impl Handler for ViewRefresher {
    type Work = One<RefreshView>;

    async fn handle(&self, job: &mut One<RefreshView>, _: &Context) -> Result<(), JobError> {
        let mut failed = None;
        for (view, refreshed) in self.refresh(job).await? {
            match refreshed {
                Ok(report) => {
                    if report.worked() {
                        job.tally(VIEWS_REFRESHED, 1);
                    }
                    tracing::debug!(view, done = ?report.done, keys = report.keys, rows = report.rows, "view refreshed");
                }
                Err(error) => {
                    tracing::warn!(view, %error, "view not refreshed");
                    // What may pass is tried again first: the others are fresh then.
                    if failed.as_ref().is_none_or(|known: &CatalogError| !known.is_transient()) {
                        failed = Some(error);
                    }
                }
            }
        }
        failed.map_or(Ok(()), |error| Err(failure::catalog(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backstock_queue::{
        Claim, KindRange, MemoryStore, NewJob, Outcome, PriorityOrder, Settlement, Store, SystemClock,
        WorkerId, WorkerInfo,
    };

    /// Events of one storm.
    const STORM: usize = 10_000;

    async fn storm(store: &MemoryStore) {
        for _ in 0..STORM / 100 {
            let events = (0..100).map(|_| NewJob::of(&RefreshView::stale()).unwrap());
            store.enqueue(events.collect()).await.unwrap();
        }
    }

    fn claim(worker: &WorkerId) -> Claim {
        Claim {
            worker: worker.clone(),
            queue: RefreshView::QUEUE.to_owned(),
            kinds: vec![KindRange { kind: RefreshView::KIND.to_owned(), max_version: RefreshView::VERSION }],
            max: 100,
            lease_for: Duration::from_hours(1),
            order: PriorityOrder::Strict { aging: Duration::ZERO },
            draw: 0,
        }
    }

    #[tokio::test]
    async fn a_storm_of_ten_thousand_changes_causes_at_most_two_runs() {
        let store = MemoryStore::new(Arc::new(SystemClock));
        let worker = WorkerId::generate("w");
        let (kinds, patience) = (claim(&worker).kinds, Duration::from_hours(9));
        let info = WorkerInfo { id: worker.clone(), host: "h".into(), pid: 1, kinds, patience };
        store.check_in(&info).await.unwrap();
        storm(&store).await;
        let mut runs = 0;
        loop {
            let leases = store.claim(&claim(&worker)).await.unwrap().leases;
            let Some(lease) = leases.first() else { break };
            assert_eq!(leases.len(), 1);
            runs += 1;
            if runs == 1 {
                storm(&store).await;
            }
            let settlement = Settlement::new(lease.key(), Outcome::Complete);
            store.settle(vec![settlement]).await.unwrap();
        }
        assert_eq!(runs, 2, "one for what came before it began, one for what came while it ran");
    }
}
