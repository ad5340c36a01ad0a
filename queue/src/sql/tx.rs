//! One write transaction: everything that follows from a change is written before the commit, in the same one.

use super::{
    Engine, SqlStore, add, claim,
    conn::Conn,
    engine::Turn,
    fault::Result,
    group,
    lanes::{Lane, Lanes},
    ledger::Ledger,
    query::query,
};
use crate::{NewJob, Timestamp};
use std::sync::Arc;

pub(super) struct Tx {
    conn: Conn,
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

impl<E: Engine> SqlStore<E> {
    /// Starts to write.
    pub(super) async fn begin(&self) -> Result<Tx> {
        let (conn, turn) = self.engine.begin().await?;
        Ok(Tx {
            conn,
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

    /// A connection that reads.
    pub(super) async fn read(&self) -> Result<Conn> {
        self.engine.read().await
    }

    /// Writes what follows from the changes, commits, and wakes those who wait.
    pub(super) async fn commit(&self, mut tx: Tx) -> Result<()> {
        tx.follow().await?;
        claim::keep::forget_keys(&mut tx).await?;
        tx.ledger.write_counts(&mut tx.conn).await?;
        let Tx { conn, turn, lanes, rings, .. } = tx;
        conn.commit().await?;
        drop(turn);
        if lanes.newest() > self.lanes().newest() {
            self.publish(lanes);
        }
        if rings {
            self.engine.ring();
        }
        Ok(())
    }
}

impl Tx {
    pub(super) const fn conn(&mut self) -> &mut Conn {
        &mut self.conn
    }

    /// Enqueues what was caused and ends groups until nothing more follows.
    pub(super) async fn follow(&mut self) -> Result<()> {
        loop {
            let caused = std::mem::take(&mut self.caused);
            if !caused.is_empty() {
                add::add(self, caused, add::Origin::Caused).await?;
                continue;
            }
            for number in self.ledger.write_groups(&mut self.conn).await? {
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
            None => query(LAST_SEQ).fetch_one(self.conn()).await?.int(0)? + 1,
        };
        self.next_seq = Some(first + i64::try_from(count).unwrap_or(i64::MAX));
        Ok(first)
    }

    /// The lane of a job, added if it is new.
    pub(super) async fn lane(&mut self, queue: &str, kind: &str, version: u16) -> Result<Arc<Lane>> {
        if let Some(lane) = self.lanes.find(queue, kind, version) {
            return Ok(Arc::clone(lane));
        }
        Arc::make_mut(&mut self.lanes).create(&mut self.conn, (queue, kind, version)).await
    }

    /// Knows the lanes up to `newest`.
    pub(super) async fn know_lanes(&mut self, newest: i64) -> Result<()> {
        if newest > self.lanes.newest() {
            Arc::make_mut(&mut self.lanes).read_newer(&mut self.conn).await?;
        }
        Ok(())
    }
}

pub(super) const LAST_SEQ: &str = "SELECT coalesce(max(seq), 0) FROM job";
