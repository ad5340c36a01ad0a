//! What a handler holds: leased jobs and, once known, how they ended.

use super::sealed::Pack;
use crate::{Fence, GroupId, JobError, JobId, Lease, LeaseKey, NewJob, Outcome, RetryPolicy, Settlement};
use std::ops::Deref;

/// One leased job: its payload (by deref), its receipt, and what is to happen with its settlement.
#[derive(Debug)]
pub struct Item<J> {
    payload: J,
    key: LeaseKey,
    attempt: u32,
    group: Option<GroupId>,
    end: Option<Result<(), JobError>>,
    follow_on: Vec<NewJob>,
    tally: Vec<(String, i64)>,
}

/// A call with one job.
pub type One<J> = Item<J>;

impl<J> Item<J> {
    pub(super) fn new(payload: J, lease: &Lease) -> Self {
        Self {
            payload,
            key: lease.key(),
            attempt: lease.attempt,
            group: lease.group,
            end: None,
            follow_on: Vec::new(),
            tally: Vec::new(),
        }
    }

    /// Identity of the job.
    pub const fn id(&self) -> JobId {
        self.key.job
    }

    /// Token of this lease: grows with every lease of the job. Show it with writes that must not happen twice.
    pub const fn fence(&self) -> Fence {
        self.key.fence
    }

    /// Which attempt this is, from 1.
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The group the job belongs to.
    pub const fn group(&self) -> Option<GroupId> {
        self.group
    }

    /// Settles this item: done, whatever becomes of the rest of the batch.
    pub fn complete(&mut self) {
        self.end = Some(Ok(()));
    }

    /// Settles this item: failed, whatever becomes of the rest of the batch.
    pub fn fail(&mut self, error: JobError) {
        self.end = Some(Err(error));
    }

    /// Whether [`Item::complete`] or [`Item::fail`] was called.
    pub const fn is_settled(&self) -> bool {
        self.end.is_some()
    }

    /// Enqueues `job` exactly once, in the transaction that completes this one; dropped unless it completes.
    pub fn then(&mut self, job: NewJob) {
        self.follow_on.push(job);
    }

    /// Adds to a counter of the job's group exactly once, when this job completes.
    pub fn tally(&mut self, counter: &str, amount: i64) {
        self.tally.push((counter.to_owned(), amount));
    }

    /// The settlement, when `rest` is what became of everything not settled by hand.
    pub(super) fn settle(self, rest: &Result<(), JobError>, policy: &RetryPolicy, draw: u64) -> Settlement {
        let end = self.end.unwrap_or_else(|| rest.clone());
        match end {
            Ok(()) => Settlement {
                lease: self.key,
                outcome: Outcome::Complete,
                follow_on: self.follow_on,
                tally: self.tally,
            },
            Err(error) => Settlement::new(self.key, error.into_outcome(policy, self.attempt, draw)),
        }
    }
}

impl<J> Deref for Item<J> {
    type Target = J;
    fn deref(&self) -> &J {
        &self.payload
    }
}

/// A call with many jobs of one kind; never empty.
#[derive(Debug)]
pub struct Batch<J>(Vec<Item<J>>);

impl<J> Batch<J> {
    /// The items, in the order they were claimed.
    pub fn iter(&self) -> std::slice::Iter<'_, Item<J>> {
        self.0.iter()
    }

    /// The items, to settle them.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Item<J>> {
        self.0.iter_mut()
    }

    /// How many.
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl<'a, J> IntoIterator for &'a Batch<J> {
    type Item = &'a Item<J>;
    type IntoIter = std::slice::Iter<'a, Item<J>>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, J> IntoIterator for &'a mut Batch<J> {
    type Item = &'a mut Item<J>;
    type IntoIter = std::slice::IterMut<'a, Item<J>>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl<J> Pack<J> for Item<J> {
    fn pack(items: Vec<Self>) -> Vec<Self> {
        items
    }
    fn unpack(self) -> Vec<Self> {
        vec![self]
    }
}

impl<J> Pack<J> for Batch<J> {
    fn pack(items: Vec<Item<J>>) -> Vec<Self> {
        if items.is_empty() { Vec::new() } else { vec![Self(items)] }
    }
    fn unpack(self) -> Vec<Item<J>> {
        self.0
    }
}
