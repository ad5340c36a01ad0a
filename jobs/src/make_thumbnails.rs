//! `make_thumbnails`: cuts product images to size.

use crate::{Tools, failure};
use backstock_catalog::{Catalog, DirtyKind, ImageResult};
use backstock_cpu::CpuPool;
use backstock_media::{
    FetchError, Fetched, LocalImages, Made, MediaError, Next, RemoteImages, Thumbnailer, is_remote,
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
    const BATCH: BatchLimits = BatchLimits::up_to(64, Duration::from_secs(2)).with_load(PIXELS, CALL_PIXELS);
}

/// Counter of its group: images that were looked at.
pub const IMAGES: &str = "images";
/// Counter of its group: thumbnail files in place.
pub const THUMBNAILS: &str = "thumbnails";
/// Counter of its group: images without thumbnails because they are unusable.
pub const IMAGES_FAILED: &str = "images_failed";

/// Counter of its group: pixels of the sources that were decoded, by their headers.
pub const PIXELS: &str = "pixels";
/// Pixels that one call should not exceed: 64 photos of a shop, or a few of a camera.
const CALL_PIXELS: u64 = 256_000_000;

/// Fetched pictures in memory at a time, each at most as long as the limit on files.
const FETCHES: usize = 16;

/// Handler of [`MakeThumbnails`]. Idempotent: files are named by their content, results replace results. An image that
/// will never work is a warning on its products and completes the job; what may pass is retried, alone. A host that asks to be
/// left alone, or fails too often, snoozes its images without burning attempts.
pub struct ThumbnailMaker {
    catalog: Arc<Catalog>,
    thumbnailer: Arc<Thumbnailer>,
    remote: Arc<RemoteImages>,
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
            remote: Arc::clone(&tools.remote),
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
            Ok(Made { manifest, pixels, .. }) => {
                item.tally(THUMBNAILS, manifest.outputs.len() as i64);
                item.tally(PIXELS, i64::try_from(pixels).unwrap_or(i64::MAX));
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
    async fn local(&self, job: &MakeThumbnails) -> Result<Made, Unmade> {
        let (thumbnailer, images, link) =
            (Arc::clone(&self.thumbnailer), job.images.clone(), job.link.clone());
        let cut = move || thumbnailer.make_file(LocalImages::open(images)?.resolve(&link)?);
        let made = self.cpu.run(cut).await.map_err(Unmade::lost)?;
        Ok(told(&job.link, made?))
    }

    async fn remote(&self, url: &str) -> Result<Made, Unmade> {
        let _held_until_the_end = self.fetches.acquire().await.map_err(Unmade::lost)?;
        let (remote, thumbnailer, link) =
            (Arc::clone(&self.remote), Arc::clone(&self.thumbnailer), url.to_owned());
        let ask = move || {
            let known = thumbnailer.remembered(&link);
            let fetched = remote.fetch(&link, known.as_ref().map(|(validators, _)| validators))?;
            Ok::<_, FetchError>((fetched, known))
        };
        let (bytes, validators) = match spawn_blocking(ask).await.map_err(Unmade::lost)?? {
            (Fetched::Unchanged, Some((_, manifest))) => return Ok(Made::reused(manifest)),
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

/// What it took goes to the log.
fn told(link: &str, made: Made) -> Made {
    if !made.reused {
        let (pixels, memory_bytes) = (made.pixels, made.memory_bytes);
        tracing::debug!(link, pixels, memory_bytes, "thumbnails made");
    }
    made
}

impl Handler for ThumbnailMaker {
    type Work = Batch<MakeThumbnails>;

    async fn handle(&self, batch: &mut Batch<MakeThumbnails>, _: &Context) -> Result<(), JobError> {
        join_all(batch.iter_mut().map(|item| self.perform(item))).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
