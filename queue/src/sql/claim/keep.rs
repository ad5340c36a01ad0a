//! What a claim leaves behind for the next: turns, and what was used of the rates.

use super::super::{
    fault::Result,
    query::{Both, query},
    rows::json,
    tx::Tx,
};
use super::{gate::Gate, read::Bands};
use std::sync::LazyLock;

/// Writes what changed; mostly nothing.
pub(super) async fn turns(tx: &mut Tx, queue: i64, bands: &Bands) -> Result<()> {
    for (priority, band) in bands.iter().enumerate() {
        let Some(band) = band else { continue };
        let priority = priority as i64;
        let changes = band.changes();
        tx.thinned |= changes.unsure;
        let (mut set, mut gone) = (Vec::new(), Vec::new());
        for (name, turn) in changes.turns {
            match turn {
                Some(turn) => set.push((name, turn)),
                None => gone.push([name]),
            }
        }
        if !set.is_empty() {
            query(SET_TURNS).bind(queue).bind(priority).bind(json(&set)?).execute(tx.conn()).await?;
        }
        if !gone.is_empty() {
            query(FORGET_TURNS).bind(queue).bind(priority).bind(json(&gone)?).execute(tx.conn()).await?;
        }
        if let Some(served) = changes.served {
            query(SERVED).bind(queue).bind(priority).bind(served as i64).execute(tx.conn()).await?;
        }
    }
    Ok(())
}

/// Writes the arrival times that moved, drops those that no longer matter.
pub(super) async fn paces(tx: &mut Tx, queue: i64, gate: &Gate) -> Result<()> {
    if gate.limits().rate.is_none() {
        return Ok(());
    }
    let moved: Vec<_> = gate.moved().collect();
    if !moved.is_empty() {
        let now = tx.now.0.saturating_mul(1000);
        query(DROP_IDLE).bind(queue).bind(now).execute(tx.conn()).await?;
        query(SET_PACES).bind(queue).bind(json(&moved)?).execute(tx.conn()).await?;
    }
    Ok(())
}

/// Forgets the turns of keys that have no available job any more; claims see to their own.
pub(in super::super) async fn forget_keys(tx: &mut Tx) -> Result<()> {
    if std::mem::take(&mut tx.thinned) {
        query(&*FORGET_KEYS).execute(tx.conn()).await?;
    }
    Ok(())
}

pub(in super::super) const SET_TURNS: &str = "
    INSERT INTO share (queue, priority, key, turn)
    SELECT ?1, ?2, value ->> 0, CAST(value ->> 1 AS BIGINT) FROM json_each(?3) WHERE true
    ON CONFLICT (queue, priority, key) DO UPDATE SET turn = excluded.turn";
pub(in super::super) const FORGET_TURNS: &str = "
    DELETE FROM share WHERE queue = ?1 AND priority = ?2
        AND key IN (SELECT value ->> 0 FROM json_each(?3))";
pub(in super::super) const SERVED: &str = "
    INSERT INTO turn (queue, priority, served) VALUES (?1, ?2, ?3)
    ON CONFLICT (queue, priority) DO UPDATE SET served = excluded.served";
/// Keys of which no job is available.
macro_rules! forget_keys {
    ($key:literal) => {
        concat!(
            "DELETE FROM share WHERE NOT EXISTS (
                SELECT 1 FROM lane CROSS JOIN job INDEXED BY job_available ON true
                WHERE lane.queue = share.queue AND job.state = 1 AND job.lane = lane.n
                    AND job.priority = share.priority AND ",
            $key,
            ")"
        )
    };
}
pub(in super::super) static FORGET_KEYS: LazyLock<Both> = LazyLock::new(|| Both {
    sqlite: forget_keys!("job.fairness_key IS nullif(share.key, '')").into(),
    postgres: forget_keys!("job.fair = share.key").into(),
});
pub(in super::super) const DROP_IDLE: &str = "DELETE FROM pace WHERE queue = ?1 AND tat <= ?2";
pub(in super::super) const SET_PACES: &str = "
    INSERT INTO pace (queue, key, tat)
    SELECT ?1, value ->> 0, CAST(value ->> 1 AS BIGINT) FROM json_each(?2) WHERE true
    ON CONFLICT (queue, key) DO UPDATE SET tat = excluded.tat";
