//! `make_thumbnails`: cuts product images to size.

use crate::{Tools, failure};
use backstock_catalog::{Catalog, DirtyKind, ImageResult};
use backstock_cpu::CpuPool;
use backstock_media::{LocalImages, Made, MediaError, Thumbnailer};
use backstock_queue::{Batch, BatchLimits, Context, Handler, Item, Job, JobError};
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Makes all sizes of one product image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeThumbnails {
    /// The image as the product names it: a path below `images`.
    pub link: String,
    /// Folder that `link` starts from.
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

/// Handler of [`MakeThumbnails`]. Idempotent: files are named by their content, results replace results. An image that
/// will never work is a warning on its products and completes the job; what may pass is retried, alone.
pub struct ThumbnailMaker {
    catalog: Arc<Catalog>,
    thumbnailer: Arc<Thumbnailer>,
    cpu: CpuPool,
}

impl ThumbnailMaker {
    pub(crate) fn new(tools: &Tools) -> Self {
        Self {
            catalog: Arc::clone(&tools.catalog),
            thumbnailer: Arc::clone(&tools.thumbnailer),
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
        let (thumbnailer, images, link) =
            (Arc::clone(&self.thumbnailer), item.images.clone(), item.link.clone());
        let made = self.cpu.run(move || cut(&thumbnailer, &images, &link)).await.map_err(JobError::retry)?;
        let result = match made {
            Ok(Made { manifest, .. }) => {
                item.tally(THUMBNAILS, manifest.outputs.len() as i64);
                ImageResult::Done {
                    content_hash: manifest.source_hash.clone(),
                    manifest: serde_json::to_value(&manifest).map_err(JobError::discard)?,
                }
            }
            Err(error) if error.is_transient() => return Err(failure::media(error)),
            Err(error) => {
                tracing::warn!(link = item.link, code = error.code(), %error, "image is unusable");
                item.tally(IMAGES_FAILED, 1);
                ImageResult::Failed { code: error.code().to_owned() }
            }
        };
        item.tally(IMAGES, 1);
        self.catalog.set_image_result(&item.link, &result).await.map_err(failure::catalog)?;
        self.catalog.clear_dirty(DirtyKind::Image, &marks).await.map_err(failure::catalog)?;
        Ok(())
    }
}

impl Handler for ThumbnailMaker {
    type Work = Batch<MakeThumbnails>;

    async fn handle(&self, batch: &mut Batch<MakeThumbnails>, _: &Context) -> Result<(), JobError> {
        join_all(batch.iter_mut().map(|item| self.perform(item))).await;
        Ok(())
    }
}

fn cut(thumbnailer: &Thumbnailer, images: &std::path::Path, link: &str) -> Result<Made, MediaError> {
    thumbnailer.make_file(LocalImages::open(images)?.resolve(link)?)
}
