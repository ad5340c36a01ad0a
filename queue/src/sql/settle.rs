//! Settlements: outcomes under leases, with what handlers enqueue and count on the way.

use super::{
    Engine, SqlStore,
    add::Origin,
    change::{Held, held},
    claim,
    codes::flag,
    fault::{Fault, Result},
    group,
    leave::{Leaving, leave},
    query::query,
    rows::{json, pack_jobs},
    tx::Tx,
};
use crate::{
    Claim, Claimed, LeaseKey, NewJob, Outcome, Renewal, Settled, Settlement, Timestamp, life::Running,
};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, LazyLock},
    time::Duration,
};

impl<E: Engine> SqlStore<E> {
    pub(super) async fn settle_all(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>> {
        if settlements.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.begin().await?;
        let settled = settle_in(&mut tx, settlements).await?;
        self.commit(tx).await?;
        Ok(settled)
    }

    /// Settles and claims in one transaction.
    pub(super) async fn settle_and_lease(
        &self,
        settlements: Vec<Settlement>,
        claim: &Claim,
    ) -> Result<(Vec<Settled>, Claimed)> {
        let mut tx = self.begin().await?;
        let settled =
            if settlements.is_empty() { Vec::new() } else { settle_in(&mut tx, settlements).await? };
        claim::keep::forget_keys(&mut tx).await?;
        let claimed = claim::claim_in(&mut tx, claim).await?;
        self.commit(tx).await?;
        Ok((settled, claimed))
    }

    pub(super) async fn hold_on(&self, leases: &[LeaseKey], lease_for: Duration) -> Result<Vec<Renewal>> {
        if leases.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.begin().await?;
        let deadline = tx.now.plus(lease_for).0;
        let mut answers = vec![Renewal::Lost; leases.len()];
        let held = held_leases(&mut tx, leases).await?;
        for (at, job) in &held {
            answers[*at] = if job.is(flag::CANCEL) { Renewal::CancelRequested } else { Renewal::Renewed };
        }
        let seqs: Vec<_> = held.iter().map(|(_, job)| job.seq).collect();
        query(RENEW).bind(json(&seqs)?).bind(deadline).execute(tx.conn()).await?;
        self.commit(tx).await?;
        Ok(answers)
    }
}

/// The jobs that are held under these leases, with the places of the leases.
async fn held_leases(tx: &mut Tx, leases: &[LeaseKey]) -> Result<Vec<(usize, Held)>> {
    let fences: Vec<_> = leases.iter().map(|key| key.fence.0 as i64).collect();
    let rows = query(&*HELD)
        .bind(pack_jobs(leases.iter().map(|key| &key.job)))
        .bind(json(&fences)?)
        .fetch_all(tx.conn())
        .await?;
    rows.iter().map(|row| Ok((row.int(Held::COLUMNS)? as usize, Held::read(row)?))).collect()
}

async fn settle_in(tx: &mut Tx, settlements: Vec<Settlement>) -> Result<Vec<Settled>> {
    let keys: Vec<_> = settlements.iter().map(|settlement| settlement.lease).collect();
    let mut held: HashMap<_, _> = held_leases(tx, &keys).await?.into_iter().collect();
    let mut answers = vec![Settled::LeaseLost; settlements.len()];
    let mut settled = HashSet::with_capacity(held.len());
    let refused = refused(tx, &settlements).await?;
    let mut leaving = Vec::with_capacity(held.len());
    for (at, settlement) in settlements.into_iter().enumerate() {
        let Some(job) = held.remove(&at).filter(|job| settled.insert(job.seq)) else { continue };
        answers[at] = Settled::Applied;
        let running = Running { due_at: Timestamp(job.due_at), cancel_requested: job.is(flag::CANCEL) };
        if let Some(why) = refused.get(&at) {
            let outcome = Outcome::Discard { error: format!("follow-on: {why}") };
            leaving.push(Leaving::new(job, running.settled(&outcome, tx.now)));
            continue;
        }
        if let Some(group) = job.group {
            for (name, value) in &settlement.tally {
                tx.ledger.tally(group, name, *value);
            }
        }
        let after = running.settled(&settlement.outcome, tx.now);
        leaving.push(Leaving { job, after, follow_on: settlement.follow_on });
    }
    leave(tx, leaving).await?;
    Ok(answers)
}

/// Why follow-ons cannot be stored, by the place of their settlement.
async fn refused(tx: &mut Tx, settlements: &[Settlement]) -> Result<HashMap<usize, String>> {
    let mut refused = HashMap::new();
    for (at, settlement) in settlements.iter().enumerate() {
        if settlement.follow_on.is_empty() {
            continue;
        }
        let checked = settlement.follow_on.iter().try_for_each(NewJob::validate);
        let checked = match checked {
            Ok(()) => group::numbers(tx, &settlement.follow_on, Origin::Asked).await.map(|_| ()),
            Err(error) => Err(error.into()),
        };
        match checked {
            Ok(()) => {}
            Err(Fault::Refused(error)) => {
                refused.insert(at, error.to_string());
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(refused)
}

pub(super) static HELD: LazyLock<Arc<str>> = LazyLock::new(|| {
    format!(
        "SELECT {}, c.key FROM json_each(?2) AS c CROSS JOIN job AS j ON j.id = substr(?1, 16 * c.key + 1, 16)
         WHERE j.fence = CAST(c.value AS BIGINT) AND j.state = 2",
        held!()
    )
    .into()
});
pub(super) const RENEW: &str = "
    UPDATE job SET lease_ends = ?2 WHERE seq IN (SELECT CAST(value AS BIGINT) FROM json_each(?1))";
