//! `make_thumbnails`: cuts product images to size.

use crate::sweep_dirty::is_remote;
use crate::{Tools, failure};
use backstock_catalog::{Catalog, DirtyKind, ImageResult};
use backstock_cpu::CpuPool;
use backstock_media::{
    FetchError, Fetched, HttpImages, LocalImages, Made, Manifest, MediaError, Next, Thumbnailer,
};
use backstock_queue::{Batch, BatchLimits, Context, Handler, Item, Job, JobError};
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Makes all sizes of one product image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeThumbnails {
    /// The image as the product names it: a path below `images`, or a URL.
    pub link: String,
    /// Folder that a path starts from; empty for a URL.
    #[serde(default)]
    pub images: PathBuf,
}

impl Job for MakeThumbnails {
    const KIND: &'static str = "make_thumbnails";
    const QUEUE: &'static str = "images";
    const TIMEOUT: Duration = Duration::from_mins(10);
    const BATCH: BatchLimits = BatchLimits::up_to(64, Duration::from_secs(2));
}

/// Counter of its group: images that were looked at.
pub const IMAGES: &str = "images";
/// Counter of its group: thumbnail files in place.
pub const THUMBNAILS: &str = "thumbnails";
/// Counter of its group: images without thumbnails because they are unusable.
pub const IMAGES_FAILED: &str = "images_failed";

/// Fetched pictures in memory at a time, each at most as long as the limit on files.
const FETCHES: usize = 16;

/// Handler of [`MakeThumbnails`]. Idempotent: files are named by their content, results replace results. An image that
/// will never work is a warning on its products and completes the job; what may pass is retried, alone. A host that asks to be
/// left alone, or fails too often, snoozes its images without burning attempts.
pub struct ThumbnailMaker {
    catalog: Arc<Catalog>,
    thumbnailer: Arc<Thumbnailer>,
    fetch: Option<Arc<HttpImages>>,
    fetches: Semaphore,
    cpu: CpuPool,
}

/// Why there are no thumbnails.
enum Unmade {
    /// Another time, as the error says.
    Later(JobError),
    /// Never; a warning on the products.
    Unusable { code: &'static str, reason: String },
}

impl From<MediaError> for Unmade {
    fn from(error: MediaError) -> Self {
        if error.is_transient() {
            return Self::Later(failure::media(error));
        }
        Self::Unusable { code: error.code(), reason: error.to_string() }
    }
}

impl From<FetchError> for Unmade {
    fn from(error: FetchError) -> Self {
        match error.next() {
            Next::Wait(wait) => Self::Later(JobError::snooze(wait)),
            Next::Retry => Self::Later(JobError::retry(error)),
            Next::GiveUp => Self::Unusable { code: error.code(), reason: error.to_string() },
        }
    }
}

impl Unmade {
    /// A thread that was lost: it panicked, or the process is ending.
    fn lost(error: impl std::fmt::Display) -> Self {
        Self::Later(JobError::retry(error))
    }
}

impl ThumbnailMaker {
    pub(crate) fn new(tools: &Tools) -> Self {
        Self {
            catalog: Arc::clone(&tools.catalog),
            thumbnailer: Arc::clone(&tools.thumbnailer),
            fetch: tools.fetch.clone(),
            fetches: Semaphore::new(FETCHES),
            cpu: tools.cpu.clone(),
        }
    }

    async fn perform(&self, item: &mut Item<MakeThumbnails>) {
        match self.make(item).await {
            Ok(()) => item.complete(),
            Err(error) => item.fail(error),
        }
    }

    async fn make(&self, item: &mut Item<MakeThumbnails>) -> Result<(), JobError> {
        let links = [item.link.clone()];
        let marks = self.catalog.dirty_of(DirtyKind::Image, &links).await.map_err(failure::catalog)?;
        let made = if is_remote(&item.link) { self.remote(&item.link).await } else { self.local(item).await };
        let result = match made {
            Ok(manifest) => {
                item.tally(THUMBNAILS, manifest.outputs.len() as i64);
                ImageResult::Done {
                    content_hash: manifest.source_hash.clone(),
                    manifest: serde_json::to_value(&manifest).map_err(JobError::discard)?,
                }
            }
            Err(Unmade::Later(error)) => return Err(error),
            Err(Unmade::Unusable { code, reason }) => {
                tracing::warn!(link = item.link, code, reason, "image is unusable");
                item.tally(IMAGES_FAILED, 1);
                ImageResult::Failed { code: code.to_owned() }
            }
        };
        item.tally(IMAGES, 1);
        self.catalog.set_image_result(&item.link, &result).await.map_err(failure::catalog)?;
        self.catalog.clear_dirty(DirtyKind::Image, &marks).await.map_err(failure::catalog)?;
        Ok(())
    }
}

impl ThumbnailMaker {
    async fn local(&self, job: &MakeThumbnails) -> Result<Manifest, Unmade> {
        let (thumbnailer, images, link) =
            (Arc::clone(&self.thumbnailer), job.images.clone(), job.link.clone());
        let cut = move || thumbnailer.make_file(LocalImages::open(images)?.resolve(&link)?);
        let made = self.cpu.run(cut).await.map_err(Unmade::lost)?;
        Ok(told(&job.link, made?))
    }

    async fn remote(&self, url: &str) -> Result<Manifest, Unmade> {
        let Some(fetch) = self.fetch.clone() else {
            let reason = "fetching is off; `media.fetch.enabled` turns it on".to_owned();
            return Err(Unmade::Unusable { code: "fetching_is_off", reason });
        };
        let _held_until_the_end = self.fetches.acquire().await.map_err(Unmade::lost)?;
        let (thumbnailer, link) = (Arc::clone(&self.thumbnailer), url.to_owned());
        let ask = move || {
            let known = thumbnailer.remembered(&link);
            let fetched = fetch.fetch(&link, known.as_ref().map(|(validators, _)| validators))?;
            Ok::<_, FetchError>((fetched, known))
        };
        let (bytes, validators) = match spawn_blocking(ask).await.map_err(Unmade::lost)?? {
            (Fetched::Unchanged, Some((_, manifest))) => return Ok(manifest),
            (Fetched::Unchanged, None) => {
                return Err(FetchError::Refused { status: 304 }.into());
            }
            (Fetched::New { bytes, validators }, _) => (bytes, validators),
        };
        let (thumbnailer, link) = (Arc::clone(&self.thumbnailer), url.to_owned());
        let cut = move || {
            let made = thumbnailer.make(&bytes)?;
            thumbnailer.remember(&link, &validators, &made.manifest)?;
            Ok::<_, MediaError>(made)
        };
        let made = self.cpu.run(cut).await.map_err(Unmade::lost)?;
        Ok(told(url, made?))
    }
}

/// The manifest; what it took goes to the log.
fn told(link: &str, made: Made) -> Manifest {
    if !made.reused {
        let (pixels, memory_bytes) = (made.pixels, made.memory_bytes);
        tracing::debug!(link, pixels, memory_bytes, "thumbnails made");
    }
    made.manifest
}

impl Handler for ThumbnailMaker {
    type Work = Batch<MakeThumbnails>;

    async fn handle(&self, batch: &mut Batch<MakeThumbnails>, _: &Context) -> Result<(), JobError> {
        join_all(batch.iter_mut().map(|item| self.perform(item))).await;
        Ok(())
    }
}
