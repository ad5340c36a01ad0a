//! Limits of fairness keys: setting them.

use super::{Engine, SqlStore, claim::read_limits, codes::flag, fault::Result, lanes, query::query};
use crate::KeyLimits;

impl<E: Engine> SqlStore<E> {
    pub(super) async fn limit(&self, queue: &str, limits: KeyLimits) -> Result<()> {
        limits.validate()?;
        let mut tx = self.begin().await?;
        if !limits.is_none() {
            // Also a queue that has no jobs yet.
            lanes::queue_number(tx.conn(), queue).await?;
        }
        let asked = query(LIMITS).bind(queue.to_owned());
        let Some(row) = asked.fetch_optional(tx.conn()).await? else { return Ok(()) };
        let (number, before) = (row.int(0)?, read_limits(&row, 1)?);
        if before == limits {
            return Ok(());
        }
        query(SET_LIMITS)
            .bind(number)
            .bind(limits.running.map(|most| i64::from(most.get())))
            .bind(limits.rate.map(|rate| i64::from(rate.jobs.get())))
            .bind(limits.rate.map(|rate| i64::try_from(rate.per.as_millis()).unwrap_or(i64::MAX)))
            .execute(tx.conn())
            .await?;
        if before.rate != limits.rate {
            query(START_AFRESH).bind(number).execute(tx.conn()).await?;
        }
        if limits.running.is_some() {
            query(TAKE_SLOTS).bind(number).bind(flag::SLOT).execute(tx.conn()).await?;
        }
        tx.rings = true;
        self.commit(tx).await
    }
}

pub(super) const LIMITS: &str = "SELECT n, max_running, rate_jobs, rate_ms FROM queue WHERE name = ?1";
/// From then on the queue is known, as if it had been paused.
pub(super) const SET_LIMITS: &str = "
    UPDATE queue SET max_running = ?2, rate_jobs = ?3, rate_ms = ?4, paused = coalesce(paused, 0) WHERE n = ?1";
pub(super) const START_AFRESH: &str = "DELETE FROM pace WHERE queue = ?1";
/// Jobs that were started before count, too.
pub(super) const TAKE_SLOTS: &str = "
    UPDATE job SET flags = flags | ?2 WHERE seq IN (
        SELECT seq FROM job INDEXED BY job_running
        WHERE state = 2 AND queue = ?1 AND fairness_key IS NOT NULL)";
