//! Products: delivery files in, checked rows stored, changes tracked, views kept.

pub mod delivery;
mod import;
mod product;
mod requests;
mod store;

pub use import::{
    ImportError, ImportObserver, ImportRequest, Progress, import_delivery, sweep_partial_rejects,
};
pub use product::{Availability, Money, Product, Status, decimals};
pub use requests::{
    BadRow, MAX_PRODUCTS, RequestCounts, RequestFile, RequestReadOptions, RequestReport, TooManyProducts,
    read_requests,
};
pub use store::{
    Batch, BatchOutcome, Catalog, CatalogError, CodeCount, CountOutcome, Counted, CountedSource, Counters,
    Dirty, DirtyKeys, DirtyKind, DryRun, FieldHashes, FileFailure, Hash, ImageDoc, ImageResult, ImportReport,
    ImportState, Issue, MadeImage, NewImport, PendingImage, PlainReason, Popular, PostgresOptions,
    PreparedRow, ProductDoc, ProductText, RefreshMode, RefreshReport, Refreshed, Severity, SyncMode,
    TableRequests, ViewInfo, ViewKind, ViewRow,
};
