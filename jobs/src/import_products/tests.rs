use super::*;
use crate::testing;
use backstock_queue::{JobFilter, JobRecord, Page, StoreExt};
use std::future::pending;
use tokio::sync::Notify;

const ROWS: usize = 25;
const BATCH_ROWS: usize = 10;

struct Shop {
    _dir: tempfile::TempDir,
    tools: Tools,
    job: ImportProducts,
}

impl Shop {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("products.csv");
        let row = |n: usize| format!("s{n},Thing {n},1.00,EUR,p/{n}.jpg\n");
        let rows: String = (0..ROWS).map(row).collect();
        std::fs::write(&file, format!("sku,title,price,currency,image_link\n{rows}")).unwrap();
        let tools = testing::tools(dir.path()).await;
        let job = ImportProducts {
            import: Uuid::now_v7(),
            file,
            images: Some(dir.path().join("photos")),
            mapping: BTreeMap::default(),
            full_sync: false,
            rejects: dir.path().join("rejects.csv"),
            supplier: None,
        };
        Self { _dir: dir, tools, job }
    }

    /// Runs the import as far as the commit of its first batch, and is gone before anything follows from it.
    async fn killed_after_the_first_commit(&self) {
        struct Told<'a>(&'a Notify);
        impl ImportObserver for Told<'_> {
            async fn on_batch(
                &mut self,
                _: &Progress,
                _: &DirtyKeys,
            ) -> Result<(), Box<dyn Error + Send + Sync>> {
                self.0.notify_one();
                pending().await
            }
        }
        let committed = Notify::new();
        let request = request(&self.job, &self.tools.import);
        let mut observer = Told(&committed);
        let import = import_delivery(&self.tools.catalog, &request, &mut observer, pending());
        tokio::select! {
            ended = import => panic!("{ended:?}"),
            () = committed.notified() => {}
        }
        let report = self.tools.catalog.import_report(&self.job.import.to_string()).await.unwrap();
        assert_eq!(report.counters.created, BATCH_ROWS as u64);
    }

    /// Runs the import job as a worker does.
    async fn run(&self) {
        self.run_one(&self.job).await;
    }

    /// Runs a job as a worker does.
    async fn run_one<J: Job>(&self, job: &J) {
        self.tools.store.push(job).await.unwrap();
        let settlements = testing::perform::<J>(&self.tools, 1).await;
        let outcomes: Vec<_> = settlements.iter().map(|settlement| settlement.outcome.clone()).collect();
        assert_eq!(outcomes, [backstock_queue::Outcome::Complete]);
    }

    async fn jobs(&self, kind: &str) -> Vec<JobRecord> {
        let filter = JobFilter { kind: Some(kind.into()), ..JobFilter::default() };
        self.tools.store.jobs(&filter, Page { offset: 0, limit: 500 }).await.unwrap()
    }

    /// Every text and every image of the file has its job, once, with all it needs.
    async fn everything_follows(&self) {
        use crate::embed_products::EmbedProduct;
        use crate::make_thumbnails::MakeThumbnails;
        assert_eq!(self.jobs(EmbedProduct::KIND).await.len(), ROWS);
        let images = self.jobs(MakeThumbnails::KIND).await;
        let mut links: Vec<MakeThumbnails> =
            images.iter().map(|job| serde_json::from_slice(&job.payload).unwrap()).collect();
        links.sort_by_key(|image| image.link.clone());
        let images = self.job.images.clone().unwrap();
        let mut expected: Vec<_> = (0..ROWS)
            .map(|n| MakeThumbnails { link: format!("p/{n}.jpg"), images: images.clone() })
            .collect();
        expected.sort_by_key(|image| image.link.clone());
        assert_eq!(links, expected);
    }
}

#[tokio::test]
async fn each_row_has_its_follow_up_work() {
    let shop = Shop::new().await;
    shop.run().await;
    shop.everything_follows().await;
}

#[tokio::test]
async fn an_import_killed_between_a_commit_and_its_follow_up_loses_no_image_and_no_text() {
    let shop = Shop::new().await;
    shop.killed_after_the_first_commit().await;
    shop.run().await;
    shop.everything_follows().await;
}

#[tokio::test]
async fn an_import_killed_after_its_end_and_before_its_settlement_starts_nothing_twice() {
    let shop = Shop::new().await;
    shop.run().await;
    shop.run().await;
    shop.everything_follows().await;
}

#[tokio::test]
async fn what_a_sweep_starts_is_published_when_it_is_done() {
    use crate::{embed_products::EmbedProduct, sweep_dirty::SweepDirty};
    let shop = Shop::new().await;
    shop.killed_after_the_first_commit().await;
    shop.run_one(&SweepDirty {}).await;
    let texts = shop.jobs(EmbedProduct::KIND).await;
    assert_eq!(texts.len(), BATCH_ROWS);
    let group = texts[0].group.expect("the jobs of a sweep are a group");
    assert!(texts.iter().all(|job| job.group == Some(group)));
    let status = shop.tools.store.group(group).await.unwrap().unwrap();
    assert!(status.sealed && status.done_at.is_none());
    assert!(status.pending >= BATCH_ROWS as u64);
}

#[tokio::test]
async fn a_sweep_that_finds_nothing_opens_no_group() {
    use crate::sweep_dirty::SweepDirty;
    let shop = Shop::new().await;
    shop.run_one(&SweepDirty {}).await;
    assert!(shop.tools.store.groups(Page { offset: 0, limit: 5 }).await.unwrap().is_empty());
}
