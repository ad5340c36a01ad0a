//! `count_popularity`: counts what was asked for since the last time, then warms the cache by it.

use crate::warm_cache::WarmCache;
use crate::{Tools, failure};
use backstock_catalog::delivery::{FileCode, Limits};
use backstock_catalog::{
    Catalog, CountOutcome, CountedSource, RequestReadOptions, TableRequests, read_requests,
};
use backstock_queue::{Clock, Context, Handler, Job, JobError, One, Store, StoreExt, SystemClock, Unique};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Counts the requests (orders, views) of the file and the table that the configuration names, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountPopularity {}

impl Job for CountPopularity {
    const KIND: &'static str = "count_popularity";
    const QUEUE: &'static str = "maintenance";
    const TIMEOUT: Duration = Duration::from_hours(1);

    fn unique(&self) -> Option<Unique> {
        Some(Unique::coalesced("all"))
    }
}

/// Where requests are counted from. Default: nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountSettings {
    /// How long until a request is worth half. Default 28 days.
    pub half_life: Duration,
    /// A file that is counted whenever its content is new.
    pub file: Option<PathBuf>,
    /// Whether the file holds all there ever was, so that it takes the place of what was counted before.
    pub replaces: bool,
    /// Bounds on the file.
    pub limits: Limits,
    /// A table of the catalog's PostgreSQL database.
    pub table: Option<TableRequests>,
}

impl Default for CountSettings {
    fn default() -> Self {
        Self {
            half_life: Duration::from_hours(28 * 24),
            file: None,
            replaces: false,
            limits: Limits::default(),
            table: None,
        }
    }
}

/// Handler of [`CountPopularity`]. Idempotent: a file is counted once by its content, a row of the table by its time.
pub struct PopularityCounter {
    catalog: Arc<Catalog>,
    store: Arc<dyn Store>,
    settings: CountSettings,
}

impl PopularityCounter {
    pub(crate) fn new(tools: &Tools) -> Self {
        Self {
            catalog: Arc::clone(&tools.catalog),
            store: Arc::clone(&tools.store),
            settings: tools.count.clone(),
        }
    }

    async fn count_file(&self, file: PathBuf, now_ms: i64) -> Result<CountOutcome, JobError> {
        let CountSettings { half_life, replaces, limits, .. } = self.settings;
        let options = RequestReadOptions { mapping: BTreeMap::new(), at_ms: now_ms, half_life, limits };
        let reading = tokio::task::spawn_blocking(move || read_requests(&file, &options));
        let read = match reading.await.map_err(JobError::retry)? {
            Ok(read) => read,
            // Not there yet: perhaps at the next slot.
            Err(error) if error.code == FileCode::NotFound => {
                tracing::warn!(%error, "no requests counted");
                return Ok(CountOutcome { repeated: true, ..CountOutcome::default() });
            }
            Err(error) if error.is_transient() => return Err(JobError::retry(error)),
            Err(error) => return Err(JobError::discard(error)),
        };
        if let Some(first) = read.report.bad_rows.first() {
            let (rows, bad, line, code) = (read.report.rows, read.report.bad, first.line, first.code);
            tracing::warn!(file = %read.report.file.display(), rows, bad, line, code, "rows were not counted");
        }
        let source = CountedSource {
            id: read.report.fingerprint,
            name: read.report.file.display().to_string(),
            replaces,
        };
        self.catalog.count_requests(&source, &read.counts).await.map_err(failure::catalog)
    }
}

impl Handler for PopularityCounter {
    type Work = One<CountPopularity>;

    async fn handle(&self, _: &mut One<CountPopularity>, _: &Context) -> Result<(), JobError> {
        self.count(SystemClock.now().as_millis()).await
    }
}

impl PopularityCounter {
    /// Counts all there is; what is new is worth a warm-up.
    async fn count(&self, now_ms: i64) -> Result<(), JobError> {
        let mut outcomes = Vec::new();
        if let Some(file) = self.settings.file.clone() {
            outcomes.push(("file", self.count_file(file, now_ms).await?));
        }
        if let Some(table) = &self.settings.table {
            outcomes
                .push(("table", self.catalog.count_table(table, now_ms).await.map_err(failure::catalog)?));
        }
        let mut is_new = false;
        for (from, CountOutcome { repeated, products, unknown, requests }) in outcomes {
            is_new |= !repeated && requests > 0;
            tracing::info!(from, repeated, products, unknown, requests, "requests counted");
        }
        if is_new {
            self.store.push(&WarmCache { cold: true }).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
