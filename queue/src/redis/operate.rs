//! What operators do; and forgetting what is finished.

use super::{PIECE, RedisStore, answer, inspect::Found, link::Call, wire, work::millis};
use crate::{Edit, JobFilter, JobState, KeyLimits, Pruned, Replay, Retention, StoreError};

impl RedisStore {
    pub(super) async fn cancel_jobs(&self, filter: &JobFilter) -> Result<u64, StoreError> {
        let open =
            |job: &Found| !job.record.state.is_final() && !job.asked_to_stop && filter.matches(&job.record);
        let mut asked = Vec::new();
        if filter.ids.is_empty() {
            let (mut first, last) = self.bounds().await?;
            while first <= last && asked.len() < PIECE {
                let to = last.min(first + PIECE as u64 - 1);
                let seqs: Vec<u64> = (first..=to).collect();
                asked.extend(self.show(&seqs).await?.into_iter().filter(open).map(|job| job.seq));
                first = to + 1;
            }
        } else {
            asked.extend(self.find(&filter.ids).await?.into_iter().filter(open).map(|job| job.seq));
            asked.sort_unstable();
            asked.dedup();
        }
        asked.truncate(PIECE);
        if asked.is_empty() {
            return Ok(0);
        }
        let call = self.at_once("cancel").args(asked.iter().map(|seq| seq.to_be_bytes()));
        Ok(self.ask(&call).await?.number()? as u64)
    }

    pub(super) async fn run_again(&self, replay: &Replay) -> Result<u64, StoreError> {
        replay.edit.validate()?;
        let limit = replay.limit.min(PIECE);
        let candidates = self.finished().await?;
        let mut replayed = 0;
        for seqs in candidates.chunks(PIECE) {
            if replayed == limit {
                break;
            }
            let mut jobs = self.show(seqs).await?;
            jobs.retain(|job| may_run_again(job.record.state) && replay.filter.matches(&job.record));
            let call = with_edit(self.at_once("replay").number(limit - replayed).number(replayed), replay);
            let call = call.args(jobs.iter().map(|job| job.seq.to_be_bytes()));
            replayed += self.ask(&call).await?.number()? as usize;
        }
        Ok(replayed as u64)
    }

    /// Cancelled and dead jobs, longest finished first, then first arrived first. May name some that run again.
    async fn finished(&self) -> Result<Vec<u64>, StoreError> {
        let mut finished = Vec::new();
        for shelf in ["fin:x", "fin:d"] {
            let mut command = redis::cmd("LRANGE");
            command.arg(self.link.key(shelf)).arg(0).arg(-1);
            for block in self.answer(self.link.command(&command).await?).list()? {
                let bytes = block.bytes()?;
                let Some((finished_at, seqs)) = wire::block(&bytes) else { continue };
                finished.extend(seqs.map(|seq| (finished_at, seq)));
            }
        }
        finished.sort_unstable();
        // A job that was replayed and ended again is named twice; its last end counts.
        let mut seen = std::collections::HashSet::new();
        let mut seqs: Vec<u64> =
            finished.into_iter().rev().map(|(_, seq)| seq).filter(|seq| seen.insert(*seq)).collect();
        seqs.reverse();
        Ok(seqs)
    }

    pub(super) async fn set_paused(&self, queue: &str, paused: bool) -> Result<(), StoreError> {
        let call = self.at_once("pause").arg(queue).arg(if paused { "1" } else { "0" });
        self.ask(&call).await.map(|_| ())
    }

    pub(super) async fn limit_keys(&self, queue: &str, limits: KeyLimits) -> Result<(), StoreError> {
        limits.validate()?;
        let call = self.at_once("limit").arg(queue).arg(wire::limit_bytes(limits));
        self.ask(&call).await.map(|_| ())
    }

    /// Removes everything under this store's prefix, in pieces: for a deployment that is not wanted any more. Repeat
    /// after an error.
    ///
    /// # Errors
    /// As every call.
    pub async fn erase(&self) -> Result<(), StoreError> {
        while self.ask(&self.at_once("erase")).await?.number()? == 1 {}
        Ok(())
    }

    pub(super) async fn forget(&self, retention: &Retention, limit: usize) -> Result<Pruned, StoreError> {
        let location = &self.link.location;
        let call = self
            .at_once("prune")
            .number(limit.min(PIECE))
            .number(self.options.job_overhead)
            .number(millis(retention.max_age))
            .number(retention.max_bytes)
            .number(millis(retention.dead_max_age))
            .number(retention.dead_max_bytes);
        let mut parts = self.ask(&call).await?.list()?.into_iter();
        let jobs = answer::next(&mut parts, location)?.number()? as usize;
        let bytes = answer::next(&mut parts, location)?.number()? as u64;
        let more = answer::next(&mut parts, location)?.number()? == 1;
        Ok(Pruned { jobs, bytes, more })
    }
}

fn may_run_again(state: JobState) -> bool {
    matches!(state, JobState::Cancelled | JobState::Discarded | JobState::Quarantined)
}

fn with_edit(call: Call, replay: &Replay) -> Call {
    let Edit { payload, queue, priority } = &replay.edit;
    let call = match replay.per_second {
        Some(rate) => call.number(rate),
        None => call.arg([]),
    };
    let call = match priority {
        Some(priority) => call.number(*priority as u8),
        None => call.arg([]),
    };
    let call = call.arg(queue.as_deref().unwrap_or_default());
    match payload {
        Some(payload) => call.arg([b"=", payload.as_slice()].concat()),
        None => call.arg([]),
    }
}
