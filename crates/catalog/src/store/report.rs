//! The ledger of imports: what was delivered, how far it got, what became of its rows.

use serde::{Deserialize, Serialize};

use super::batch::{Counters, Issue, Severity};

/// Issues of one import that are kept one by one, for each severity; the rejects file has all of them.
pub(super) const ISSUES_KEPT: usize = 1000;

/// What an import does with products of its source that the delivery does not mention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncMode {
    /// Leave them and count them.
    Merge,
    /// Archive them, unless more than this share of them (and more than 5) would vanish. 100 switches the guard off.
    Full {
        /// In percent of the source's products that are not archived; 10 is a good guard.
        max_missing_percent: u8,
    },
}

/// How a new import begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewImport {
    /// Chosen by the caller; the same id again means the same import.
    pub id: String,
    /// File name, for people.
    pub file: String,
    /// Fingerprint of the content.
    pub fingerprint: String,
    /// Who delivers. Products belong to the source that delivered them last.
    pub source: String,
    /// What happens to products that are not mentioned.
    pub mode: SyncMode,
    /// Folder that relative image links start from.
    pub images: Option<String>,
    /// Now, in milliseconds since the Unix epoch.
    pub now_ms: i64,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportState {
    /// Begun, not ended: can be continued behind its checkpoint.
    Running,
    /// Ended; the whole delivery was read.
    Finished,
    /// Ended early: the file became unreadable or a guard stopped it. What was committed stays.
    Failed,
}

/// Why a whole file was refused or broke off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFailure {
    /// Stable code, `snake_case`.
    pub code: String,
    /// One line for people.
    pub message: String,
}

/// An import as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// The caller's id.
    pub id: String,
    /// File name.
    pub file: String,
    /// Fingerprint of the content.
    pub fingerprint: String,
    /// Who delivered.
    pub source: String,
    /// What happens to products that are not mentioned.
    pub mode: SyncMode,
    /// How far it is.
    pub state: ImportState,
    /// Number of the last record that is committed.
    pub last_record: u64,
    /// Counts of rows.
    #[serde(flatten)]
    pub counters: Counters,
    /// Products of the source that the delivery did not mention; known when finished.
    pub missing: u64,
    /// Of those, archived by a full sync.
    pub archived: u64,
    /// Why the file was refused or broke off.
    pub file_error: Option<FileFailure>,
    /// Begun, in milliseconds since the Unix epoch.
    pub started_ms: i64,
    /// Ended, in milliseconds since the Unix epoch.
    pub finished_ms: Option<i64>,
    /// Issues by severity and code, complete.
    pub codes: Vec<CodeCount>,
    /// The first refused records, at most 1,000.
    pub rejects: Vec<Issue>,
    /// The first remarks, at most 1,000.
    pub remarks: Vec<Issue>,
}

/// How often a code occurred in an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeCount {
    /// Whether it cost the row.
    pub severity: Severity,
    /// Stable code.
    pub code: String,
    /// Times.
    pub count: u64,
}

/// What a write transaction has to know of an import.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) no: i64,
    pub(super) source_id: i64,
    pub(super) last_record: u64,
    pub(super) ended: bool,
    pub(super) mode: SyncMode,
    /// Whether every product it brought so far was new.
    pub(super) only_new: bool,
}
