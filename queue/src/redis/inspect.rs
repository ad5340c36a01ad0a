//! What operators see.

use super::{PIECE, RedisStore, answer, wire};
use crate::{JobFilter, JobId, JobRecord, Page, QueueStatus, StateCounts, StoreError};

/// A job as found, with what its record does not show.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) seq: u64,
    pub(super) record: JobRecord,
    pub(super) asked_to_stop: bool,
}

impl RedisStore {
    /// The jobs of these ids that are stored.
    pub(super) async fn find(&self, ids: &[JobId]) -> Result<Vec<Found>, StoreError> {
        let mut found = Vec::new();
        for ids in ids.chunks(PIECE) {
            let call = self.at_once("find").args(ids.iter().map(|id| id.0.as_bytes().as_slice()));
            self.read_found(self.ask(&call).await?, &mut found)?;
        }
        Ok(found)
    }

    /// The jobs at these places in the order of arrival that are stored.
    pub(super) async fn show(&self, seqs: &[u64]) -> Result<Vec<Found>, StoreError> {
        let mut found = Vec::new();
        for seqs in seqs.chunks(PIECE) {
            let call = self.at_once("show").args(seqs.iter().map(|seq| seq.to_be_bytes()));
            self.read_found(self.ask(&call).await?, &mut found)?;
        }
        Ok(found)
    }

    fn read_found(&self, answer: answer::Answer<'_>, found: &mut Vec<Found>) -> Result<(), StoreError> {
        let location = &self.link.location;
        let mut parts = answer.list()?.into_iter();
        while let Some(seq) = parts.next() {
            let seq = seq.moment8()?.unwrap_or_default().0 as u64;
            let bytes = answer::next(&mut parts, location)?.bytes()?;
            let error = answer::next(&mut parts, location)?.bytes()?;
            let worker = answer::next(&mut parts, location)?.bytes()?;
            let asked_to_stop = !answer::next(&mut parts, location)?.bytes()?.is_empty();
            if let Some(record) = wire::Stored::read(&bytes).and_then(|stored| stored.record(&error, &worker))
            {
                found.push(Found { seq, record, asked_to_stop });
            }
        }
        Ok(())
    }

    /// First and last place in the order of arrival at which a job may be.
    pub(super) async fn bounds(&self) -> Result<(u64, u64), StoreError> {
        let mut parts = self.ask(&self.at_once("bounds")).await?.list()?.into_iter();
        let first = answer::next(&mut parts, &self.link.location)?.number()?;
        let last = answer::next(&mut parts, &self.link.location)?.number()?;
        Ok((first.max(1) as u64, last.max(0) as u64))
    }

    pub(super) async fn list(&self, filter: &JobFilter, page: Page) -> Result<Vec<JobRecord>, StoreError> {
        let wanted = page.offset.saturating_add(page.limit.min(PIECE));
        let mut listed = Vec::new();
        if filter.ids.is_empty() {
            let (first, mut last) = self.bounds().await?;
            while last >= first && listed.len() < wanted {
                let from = first.max((last + 1).saturating_sub(PIECE as u64));
                let seqs: Vec<u64> = (from..=last).rev().collect();
                let found = self.show(&seqs).await?;
                listed.extend(found.into_iter().map(|job| job.record).filter(|job| filter.matches(job)));
                last = from - 1;
            }
        } else {
            let mut found = self.find(&filter.ids).await?;
            found.sort_by_key(|job| std::cmp::Reverse(job.seq));
            found.dedup_by_key(|job| job.seq);
            listed.extend(found.into_iter().map(|job| job.record).filter(|job| filter.matches(job)));
        }
        Ok(listed.into_iter().skip(page.offset).take(page.limit.min(PIECE)).collect())
    }

    pub(super) async fn queue_statuses(&self) -> Result<Vec<QueueStatus>, StoreError> {
        let location = &self.link.location;
        let mut queues = Vec::new();
        for queue in self.ask(&self.at_once("queues")).await?.list()? {
            let mut parts = queue.list()?.into_iter();
            let name = answer::next(&mut parts, location)?.text()?;
            let paused = answer::next(&mut parts, location)?.text()? == "1";
            let mut states = answer::next(&mut parts, location)?.list()?.into_iter();
            let mut counts = StateCounts::new();
            while let (Some(state), Some(count)) = (states.next(), states.next()) {
                if let Some(state) = state.bytes()?.first().and_then(|letter| wire::state(*letter)) {
                    counts.insert(state, u64::try_from(count.number()?).unwrap_or(0));
                }
            }
            counts.retain(|_, count| *count > 0);
            let oldest_due_at = answer::next(&mut parts, location)?.moment8()?;
            let limits = wire::limits(&answer::next(&mut parts, location)?.bytes()?);
            queues.push(QueueStatus { name, paused, counts, oldest_due_at, limits });
        }
        queues.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(queues)
    }
}
