//! Settlements and renewals of plain jobs.

use super::{
    Shared,
    adopt::ack_all,
    desk::{Desk, Found, Held},
};
use crate::{LeaseKey, Outcome, Renewal, Settled, Settlement, StoreError};
use std::time::Duration;

/// Settlements by who applies them, each with its place.
#[derive(Default)]
struct Sorted {
    /// Done: an ack is all.
    done: Vec<(usize, Held)>,
    /// Plain until now: the ledger takes them in, and applies their settlements.
    adopt: Vec<Held>,
    ledger: Vec<(usize, Settlement)>,
}

impl Sorted {
    fn new(desk: &mut Desk, settlements: Vec<Settlement>) -> Self {
        let mut sorted = Self::default();
        for (place, settlement) in settlements.into_iter().enumerate() {
            let is_plain = settlement.outcome == Outcome::Complete && settlement.follow_on.is_empty();
            match desk.take(settlement.lease) {
                Found::Taken(held) if is_plain => sorted.done.push((place, held)),
                Found::Taken(held) => {
                    sorted.adopt.push(held);
                    sorted.ledger.push((place, settlement));
                }
                Found::Lost => {}
                Found::Unknown => sorted.ledger.push((place, settlement)),
            }
        }
        sorted
    }
}

impl Shared {
    pub(super) async fn settle_all(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>, StoreError> {
        let mut answers = vec![Settled::LeaseLost; settlements.len()];
        self.arrived(settlements.iter().map(|settlement| settlement.lease)).await;
        let Sorted { done, adopt, ledger } = Sorted::new(&mut self.desk(), settlements);
        if let Err(error) = self.adopt_held(&adopt).await {
            let mut desk = self.desk();
            let back = adopt.into_iter().chain(done.into_iter().map(|(_, held)| held));
            back.for_each(|held| desk.hold(held));
            return Err(error);
        }
        let acked = ack_all(done.iter().map(|(_, held)| (&held.band, held.hold))).await;
        {
            let mut desk = self.desk();
            for ((place, held), _) in done.into_iter().zip(acked).filter(|(_, ours)| *ours) {
                desk.settled.add(held.job.id);
                answers[place] = Settled::Applied;
            }
        }
        if ledger.is_empty() {
            return Ok(answers);
        }
        let (places, ledger): (Vec<usize>, Vec<Settlement>) = ledger.into_iter().unzip();
        let settled = self.ledger.settle(ledger).await?;
        self.stir();
        for (place, settled) in places.into_iter().zip(settled) {
            answers[place] = settled;
        }
        Ok(answers)
    }

    /// Waits until nothing of this is on its way to the ledger.
    async fn arrived(&self, keys: impl Iterator<Item = LeaseKey> + Clone) {
        while self.desk().is_moving(keys.clone()) {
            drop(self.moving.lock().await);
        }
    }

    pub(super) async fn renew_all(
        &self,
        leases: &[LeaseKey],
        lease_for: Duration,
    ) -> Result<Vec<Renewal>, StoreError> {
        self.arrived(leases.iter().copied()).await;
        let deadline = self.now().plus(lease_for);
        let mut answers = Vec::with_capacity(leases.len());
        let (mut places, mut recorded) = (Vec::new(), Vec::new());
        {
            let mut desk = self.desk();
            for (place, key) in leases.iter().enumerate() {
                answers.push(match desk.renew(*key, deadline) {
                    Some((true, false)) => Renewal::Renewed,
                    Some((true, true)) => Renewal::CancelRequested,
                    Some((false, _)) => Renewal::Lost,
                    None => {
                        places.push(place);
                        recorded.push(*key);
                        Renewal::Lost
                    }
                });
            }
        }
        if !recorded.is_empty() {
            let renewals = self.ledger.renew(&recorded, lease_for).await?;
            for (place, renewal) in places.into_iter().zip(renewals) {
                answers[place] = renewal;
            }
        }
        Ok(answers)
    }
}
