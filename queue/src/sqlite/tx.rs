//! One write transaction: everything that follows from a change is written before the commit, in the same one.

use super::{
    SqliteStore, add, claim,
    fault::{Fault, Result},
    group,
    lanes::{Lane, Lanes},
    ledger::Ledger,
    rows::Cells,
    turnstile::Turn,
};
use crate::{NewJob, Timestamp};
use backon::{ExponentialBuilder, Retryable};
use sqlx::{Sqlite, SqliteConnection, Transaction};
use std::{sync::Arc, time::Duration};

pub(super) struct Tx {
    sql: Transaction<'static, Sqlite>,
    /// The moment at which all of it happens.
    pub(super) now: Timestamp,
    pub(super) ledger: Ledger,
    pub(super) lanes: Arc<Lanes>,
    /// Jobs that something here caused and that are still to be enqueued.
    pub(super) caused: Vec<NewJob>,
    /// Whether there may be something new to claim.
    pub(super) rings: bool,
    /// Whether a job became unavailable, by other means than a claim.
    pub(super) thinned: bool,
    /// Whether a request changed a job that was there before.
    pub(super) touched: bool,
    next_seq: Option<i64>,
    turn: Turn,
}

impl SqliteStore {
    /// Starts to write; waits for others up to the busy timeout, a few times.
    pub(super) async fn begin(&self) -> Result<Tx> {
        let turn = self.turnstile.pass().await;
        let begin = || self.begin_once();
        let pauses = ExponentialBuilder::new().with_min_delay(Duration::from_millis(20)).with_max_times(2);
        let sql = begin.retry(pauses).when(Fault::is_busy).await?;
        Ok(Tx {
            sql,
            now: self.clock.now(),
            ledger: Ledger::default(),
            lanes: self.lanes(),
            caused: Vec::new(),
            rings: false,
            thinned: false,
            touched: false,
            next_seq: None,
            turn,
        })
    }

    async fn begin_once(&self) -> Result<Transaction<'static, Sqlite>> {
        match self.writer.begin_with(BEGIN).await {
            // SQLite has rolled back by itself (a full disk, say) and the driver has not noticed: start afresh.
            Err(sqlx::Error::InvalidSavePointStatement) => {
                self.writer.acquire().await?.close().await?;
                Ok(self.writer.begin_with(BEGIN).await?)
            }
            begun => Ok(begun?),
        }
    }

    /// Writes what follows from the changes, commits, and wakes those who wait.
    pub(super) async fn commit(&self, mut tx: Tx) -> Result<()> {
        tx.follow().await?;
        claim::keep::forget_keys(&mut tx).await?;
        tx.ledger.write_counts(&mut tx.sql).await?;
        let Tx { sql, turn, lanes, rings, .. } = tx;
        sql.commit().await?;
        drop(turn);
        if lanes.newest() > self.lanes().newest() {
            self.publish(lanes);
        }
        if rings {
            self.bell.ring();
        }
        Ok(())
    }
}

impl Tx {
    pub(super) fn conn(&mut self) -> &mut SqliteConnection {
        &mut self.sql
    }

    /// Enqueues what was caused and ends groups until nothing more follows.
    pub(super) async fn follow(&mut self) -> Result<()> {
        loop {
            let caused = std::mem::take(&mut self.caused);
            if !caused.is_empty() {
                add::add(self, caused, add::Origin::Caused).await?;
                continue;
            }
            for number in self.ledger.write_groups(&mut self.sql).await? {
                group::end(self, number).await?;
            }
            if self.caused.is_empty() && !self.ledger.has_groups() {
                return Ok(());
            }
        }
    }

    /// Numbers for `count` new jobs; the first of them.
    pub(super) async fn take_seqs(&mut self, count: usize) -> Result<i64> {
        let first = match self.next_seq {
            Some(next) => next,
            None => sqlx::query(LAST_SEQ).fetch_one(self.conn()).await?.int(0)? + 1,
        };
        self.next_seq = Some(first + i64::try_from(count).unwrap_or(i64::MAX));
        Ok(first)
    }

    /// The lane of a job, added if it is new.
    pub(super) async fn lane(&mut self, queue: &str, kind: &str, version: u16) -> Result<Arc<Lane>> {
        if let Some(lane) = self.lanes.find(queue, kind, version) {
            return Ok(Arc::clone(lane));
        }
        Arc::make_mut(&mut self.lanes).create(&mut self.sql, (queue, kind, version)).await
    }

    /// Knows the lanes up to `newest`.
    pub(super) async fn know_lanes(&mut self, newest: i64) -> Result<()> {
        if newest > self.lanes.newest() {
            Arc::make_mut(&mut self.lanes).read_newer(&mut self.sql).await?;
        }
        Ok(())
    }
}

const BEGIN: &str = "BEGIN IMMEDIATE";
pub(super) const LAST_SEQ: &str = "SELECT coalesce(max(seq), 0) FROM job";
