//! Cron cursors: each slot of an entry fires once.

use super::state::State;
use crate::{NewJob, StoreError, Timestamp};
use std::collections::BTreeMap;

/// The last slot fired, by entry.
#[derive(Debug, Default)]
pub(super) struct Cursors(BTreeMap<String, Timestamp>);

impl Cursors {
    pub(super) fn all(&self) -> Vec<(String, Timestamp)> {
        self.0.iter().map(|(entry, slot)| (entry.clone(), *slot)).collect()
    }
}

impl State {
    pub(super) fn fire(
        &mut self,
        entry: &str,
        slot: Timestamp,
        jobs: Vec<NewJob>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if self.cursors.0.get(entry).is_some_and(|last| *last >= slot) {
            return Ok(false);
        }
        self.enqueue(jobs, now)?;
        self.cursors.0.insert(entry.to_owned(), slot);
        Ok(true)
    }
}
