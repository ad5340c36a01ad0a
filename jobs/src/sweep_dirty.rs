//! `sweep_dirty`: gives a job to everything that is due and has none.

use crate::backfill::Backfill;
use crate::embed_products::EmbedProduct;
use crate::make_thumbnails::MakeThumbnails;
use crate::warm_cache::WarmCache;
use crate::{Tools, failure};
use backstock_catalog::{Catalog, Dirty, DirtyKind};
use backstock_media::{RemoteImages, is_remote};
use backstock_queue::{
    Context, GroupId, Handler, Job, JobError, JobId, NewGroup, NewJob, One, Store, Unique,
};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// Marks what has no vector under the present model, then looks through the dirty sets for texts and images and enqueues
/// what is there, under ids that belong to the dirty marks: what has a job already is not enqueued again. Once all of it is
/// done, the new state of the catalog is published.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepDirty {}

impl Job for SweepDirty {
    const KIND: &'static str = "sweep_dirty";
    const QUEUE: &'static str = "maintenance";
    const TIMEOUT: Duration = Duration::from_hours(1);

    fn unique(&self) -> Option<Unique> {
        Some(Unique::coalesced("all"))
    }
}

/// Handler of [`SweepDirty`].
pub struct Sweeper {
    fan_out: FanOut,
    backfill: Backfill,
    catalog: Arc<Catalog>,
    store: Arc<dyn Store>,
}

impl Sweeper {
    pub(crate) fn new(tools: &Tools) -> Self {
        Self {
            fan_out: FanOut::new(tools),
            backfill: Backfill::new(tools),
            catalog: Arc::clone(&tools.catalog),
            store: Arc::clone(&tools.store),
        }
    }
}

impl Handler for Sweeper {
    type Work = One<SweepDirty>;

    async fn handle(&self, job: &mut One<SweepDirty>, context: &Context) -> Result<(), JobError> {
        self.backfill.mark_missing(context).await?;
        let counts = self.catalog.dirty_counts().await.map_err(failure::catalog)?;
        if counts.iter().all(|(_, waiting)| *waiting == 0) {
            return Ok(());
        }
        // The import that left these marks does not wait for the jobs that they get here, and what they change would stay
        // unpublished. Run twice, it is the same group.
        let group = GroupId::named(MARKS, &job.id().to_string());
        let follow_up = Some(NewJob::of(&WarmCache::default())?);
        let name = "sweep: images, texts".to_owned();
        let jobs = Vec::new();
        self.store
            .open_group(NewGroup { id: group, name, parent: None, follow_up, jobs, sealed: false })
            .await?;
        self.fan_out.everything(Behalf { group: Some(group), supplier: None }, context).await?;
        self.store.seal_group(group).await?;
        Ok(())
    }
}

/// For whom jobs are enqueued.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Behalf<'a> {
    /// The group they join.
    pub(crate) group: Option<GroupId>,
    /// Their fairness key.
    pub(crate) supplier: Option<&'a str>,
}

/// Turns dirty marks into jobs. The id of a job is made from the mark and its generation, so that asking twice is safe
/// and a mark that changed again gets a job again.
#[derive(Clone)]
pub(crate) struct FanOut {
    catalog: Arc<Catalog>,
    store: Arc<dyn Store>,
    remote: Arc<RemoteImages>,
}

/// Marks read at a time, jobs enqueued at a time.
const PAGE: u32 = 1000;

/// Namespace of the ids (UUID version 5).
const MARKS: Uuid = Uuid::from_u128(0x6d5a_0a4e_52a1_4a5c_9a58_0c5b_8f1e_7d21);

impl FanOut {
    pub(crate) fn new(tools: &Tools) -> Self {
        Self {
            catalog: Arc::clone(&tools.catalog),
            store: Arc::clone(&tools.store),
            remote: Arc::clone(&tools.remote),
        }
    }

    /// Enqueues a job for every dirty text and every dirty image that can be had.
    pub(crate) async fn everything(&self, behalf: Behalf<'_>, context: &Context) -> Result<(), JobError> {
        let mut after = None;
        loop {
            stop_if_asked(context)?;
            let marks = self
                .catalog
                .dirty(DirtyKind::Text, after.as_deref(), PAGE)
                .await
                .map_err(failure::catalog)?;
            let Some(last) = marks.last() else { break };
            after = Some(last.key.clone());
            self.texts(&marks, behalf).await?;
        }
        let mut after = None;
        loop {
            stop_if_asked(context)?;
            let pending =
                self.catalog.images_pending(after.as_deref(), PAGE).await.map_err(failure::catalog)?;
            let Some(last) = pending.last() else { return Ok(()) };
            after = Some(last.link.clone());
            for image in pending {
                self.images(&[image.link], image.images.as_deref(), behalf).await?;
            }
        }
    }

    /// Enqueues the embedding of these texts.
    pub(crate) async fn texts(&self, marks: &[Dirty], behalf: Behalf<'_>) -> Result<(), JobError> {
        let jobs = marks.iter().map(|mark| {
            let job = NewJob::of(&EmbedProduct { sku: mark.key.clone() })?;
            Ok(identified(job, mark, behalf))
        });
        self.enqueue(jobs.collect()).await
    }

    /// Enqueues the thumbnails of those of `links` that are dirty and can be had: paths where there is a folder, URLs
    /// where they are fetched. Returns how many URLs are left.
    pub(crate) async fn images(
        &self,
        links: &[String],
        folder: Option<&str>,
        behalf: Behalf<'_>,
    ) -> Result<u64, JobError> {
        let (local, remote): (Vec<String>, Vec<String>) =
            links.iter().cloned().partition(|link| !is_remote(link));
        let (taken, left): (Vec<String>, Vec<String>) =
            remote.into_iter().partition(|link| self.remote.takes(link));
        let mut wanted = if folder.is_some() { local } else { Vec::new() };
        wanted.extend(taken);
        let marks = self.catalog.dirty_of(DirtyKind::Image, &wanted).await.map_err(failure::catalog)?;
        let jobs = marks.iter().map(|mark| {
            let images = folder.filter(|_| !is_remote(&mark.key)).unwrap_or_default().into();
            let job = NewJob::of(&MakeThumbnails { link: mark.key.clone(), images })?;
            Ok(identified(job, mark, behalf))
        });
        self.enqueue(jobs.collect()).await?;
        Ok(left.len() as u64)
    }

    async fn enqueue(&self, jobs: Result<Vec<NewJob>, serde_json::Error>) -> Result<(), JobError> {
        let jobs = jobs.map_err(JobError::discard)?;
        if !jobs.is_empty() {
            self.store.enqueue(jobs).await?;
        }
        Ok(())
    }
}

fn identified(job: NewJob, mark: &Dirty, behalf: Behalf<'_>) -> NewJob {
    let id = JobId::named(MARKS, &format!("{}:{}:{}", job.kind, mark.generation, mark.key));
    NewJob { group: behalf.group, fairness_key: behalf.supplier.map(str::to_owned), ..job.with_id(id) }
}

pub(crate) fn stop_if_asked(context: &Context) -> Result<(), JobError> {
    if context.is_stopping() { Err(JobError::snooze(Duration::ZERO)) } else { Ok(()) }
}
