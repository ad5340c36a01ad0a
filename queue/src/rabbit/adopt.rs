//! From the broker to the ledger: adopted first, acked then. In between, the ledger knows the id, so a second message of
//! the job does no harm.

use super::{
    Shared,
    band::{Band, Fetched, Hold},
    desk::{Desk, Held},
    line::Line,
    message::Plain,
};
use crate::{JobFilter, JobId, JobRecord, KindRange, MAX_ADOPTED, StoreError};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

impl Shared {
    /// Moves what cannot be claimed here to where it belongs: jobs that came back and those of kinds that nobody here
    /// knows to the ledger, messages that are no jobs to the parked ones. Returns whether there were any.
    pub(super) async fn clear(&self, line: &Line, kinds: &[KindRange]) -> Result<bool, StoreError> {
        let mut any = false;
        for band in &line.bands {
            let strays = band.strays();
            if !strays.is_empty() {
                any = true;
                self.park(band, strays).await?;
            }
            let unknown = {
                let desk = self.desk();
                band.unknown(|kind, version| desk.knows(kind, version, kinds), MAX_ADOPTED)
            };
            if !unknown.is_empty() {
                any = true;
                self.adopt_fetched(band, unknown).await?;
            }
        }
        Ok(any)
    }

    /// Moves buffered jobs that are `wanted` there to the ledger; how many.
    pub(super) async fn adopt_buffered(
        &self,
        line: &Line,
        wanted: impl Fn(&Plain) -> bool + Copy + Send,
    ) -> Result<usize, StoreError> {
        let mut moved = 0;
        for band in &line.bands {
            let fetched = band.adoptable(wanted);
            moved += fetched.len();
            self.adopt_fetched(band, fetched).await?;
        }
        Ok(moved)
    }

    async fn adopt_fetched(&self, band: &Band, fetched: Vec<Fetched>) -> Result<(), StoreError> {
        let (known, mut rest): (Vec<_>, Vec<_>) = {
            let desk = self.desk();
            fetched.into_iter().partition(|one| desk.is_second(one.job.id))
        };
        let holds: Vec<Hold> = known.into_iter().map(|one| one.hold).collect();
        if !holds.is_empty() {
            band.ack(&holds).await;
            band.left(holds.len());
        }
        while !rest.is_empty() {
            let later = rest.split_off(rest.len().min(MAX_ADOPTED));
            let records = rest.iter().map(|one| self.record(one)).collect();
            if let Err(error) = self.ledger.adopt(records, Duration::ZERO).await {
                rest.extend(later);
                band.put_back(rest);
                return Err(error);
            }
            self.moved(rest.iter().map(|one| one.job.id));
            let holds: Vec<Hold> = rest.iter().map(|one| one.hold).collect();
            band.ack(&holds).await;
            band.left(holds.len());
            rest = later;
        }
        Ok(())
    }

    /// What came back may have been begun by a worker that is gone: one crash, as it is never begun again from here.
    fn record(&self, fetched: &Fetched) -> JobRecord {
        let record = fetched.job.clone().into_record();
        if !fetched.came_back {
            return record;
        }
        JobRecord { crashes: 1, fence: Desk::fence_of_returned(self.now()), ..record }
    }

    /// Moves `chosen` held jobs to the ledger, under their leases; at most `most`. How many.
    pub(super) async fn move_held(
        &self,
        chosen: impl Fn(&Held) -> bool + Send,
        most: usize,
    ) -> Result<usize, StoreError> {
        let _alone = self.moving.lock().await;
        let moving = self.desk().start_moving(chosen, most.min(MAX_ADOPTED));
        let mut under_way = Move { shared: self, held: &moving, arrived: false };
        self.adopt_held(&moving).await?;
        under_way.arrived = true;
        Ok(moving.len())
    }

    /// The caller holds `moving`.
    pub(super) async fn adopt_held(&self, held: &[Held]) -> Result<(), StoreError> {
        if held.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let mut by_lease: BTreeMap<Duration, Vec<JobRecord>> = BTreeMap::new();
        for one in held {
            let record = one.job.clone().running(one.fence, (*one.worker).clone(), one.started_at);
            by_lease.entry(one.deadline.since(now)).or_default().push(record);
        }
        for (lease_for, records) in by_lease {
            for piece in records.chunks(MAX_ADOPTED) {
                self.ledger.adopt(piece.to_vec(), lease_for).await?;
            }
        }
        self.moved(held.iter().map(|one| one.job.id));
        let ids: Vec<JobId> = held.iter().filter(|one| one.cancelled).map(|one| one.job.id).collect();
        if !ids.is_empty() {
            self.ledger.cancel(&JobFilter { ids, ..JobFilter::default() }).await?;
        }
        ack_all(held.iter().map(|one| (&one.band, one.hold))).await;
        Ok(())
    }

    fn moved(&self, ids: impl Iterator<Item = JobId>) {
        let mut desk = self.desk();
        ids.for_each(|id| desk.settled.add(id));
        drop(desk);
        self.stir();
    }
}

/// Jobs on their way to the ledger. Whoever waits for them goes on when this ends, also when the call that moves them is
/// dropped: then they are still here.
struct Move<'a> {
    shared: &'a Shared,
    held: &'a [Held],
    arrived: bool,
}

impl Drop for Move<'_> {
    fn drop(&mut self) {
        self.shared.desk().end_moving(self.held.iter().map(|held| held.job.id), self.arrived);
    }
}

/// Acks deliveries of several bands; answers in order whether each was still ours.
pub(super) async fn ack_all<'a>(holds: impl Iterator<Item = (&'a Arc<Band>, Hold)>) -> Vec<bool> {
    let mut by_band: Vec<(&Arc<Band>, Vec<Hold>, Vec<usize>)> = Vec::new();
    let mut count = 0;
    for (band, hold) in holds {
        let known = by_band.iter().position(|(known, ..)| Arc::ptr_eq(known, band));
        let known = known.unwrap_or_else(|| {
            by_band.push((band, Vec::new(), Vec::new()));
            by_band.len() - 1
        });
        let (_, holds, places) = &mut by_band[known];
        holds.push(hold);
        places.push(count);
        count += 1;
    }
    let mut answers = vec![false; count];
    for (band, holds, places) in by_band {
        for (place, ours) in places.into_iter().zip(band.ack(&holds).await) {
            answers[place] = ours;
        }
    }
    answers
}
