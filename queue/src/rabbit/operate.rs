//! What operators and the scheduler do.

use super::{Shared, locked, names};
use crate::{JobFilter, JobState, MAX_ADOPTED, Priority, Rescued, StoreError, WorkerId, WorkerInfo};
use lapin::options::QueueDeleteOptions;

/// Most jobs that one operator call touches.
const PIECE: usize = 500;

impl Shared {
    pub(super) async fn welcome(&self, worker: &WorkerInfo) -> Result<(), StoreError> {
        self.ledger.check_in(worker).await?;
        let now = self.now();
        self.desk().check_in(worker, now);
        Ok(())
    }

    /// What the worker still holds is the ledger's now, which gives it to others without counting a crash.
    pub(super) async fn goodbye(&self, worker: &WorkerId) -> Result<(), StoreError> {
        while self.move_held(|held| *held.worker == *worker, MAX_ADOPTED).await? == MAX_ADOPTED {}
        let was_last = self.desk().check_out(worker);
        if was_last {
            self.rest().await?;
        }
        self.ledger.check_out(worker).await
    }

    /// Plain jobs of this process whose leases ended, or whose workers are silent, are the ledger's to take back. Those
    /// of other processes are given back by the broker.
    pub(super) async fn rescue(&self, max_crashes: u32, limit: usize) -> Result<Rescued, StoreError> {
        let now = self.now();
        let silent = self.desk().silent(now);
        self.move_held(|held| held.deadline <= now || silent.contains(&held.worker), limit).await?;
        let rescued = self.ledger.rescue(max_crashes, limit).await?;
        let mut desk = self.desk();
        for worker in &rescued.dead_workers {
            desk.check_out(worker);
        }
        drop(desk);
        self.stir();
        Ok(rescued)
    }

    /// Reaches what is recorded, and of the plain jobs those that this process holds or has fetched.
    pub(super) async fn cancel(&self, filter: &JobFilter) -> Result<u64, StoreError> {
        for line in self.lines() {
            line.drain();
            self.adopt_buffered(&line, |job| job.is_meant(filter, JobState::Available)).await?;
        }
        let cancelled = self.ledger.cancel(filter).await?;
        self.stir();
        let room = PIECE.saturating_sub(usize::try_from(cancelled).unwrap_or(PIECE));
        Ok(cancelled + self.desk().ask_to_stop(filter, room) as u64)
    }

    pub(super) async fn set_paused(&self, queue: &str, paused: bool) -> Result<(), StoreError> {
        *locked(&self.paused) = None;
        let done = if paused { self.ledger.pause(queue).await } else { self.ledger.resume(queue).await };
        *locked(&self.paused) = None;
        self.stir();
        self.news.ring();
        done
    }

    /// Deletes the deployment's queues, with what is in them.
    pub(super) async fn delete_queues(&self) -> Result<(), StoreError> {
        let channel = self.link.channel(super::link::Use::Publish).await?;
        let queues = self.registered().await?;
        let bands = queues.iter().flat_map(|queue| {
            Priority::ALL
                .into_iter()
                .filter_map(|priority| names::band(&self.options.prefix, queue, priority))
        });
        for name in bands.chain([names::parked(&self.options.prefix)]) {
            // Deleting what is not there changes nothing.
            let deleting = channel.queue_delete(name.into(), QueueDeleteOptions::default());
            self.link.ask(deleting).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
impl Shared {
    /// As the broker does when the process of `worker` dies: its messages come again, and are taken in.
    pub(super) async fn give_back(&self, worker: &WorkerId) {
        let lost = self.desk().start_moving(|held| *held.worker == *worker, usize::MAX);
        for held in &lost {
            let channel = held.band.channel().unwrap();
            let options = lapin::options::BasicNackOptions { requeue: true, multiple: false };
            channel.basic_nack(held.hold.tag, options).await.unwrap();
        }
        self.desk().end_moving(lost.iter().map(|held| held.job.id), true);
        for held in &lost {
            while self.ledger.job(held.job.id).await.unwrap().is_none() {
                tokio::task::yield_now().await;
            }
        }
    }
}
