//! What an import came to, for people and for machines.

use super::{count, duration, json, line};
use crate::failure::Failure;
use backstock_catalog::ImportReport;
use backstock_jobs::{embed_products, import_products, make_thumbnails, refresh_view, warm_cache};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// The report of one import; its JSON is part of the interface.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Identity of the import.
    pub import: String,
    /// The file as it was named.
    pub file: String,
    /// Records in the file; the sum of the next five.
    pub rows: u64,
    /// Products that are new.
    pub created: u64,
    /// Products that changed.
    pub updated: u64,
    /// Products that were the same.
    pub unchanged: u64,
    /// Records refused.
    pub rejected: u64,
    /// Records passed over.
    pub skipped: u64,
    /// Products of the source that the file does not mention.
    pub missing: u64,
    /// Of those, archived.
    pub archived: u64,
    /// Thumbnail files in place.
    pub thumbnails: u64,
    /// Vectors in place.
    pub embeddings: u64,
    /// Views in which something changed.
    pub views_refreshed: u64,
    /// Cache entries warmed.
    pub cache_warmed: u64,
    /// Images that cannot be used.
    pub images_failed: u64,
    /// Images named by URL, left for later.
    pub images_remote: u64,
    /// Records with a remark, and unusable images.
    pub warnings: u64,
    /// Jobs of this import in the dead set.
    pub failed_jobs: u64,
    /// From start to end.
    pub seconds: f64,
    /// The first refused records.
    pub rejects: Vec<Reject>,
    /// Refused records to mend and import again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejects_file: Option<PathBuf>,
    /// Why the whole file was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_error: Option<Value>,
}

/// A refused record.
#[derive(Clone, Debug, Serialize)]
pub struct Reject {
    record: u64,
    line: u64,
    code: String,
    field: Option<String>,
    message: String,
}

impl Report {
    /// From the catalog's ledger and the counters of the import's groups.
    pub fn of(ledger: &ImportReport, counters: Option<&BTreeMap<String, i64>>, took: Duration) -> Self {
        let counter = |name: &str| {
            let value = counters.and_then(|counters| counters.get(name)).copied().unwrap_or(0);
            u64::try_from(value).unwrap_or(0)
        };
        let rows = &ledger.counters;
        let images_failed = counter(make_thumbnails::IMAGES_FAILED);
        Self {
            import: ledger.id.clone(),
            file: ledger.file.clone(),
            rows: rows.rows,
            created: rows.created,
            updated: rows.updated,
            unchanged: rows.unchanged,
            rejected: rows.rejected,
            skipped: rows.skipped,
            missing: ledger.missing,
            archived: ledger.archived,
            thumbnails: counter(make_thumbnails::THUMBNAILS),
            embeddings: counter(embed_products::EMBEDDINGS),
            views_refreshed: counter(refresh_view::VIEWS_REFRESHED),
            cache_warmed: counter(warm_cache::CACHE_WARMED),
            images_failed,
            images_remote: counter(import_products::IMAGES_REMOTE),
            warnings: rows.warnings + images_failed,
            failed_jobs: 0,
            seconds: (took.as_secs_f64() * 1000.0).round() / 1000.0,
            rejects: ledger
                .rejects
                .iter()
                .map(|issue| Reject {
                    record: issue.record,
                    line: issue.line,
                    code: issue.code.clone(),
                    field: issue.field.clone(),
                    message: issue.message.clone(),
                })
                .collect(),
            rejects_file: None,
            file_error: ledger
                .file_error
                .as_ref()
                .map(|error| serde_json::json!({ "code": error.code, "message": error.message })),
        }
    }

    /// Shows the report.
    pub fn show(&self, as_json: bool) {
        if as_json {
            return json(self);
        }
        self.show_rows();
        line(format!("  thumbnails      {:>9}", count(self.thumbnails)));
        line(format!("  embeddings      {:>9}", count(self.embeddings)));
        line(format!("  views refreshed {:>9}", count(self.views_refreshed)));
        line(format!("  cache warmed    {:>9}", count(self.cache_warmed)));
        if self.images_failed > 0 {
            line(format!(
                "  unusable images {:>9}  kept as warnings on their products",
                count(self.images_failed)
            ));
        }
        if self.images_remote > 0 {
            line(format!(
                "  remote images   {:>9}  named by URL; `media.fetch.enabled` and `media.s3.buckets` fetch them",
                count(self.images_remote)
            ));
        }
        if self.failed_jobs > 0 {
            line(format!(
                "  failed jobs     {:>9}  `backstock jobs list --state discarded`",
                count(self.failed_jobs)
            ));
        }
        line(format!("  took            {:>9}", duration(Duration::from_secs_f64(self.seconds))));
    }

    /// Shows what an import would do.
    pub fn show_dry_run(&self, as_json: bool) {
        if as_json {
            return json(self);
        }
        line("dry run: nothing was written");
        self.show_rows();
    }

    fn show_rows(&self) {
        line(format!("{}: {} rows", self.file, count(self.rows)));
        for (name, number) in [
            ("created", self.created),
            ("updated", self.updated),
            ("unchanged", self.unchanged),
            ("rejected", self.rejected),
            ("skipped", self.skipped),
        ] {
            line(format!("  {name:<15} {:>9}", count(number)));
        }
        if self.missing > 0 {
            let fate = if self.archived > 0 { "archived" } else { "kept; --full-sync archives them" };
            line(format!("  not in the file {:>9}  {fate}", count(self.missing)));
        }
        for reject in self.rejects.iter().take(3) {
            line(format!(
                "    record {} (line {}): {} — {}",
                reject.record, reject.line, reject.code, reject.message
            ));
        }
        if self.rejected > 3 {
            line(format!("    … and {} more", count(self.rejected - 3)));
        }
        if let Some(path) = &self.rejects_file {
            line(format!("    mend and import again: {}", path.display()));
        }
    }

    /// Success, or the failure to end with when the file was refused or a guard stopped the import.
    pub fn verdict(&self) -> Result<(), Failure> {
        match &self.file_error {
            None => Ok(()),
            Some(error) => {
                let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                Err(Failure::input(format!("{} ({})", text("message"), text("code"))))
            }
        }
    }
}
