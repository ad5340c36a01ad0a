//! The one door to the products, whatever keeps them.

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch::{Batch, BatchOutcome, Counters};
use super::dirty::{Dirty, DirtyKind};
use super::document::{ProductDoc, ProductText};
use super::dry_run::DryRun;
use super::error::Result;
use super::image::{ImageResult, MadeImage, PendingImage};
use super::postgres::{PostgresCatalog, PostgresOptions};
use super::report::{FileFailure, ImportReport, NewImport};
use super::sqlite::SqliteCatalog;
use super::view::{RefreshMode, RefreshReport, ViewInfo, ViewRow};
use crate::product::Product;

/// The products, kept in one SQLite file or in a PostgreSQL database. Cheap to clone; clones share the connections.
///
/// Every method that writes is one transaction: dropped or killed half-way it leaves nothing behind. One suite of
/// tests runs over both.
#[derive(Clone, Debug)]
pub struct Catalog {
    pub(super) store: Store,
}

#[derive(Clone, Debug)]
pub(super) enum Store {
    Sqlite(SqliteCatalog),
    Postgres(Arc<PostgresCatalog>),
}

/// Calls the method of whichever store there is. What PostgreSQL needs is boxed: it would make every future large.
macro_rules! ask {
    ($self:ident.$method:ident($($argument:expr),*)) => {
        match &$self.store {
            Store::Sqlite(store) => store.$method($($argument),*).await,
            Store::Postgres(store) => store.bounded(Box::pin(store.$method($($argument),*))).await,
        }
    };
}

impl Catalog {
    /// Opens a SQLite file, creates it where it is missing, brings its tables up to date.
    ///
    /// # Errors
    /// [`CatalogError::NewerVersion`](super::CatalogError::NewerVersion) for a file of a later release; `Corrupt` for a
    /// damaged or foreign file; `Open`, `ReadOnly`, `DiskFull`, `Locked` as named.
    pub async fn open(path: &Path) -> Result<Self> {
        Ok(Self { store: Store::Sqlite(SqliteCatalog::open(path).await?) })
    }

    /// Opens a PostgreSQL database and brings its tables up to date. Where they are up to date, no right is needed but to
    /// read and write them.
    ///
    /// # Errors
    /// `Address`, `Away` (passes), `Login`, `Missing`, `TooOld`, `Rights`, `NewerVersion`, `Open` as named.
    pub async fn connect(options: &PostgresOptions) -> Result<Self> {
        Ok(Self { store: Store::Postgres(Arc::new(Box::pin(PostgresCatalog::connect(options)).await?)) })
    }

    /// How many rows a transaction of an import should have: within these bounds the importer goes by measured speed.
    pub(crate) fn batch_rows(&self) -> RangeInclusive<usize> {
        match &self.store {
            // One writer, no network: more rows only hold its lock longer.
            Store::Sqlite(_) => 5_000..=5_000,
            Store::Postgres(_) => 5_000..=20_000,
        }
    }

    /// Which catalog this is, for people: the file, or the server without its password.
    pub fn place(&self) -> String {
        match &self.store {
            Store::Sqlite(store) => store.path().display().to_string(),
            Store::Postgres(store) => store.place().to_owned(),
        }
    }

    /// Asks the store for a sign of life; returns how long it took.
    ///
    /// # Errors
    /// Storage errors; `Away` or `Slow` (both pass) when there is none in time.
    pub async fn ping(&self) -> Result<Duration> {
        let asked = Instant::now();
        self.version().await.map(|_| asked.elapsed())
    }

    /// Removes the schema that [`PostgresOptions::schema`] named, with all it holds. Does nothing to any other catalog.
    pub async fn drop_schema(&self) -> Result<()> {
        match &self.store {
            Store::Sqlite(_) => Ok(()),
            Store::Postgres(store) => store.bounded(store.drop_schema()).await,
        }
    }

    /// Finishes running statements and closes the connections. Later calls fail.
    pub async fn close(&self) {
        match &self.store {
            Store::Sqlite(store) => store.close().await,
            Store::Postgres(store) => store.close().await,
        }
    }
}

/// Imports.
impl Catalog {
    /// Begins an import, or returns the one of this id with its checkpoint: running it twice is safe.
    ///
    /// # Errors
    /// [`CatalogError::FileChanged`](super::CatalogError::FileChanged) when the id exists with another fingerprint;
    /// storage errors.
    pub async fn begin_import(&self, new: &NewImport) -> Result<ImportReport> {
        ask!(self.begin_import(new))
    }

    /// Applies a batch in one transaction. A batch that does not lie behind the checkpoint is left out and gives
    /// zero counts, so applying one twice does no harm. Rows that are unchanged cause no write to products.
    ///
    /// # Errors
    /// `UnknownImport`, `ImportEnded`; storage errors. After an error nothing of the batch is stored.
    pub async fn apply_batch(&self, import: &str, batch: Batch) -> Result<BatchOutcome> {
        ask!(self.apply_batch(import, batch))
    }

    /// Ends an import. After a whole delivery (`failure` is `None`) products of the source that it did not mention
    /// are counted as missing and, in a full sync, archived in the same transaction. A delivery that broke off
    /// archives nothing. An import that has ended is returned as it is: running it twice is safe.
    ///
    /// # Errors
    /// [`CatalogError::MassDelete`](super::CatalogError::MassDelete) when the guard stops a full sync: nothing is
    /// archived, and the import is closed as failed with that code. `UnknownImport`; storage errors.
    pub async fn finish_import(
        &self,
        id: &str,
        failure: Option<FileFailure>,
        now_ms: i64,
    ) -> Result<ImportReport> {
        ask!(self.finish_import(id, failure, now_ms))
    }

    /// The import of this id with its first issues.
    ///
    /// # Errors
    /// [`CatalogError::UnknownImport`](super::CatalogError::UnknownImport); storage errors.
    pub async fn import_report(&self, id: &str) -> Result<ImportReport> {
        ask!(self.import_report(id))
    }

    /// Ids of the latest imports, newest first.
    pub async fn imports(&self, limit: u32) -> Result<Vec<String>> {
        ask!(self.imports(limit))
    }

    /// Counts what [`Catalog::apply_batch`] would do, given the batches before.
    pub async fn compare_batch(&self, dry_run: &mut DryRun, batch: &Batch) -> Result<Counters> {
        ask!(self.compare_batch(dry_run, batch))
    }

    /// What [`Catalog::finish_import`] would report. A mass delete is reported as `file_error`, nothing is archived
    /// and `archived` says what would be.
    pub async fn finish_dry_run(
        &self,
        dry_run: DryRun,
        failure: Option<FileFailure>,
        now_ms: i64,
    ) -> Result<ImportReport> {
        ask!(self.finish_dry_run(dry_run, failure, now_ms))
    }
}

/// Dirty sets.
impl Catalog {
    /// The next at most `limit` dirty keys in order of key, behind `after` (`None`: from the start).
    pub async fn dirty(&self, kind: DirtyKind, after: Option<&str>, limit: u32) -> Result<Vec<Dirty>> {
        ask!(self.dirty(kind, after, limit))
    }

    /// Those of `keys` that are dirty, with their generations: read it before the work, clear it after.
    pub async fn dirty_of(&self, kind: DirtyKind, keys: &[String]) -> Result<Vec<Dirty>> {
        ask!(self.dirty_of(kind, keys))
    }

    /// Forgets keys whose work is done, except those that changed again since they were read.
    /// Returns how many were cleared. Running it twice does no harm.
    pub async fn clear_dirty(&self, kind: DirtyKind, done: &[Dirty]) -> Result<u64> {
        ask!(self.clear_dirty(kind, done))
    }

    /// Marks the texts of these products, under a new generation, as a delivery that changed them would. Running it twice
    /// does no harm.
    pub async fn mark_texts(&self, skus: &[String]) -> Result<()> {
        ask!(self.mark_texts(skus))
    }

    /// How many keys wait, by kind; kinds without any are listed with 0.
    pub async fn dirty_counts(&self) -> Result<Vec<(DirtyKind, u64)>> {
        ask!(self.dirty_counts())
    }
}

/// Products and their images.
impl Catalog {
    /// The product of a SKU, archived ones included.
    pub async fn product_by_sku(&self, sku: &str) -> Result<Option<Product>> {
        Ok(self.product_docs(&[sku.to_owned()]).await?.pop().map(|doc| doc.product))
    }

    /// Documents in the order of `skus`; unknown SKUs are left out. Ask for at most some thousands at a time.
    pub async fn product_docs(&self, skus: &[String]) -> Result<Vec<ProductDoc>> {
        ask!(self.product_docs(skus))
    }

    /// What is to be embedded, in the order of `skus`; unknown SKUs are left out.
    pub async fn product_texts(&self, skus: &[String]) -> Result<Vec<ProductText>> {
        ask!(self.product_texts(skus))
    }

    /// Active products by SKU or number on the box, then by all words of `text` in title, brand and category; on
    /// PostgreSQL with `pg_trgm` also by titles that are spelt much the same. There words are as of the last refresh of
    /// the view `product`. Best first. An empty text finds nothing.
    pub async fn find(&self, text: &str, limit: u32) -> Result<Vec<ProductDoc>> {
        let text = text.replace('\0', " ");
        let text = text.trim();
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let skus = ask!(self.find(text, limit))?;
        self.product_docs(&skus).await
    }

    /// The next at most `limit` SKUs of active products, in their order, behind `after` (`None`: from the start).
    pub async fn active_skus(&self, after: Option<&str>, limit: u32) -> Result<Vec<String>> {
        ask!(self.active_skus(after, limit))
    }

    /// Products that are not archived.
    pub async fn count(&self) -> Result<u64> {
        ask!(self.count())
    }

    /// Products that are on sale: neither drafts nor archived.
    pub async fn active_count(&self) -> Result<u64> {
        ask!(self.active_count())
    }

    /// SKUs of the products that show this image, sorted.
    pub async fn image_usage(&self, link: &str) -> Result<Vec<String>> {
        ask!(self.image_usage(link))
    }

    /// Stores what became of an image and marks the documents of its products. `false`: nothing was new.
    /// A link that the catalog does not know is ignored. Running it twice does no harm.
    pub async fn set_image_result(&self, link: &str, result: &ImageResult) -> Result<bool> {
        ask!(self.set_image_result(link, result))
    }

    /// The next at most `limit` images without thumbnails that some product shows, by link, behind `after`.
    pub async fn images_pending(&self, after: Option<&str>, limit: u32) -> Result<Vec<PendingImage>> {
        ask!(self.images_pending(after, limit))
    }

    /// The next at most `limit` images with thumbnails that some product shows, by link, behind `after`.
    pub async fn images_made(&self, after: Option<&str>, limit: u32) -> Result<Vec<MadeImage>> {
        ask!(self.images_made(after, limit))
    }
}

/// The published version: which state of the catalog readers should see in caches.
///
/// Every transaction that marks dirty keys is a new version. Caches key their entries by the published version, which
/// moves only after the entries of the new one were warmed.
impl Catalog {
    /// Version of what is stored now.
    pub async fn version(&self) -> Result<i64> {
        ask!(self.version())
    }

    /// Version that readers of caches should ask for.
    pub async fn published_version(&self) -> Result<i64> {
        ask!(self.published_version())
    }

    /// Makes `version` the published one unless a later one is; forgets the cache marks that it covers.
    /// Running it twice does no harm.
    pub async fn publish(&self, version: i64) -> Result<()> {
        ask!(self.publish(version))
    }
}

/// Views.
impl Catalog {
    /// Every view and how it stands, in an order in which each reads only those before it: the summary tables, on
    /// PostgreSQL also the materialized views of the catalog's schema and those over its tables, the operator's own
    /// among them.
    pub async fn views(&self) -> Result<Vec<ViewInfo>> {
        ask!(self.views())
    }

    /// Whether there can be views besides the summaries by group, which cost more than what changed.
    pub fn has_materialized_views(&self) -> bool {
        matches!(self.store, Store::Postgres(_))
    }

    /// Names of the summaries that are stale: a refresh costs no more than what changed, so somebody can wait for it.
    pub async fn stale_summaries(&self) -> Result<Vec<String>> {
        let views = match &self.store {
            Store::Sqlite(store) => store.views().await,
            Store::Postgres(store) => store.bounded(Box::pin(store.summaries())).await,
        };
        Ok(views?.into_iter().filter(|view| view.stale).map(|view| view.name).collect())
    }

    /// Brings every view up to date that is stale and whose turn it is (or, with [`RefreshMode::Full`], every view): in
    /// dependency order, independent ones side by side. What became of each; a view that fails does not keep the others.
    ///
    /// # Errors
    /// Only when the views cannot be listed.
    pub async fn refresh_views(&self, mode: RefreshMode) -> Result<Vec<(String, Result<RefreshReport>)>> {
        match &self.store {
            Store::Sqlite(store) => store.refresh_views(mode).await,
            // Bounded piece by piece.
            Store::Postgres(store) => Box::pin(store.refresh_views(mode)).await,
        }
    }

    /// Brings a view up to date, after the stale ones that it reads. Several may run at once; dropped half-way, the rest
    /// stays stale.
    ///
    /// # Errors
    /// [`CatalogError::UnknownView`](super::CatalogError::UnknownView); `View` when a materialized view fails; storage
    /// errors.
    pub async fn refresh_view(&self, name: &str, mode: RefreshMode) -> Result<RefreshReport> {
        match &self.store {
            Store::Sqlite(store) => store.refresh_view(name, mode).await,
            // Bounded piece by piece.
            Store::Postgres(store) => Box::pin(store.refresh_view(name, mode)).await,
        }
    }

    /// The first `limit` rows of a summary by group, largest groups first.
    ///
    /// # Errors
    /// [`CatalogError::UnknownView`](super::CatalogError::UnknownView); storage errors.
    pub async fn view_rows(&self, name: &str, limit: u32) -> Result<Vec<ViewRow>> {
        ask!(self.view_rows(name, limit))
    }
}

/// Support for tests.
#[cfg(test)]
impl Catalog {
    /// The failures of this catalog and its clones.
    pub(crate) fn faults(&self) -> &super::faults::Faults {
        match &self.store {
            Store::Sqlite(store) => &store.faults,
            Store::Postgres(store) => &store.faults,
        }
    }

    /// Every row of the tables that the outcome of an import consists of, as text; without times and issue order.
    pub(crate) async fn dump(&self) -> Vec<String> {
        match &self.store {
            Store::Sqlite(store) => store.dump().await,
            Store::Postgres(store) => store.dump().await,
        }
    }

    /// What a view's definition gives, and what its table holds.
    pub(super) async fn defined(&self, view: &'static super::view::View) -> (Vec<String>, Vec<String>) {
        match &self.store {
            Store::Sqlite(store) => store.defined(view).await,
            Store::Postgres(store) => store.defined(view).await,
        }
    }

    /// Runs statements that spoil something.
    pub(crate) async fn spoil(&self, sql: &'static str) {
        match &self.store {
            Store::Sqlite(store) => store.spoil(sql).await,
            Store::Postgres(store) => store.spoil(sql).await,
        }
    }

    /// The same catalog, opened again.
    pub(crate) async fn again(&self) -> Result<Self> {
        match &self.store {
            Store::Sqlite(store) => Self::open(store.path()).await,
            Store::Postgres(store) => Self::connect(store.server.limits()).await,
        }
    }
}
