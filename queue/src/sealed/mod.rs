//! Payloads that only those with the key can read, on any store.
//!
//! What is sealed: the payload of every job on its way into the store, also of follow-ons, group members, follow-ups,
//! cron slots and edits. What is not: kinds, queues, unique keys, fairness keys, names and counters of groups, errors.

mod envelope;
mod keys;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use envelope::plain_len;
pub use keys::{KeyError, OpenError, SealingKeys};

use crate::{Claimed, JobId, JobRecord, Lease, NewGroup, NewJob, Outcome, Settlement, Store, StoreError};
use envelope::Binding;
use std::sync::Arc;

/// A store whose payloads are sealed with XChaCha20-Poly1305. Payloads stored before it was put in front are read as
/// they are; those it sealed are unreadable without it.
#[derive(Debug)]
pub struct Encrypted {
    inner: Arc<dyn Store>,
    keys: SealingKeys,
}

impl Encrypted {
    /// Seals and opens with `keys` what goes into and comes out of `inner`.
    pub const fn new(inner: Arc<dyn Store>, keys: SealingKeys) -> Self {
        Self { inner, keys }
    }

    fn seal_bytes(&self, binding: &Binding<'_>, payload: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.keys.seal(binding, payload).ok_or_else(|| StoreError::Failed {
            store: self.inner.name(),
            source: "no randomness from the system to seal payloads with".into(),
        })
    }

    fn seal_as(&self, mut job: NewJob, id: JobId) -> Result<NewJob, StoreError> {
        job.payload = self.seal_bytes(&Binding::of(&job, id), &job.payload)?;
        Ok(job)
    }

    fn seal(&self, jobs: Vec<NewJob>) -> Result<Vec<NewJob>, StoreError> {
        let seal = |job: NewJob| {
            let id = job.id;
            self.seal_as(job, id)
        };
        jobs.into_iter().map(seal).collect()
    }

    fn seal_members(&self, mut group: NewGroup) -> Result<NewGroup, StoreError> {
        group.jobs = self.seal(group.jobs)?;
        let id = group.id.follow_up_id();
        group.follow_up = group.follow_up.map(|job| self.seal_as(job, id)).transpose()?;
        Ok(group)
    }

    fn seal_follow_ons(&self, mut settlements: Vec<Settlement>) -> Result<Vec<Settlement>, StoreError> {
        for settlement in &mut settlements {
            settlement.follow_on = self.seal(std::mem::take(&mut settlement.follow_on))?;
        }
        Ok(settlements)
    }

    /// Opens what was claimed. A job that cannot be opened goes to the dead set with the reason, where it can be replayed
    /// once the key is there; it must not hold up the others, and its worker could not do it.
    async fn open_claimed(&self, mut claimed: Claimed) -> Claimed {
        let mut refused = Vec::new();
        let mut leases: Vec<Lease> = Vec::with_capacity(claimed.leases.len());
        for mut lease in claimed.leases {
            match self.keys.open(&lease.kind, lease.job, std::mem::take(&mut lease.payload)) {
                Ok(payload) => leases.push(Lease { payload, ..lease }),
                Err(error) => {
                    let error = format!("its payload is {error}");
                    tracing::error!(job = %lease.job, kind = lease.kind, error, "job discarded");
                    refused.push(Settlement::new(lease.key(), Outcome::Discard { error }));
                }
            }
        }
        if !refused.is_empty()
            && let Err(error) = self.inner.settle(refused).await
        {
            tracing::warn!(%error, "jobs that cannot be opened come back when their leases end");
        }
        claimed.leases = leases;
        claimed
    }

    /// What operators see; in place of a payload that cannot be opened, why.
    fn open_record(&self, mut record: JobRecord) -> JobRecord {
        record.payload = match self.keys.open(&record.kind, record.id, record.payload) {
            Ok(payload) => payload,
            Err(error) => serde_json::json!({ "unreadable": error.to_string() }).to_string().into_bytes(),
        };
        record
    }
}
