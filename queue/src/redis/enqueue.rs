//! Producers.

use super::{PIECE, RedisStore, answer::Answer, fault, link::Call, pack, wire};
use crate::{Enqueued, GroupId, JobId, NewJob, StoreError, Timestamp};
use redis::Value;
use std::collections::HashMap;
use uuid::Uuid;

/// Most bytes of payload in one call of a function.
const PIECE_BYTES: usize = 4 << 20;
/// Most calls in one round trip.
const CALLS: usize = 8;

impl RedisStore {
    pub(super) async fn put(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, StoreError> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        self.check_room().await?;
        self.check_jobs(&jobs).await?;
        let mut enqueued = Vec::with_capacity(jobs.len());
        let pieces: Vec<&[NewJob]> = pieces(&jobs).collect();
        for pieces in pieces.chunks(CALLS) {
            let call = |piece: &&[NewJob]| self.at_once("enqueue").args(pack::requests(piece));
            let calls: Vec<Call> = pieces.iter().map(call).collect();
            for (answer, asked) in self.link.call_all(&calls).await?.into_iter().zip(pieces) {
                self.read_enqueued(answer, asked, &mut enqueued)?;
            }
        }
        Ok(enqueued)
    }

    fn read_enqueued(
        &self,
        answer: Value,
        jobs: &[NewJob],
        enqueued: &mut Vec<Enqueued>,
    ) -> Result<(), StoreError> {
        if let Value::Array(_) = answer {
            return Err(self.missing_group(self.answer(answer))?);
        }
        let codes = self.answer(answer).bytes()?;
        if codes.is_empty() {
            enqueued.extend(jobs.iter().map(|job| Enqueued::New(job.id)));
            return Ok(());
        }
        if codes.len() != jobs.len() * 17 {
            return Err(fault::damaged("answers to requests", &self.link.location));
        }
        for code in codes.chunks_exact(17) {
            let id = JobId(Uuid::from_slice(&code[1..]).unwrap_or_default());
            enqueued.push(match code[0] {
                b'n' => Enqueued::New(id),
                b'e' => Enqueued::Existing(id),
                b'r' => Enqueued::Replaced(id),
                b'o' => Enqueued::RunOnceMore(id),
                _ => Enqueued::Ignored(id),
            });
        }
        Ok(())
    }

    /// The error behind an answer "job, group": the group was never opened.
    fn missing_group(&self, answer: Answer<'_>) -> Result<StoreError, StoreError> {
        let mut parts = answer.list()?.into_iter();
        let job = super::answer::next(&mut parts, &self.link.location)?.bytes()?;
        let group = super::answer::next(&mut parts, &self.link.location)?.bytes()?;
        let group = GroupId(Uuid::from_slice(&group).unwrap_or_default());
        let job = JobId(Uuid::from_slice(&job).unwrap_or_default());
        Ok(StoreError::Invalid(format!("job {job}: group {group} was never opened")))
    }

    /// Finds what is invalid before anything is stored. An id that is known is never refused.
    pub(super) async fn check_jobs(&self, jobs: &[NewJob]) -> Result<(), StoreError> {
        for job in jobs {
            if let Err(error) = job.validate()
                && self.find(&[job.id]).await?.is_empty()
            {
                return Err(error);
            }
        }
        // One call finds a missing group before it stores anything; several calls must ask before.
        let mut members: HashMap<GroupId, &NewJob> = HashMap::new();
        if jobs.len() > PIECE || jobs.iter().map(|job| job.payload.len()).sum::<usize>() > PIECE_BYTES / 2 {
            members.extend(jobs.iter().filter_map(|job| Some((job.group?, job))));
        }
        if members.is_empty() {
            return Ok(());
        }
        let call = members.iter().fold(self.at_once("check_groups"), |call, (group, job)| {
            call.arg(group.0.as_bytes()).arg(job.id.0.as_bytes())
        });
        match self.link.call(&call).await? {
            answer @ Value::Array(_) => Err(self.missing_group(self.answer(answer))?),
            _ => Ok(()),
        }
    }

    pub(super) async fn fire_slot(
        &self,
        entry: &str,
        slot: Timestamp,
        jobs: Vec<NewJob>,
    ) -> Result<bool, StoreError> {
        self.check_jobs(&jobs).await?;
        let call = self.at_once("fire").arg(entry).number(slot.0).args(jobs.iter().map(wire::request));
        match self.link.call(&call).await? {
            answer @ Value::Array(_) => Err(self.missing_group(self.answer(answer))?),
            answer => Ok(self.answer(answer).number()? == 1),
        }
    }

    pub(super) async fn slots(&self) -> Result<Vec<(String, Timestamp)>, StoreError> {
        let answer = self.link.command(redis::cmd("HGETALL").arg(self.link.key("cron"))).await?;
        let mut parts = self.answer(answer).list()?.into_iter();
        let mut slots = Vec::new();
        while let (Some(entry), Some(slot)) = (parts.next(), parts.next()) {
            slots.push((entry.text()?, Timestamp(slot.number()?)));
        }
        slots.sort();
        Ok(slots)
    }
}

/// How many of the first jobs go into one call.
fn piece_of(jobs: &[NewJob]) -> usize {
    let mut bytes = 0;
    let fits = |job: &&NewJob| {
        bytes += job.payload.len();
        bytes <= PIECE_BYTES
    };
    jobs.iter().take(PIECE).take_while(fits).count().max(1).min(jobs.len())
}

/// Jobs in pieces small enough for one call each.
fn pieces(jobs: &[NewJob]) -> impl Iterator<Item = &[NewJob]> {
    let mut rest = jobs;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, left) = rest.split_at(piece_of(rest));
        rest = left;
        Some(piece)
    })
}
