//! Taking in jobs that lived elsewhere until now.

use super::{PIECE, RedisStore, fault, wire, work::millis};
use crate::{Enqueued, Fence, JobRecord, StoreError, adopt};
use std::time::Duration;

impl RedisStore {
    pub(super) async fn take_in(
        &self,
        jobs: Vec<JobRecord>,
        lease_for: Duration,
    ) -> Result<Vec<Enqueued>, StoreError> {
        adopt::check(&jobs)?;
        let mut answers = Vec::with_capacity(jobs.len());
        for piece in jobs.chunks(PIECE) {
            let highest = piece.iter().map(|job| job.fence).max().unwrap_or(Fence(0));
            let mut call = self.at_once("adopt").number(millis(lease_for)).number(highest.0);
            for job in piece {
                let worker = job.worker.as_ref().map_or("", |worker| worker.0.as_str());
                let reason = job.last_error.as_deref().unwrap_or_default();
                call = call.arg(wire::adopted(job)).arg(worker).arg(reason);
            }
            let codes = self.ask(&call).await?.bytes()?;
            if codes.len() != piece.len() {
                return Err(fault::damaged("answers to adoptions", &self.link.location));
            }
            answers.extend(codes.iter().zip(piece).map(|(code, job)| match code {
                b'e' => Enqueued::Existing(job.id),
                _ => Enqueued::New(job.id),
            }));
        }
        Ok(answers)
    }
}
