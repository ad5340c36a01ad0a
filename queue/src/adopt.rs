//! Jobs that lived outside a store until now, and what makes them fit to be taken in.

use crate::{Fence, JobRecord, JobState, NewJob, StoreError, Timestamp};

/// Most jobs of one [`crate::Store::adopt`].
pub const MAX_ADOPTED: usize = 500;

/// The last bits of a fence that was given outside a store: none of the stores gives such fences itself, because no
/// claim has so many leases ([`crate::Claim::MAX`]), so those that number the leases of a claim can tell them apart.
const OUTSIDE: u64 = 511;

/// The fence of a lease given at `at` outside a store that may adopt the job later: the clock in microseconds.
pub const fn outside_fence(at: Timestamp) -> Fence {
    Fence(at.0.unsigned_abs().saturating_mul(1000) | OUTSIDE)
}

/// Whether a fence was given outside a store.
pub(crate) const fn is_outside(fence: Fence) -> bool {
    fence.0 & OUTSIDE == OUTSIDE
}

/// What adoption leaves a record as: a lease of a worker that is gone is lost at once, which is a crash.
pub(crate) fn orphaned(record: JobRecord) -> JobRecord {
    let crashes = record.crashes.saturating_add(1);
    JobRecord { state: JobState::Available, worker: None, crashes, ..record }
}

/// Whether all of `records` can be adopted.
pub(crate) fn check(records: &[JobRecord]) -> Result<(), StoreError> {
    let refuse = |what: String| Err(StoreError::Invalid(format!("adoption: {what}")));
    if records.len() > MAX_ADOPTED {
        return refuse(format!("{} jobs, at most {MAX_ADOPTED} a call", records.len()));
    }
    for record in records {
        let id = record.id;
        as_new_job(record).validate()?;
        if record.group.is_some() || record.fairness_key.is_some() || record.unique_key.is_some() {
            return refuse(format!("job {id} has a group or a key, which only the store it is in can give"));
        }
        if record.expires_at.is_some() || record.finished_at.is_some() {
            return refuse(format!("job {id} has an end"));
        }
        match (record.state, &record.worker) {
            (JobState::Available, None) => {}
            (JobState::Running, Some(_)) if is_outside(record.fence) => {}
            (JobState::Running, Some(_)) => {
                return refuse(format!("fence {} of running job {id} was not given outside", record.fence.0));
            }
            (state, _) => {
                return refuse(format!("job {id} is {state}; must be available, or running for a worker"));
            }
        }
    }
    Ok(())
}

/// What an adopted job has in common with a new one.
fn as_new_job(record: &JobRecord) -> NewJob {
    NewJob {
        id: record.id,
        kind: record.kind.clone(),
        version: record.version,
        queue: record.queue.clone(),
        priority: record.priority,
        payload: record.payload.clone(),
        run_at: None,
        expires_at: None,
        unique: None,
        group: None,
        fairness_key: None,
    }
}

/// The record of `job`, which nobody has run yet.
pub(crate) fn record_of(job: NewJob, enqueued_at: Timestamp) -> JobRecord {
    JobRecord {
        id: job.id,
        kind: job.kind,
        version: job.version,
        queue: job.queue,
        priority: job.priority,
        state: JobState::Available,
        payload: job.payload,
        errors: 0,
        crashes: 0,
        fence: Fence(0),
        group: None,
        fairness_key: None,
        unique_key: None,
        enqueued_at,
        due_at: enqueued_at,
        expires_at: None,
        started_at: None,
        finished_at: None,
        worker: None,
        last_error: None,
    }
}
