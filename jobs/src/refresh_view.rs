//! `refresh_view`: brings summary views up to date.

use crate::{Tools, failure};
use backstock_catalog::{Catalog, RefreshMode};
use backstock_queue::{Context, Handler, Job, JobError, One};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// Brings one summary view up to date, or all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshView {
    /// Name of the view, or `all`.
    pub view: String,
    /// Changed groups, or every group.
    pub mode: RefreshMode,
}

impl Job for RefreshView {
    const KIND: &'static str = "refresh_view";
    const QUEUE: &'static str = "views";
    const TIMEOUT: Duration = Duration::from_mins(30);
}

/// Counter of its group: views in which at least one group was computed again.
pub const VIEWS_REFRESHED: &str = "views_refreshed";

/// Handler of [`RefreshView`]. Running it twice finds nothing to do the second time.
pub struct ViewRefresher {
    catalog: Arc<Catalog>,
}

impl ViewRefresher {
    pub(crate) fn new(tools: &Tools) -> Self {
        Self { catalog: Arc::clone(&tools.catalog) }
    }
}

impl Handler for ViewRefresher {
    type Work = One<RefreshView>;

    async fn handle(&self, job: &mut One<RefreshView>, _: &Context) -> Result<(), JobError> {
        let views: Vec<&str> = match job.view.as_str() {
            "all" => Catalog::views().collect(),
            one => Catalog::views().filter(|view| *view == one).collect(),
        };
        if views.is_empty() {
            let known: Vec<&str> = Catalog::views().collect();
            return Err(JobError::discard(format!(
                "there is no view {:?}; there are {}",
                job.view,
                known.join(", ")
            )));
        }
        let mode = job.mode;
        for view in views {
            let report = self.catalog.refresh_view(view, mode).await.map_err(failure::catalog)?;
            if report.keys > 0 {
                job.tally(VIEWS_REFRESHED, 1);
            }
            tracing::debug!(view, keys = report.keys, rows = report.rows, mode = ?report.mode, "view refreshed");
        }
        Ok(())
    }
}
