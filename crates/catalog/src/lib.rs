//! Products: delivery files in, checked rows stored, changes tracked, views kept.

pub mod delivery;
mod import;
mod product;
mod store;

pub use import::{
    ImportError, ImportObserver, ImportRequest, Progress, import_delivery, sweep_partial_rejects,
};
pub use product::{Availability, Money, Product, Status, decimals};
pub use store::{
    Batch, BatchOutcome, Catalog, CatalogError, CodeCount, Counters, Dirty, DirtyKeys, DirtyKind, DryRun,
    FieldHashes, FileFailure, Hash, ImageDoc, ImageResult, ImportReport, ImportState, Issue, MadeImage,
    NewImport, PendingImage, PlainReason, PostgresOptions, PreparedRow, ProductDoc, ProductText, RefreshMode,
    RefreshReport, Refreshed, Severity, SyncMode, ViewInfo, ViewKind, ViewRow,
};
