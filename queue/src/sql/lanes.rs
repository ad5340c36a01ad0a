//! Names as numbers: queues and lanes (queue + kind + payload version), read once and never forgotten.

use super::{conn::Conn, fault::Result, query::query};
use crate::{Claim, KindRange};
use std::{collections::HashMap, sync::Arc};

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lane {
    pub(super) number: i64,
    pub(super) queue_number: i64,
    pub(super) queue: String,
    pub(super) kind: String,
    pub(super) version: u16,
}

/// All lanes known to this process. Lanes are never deleted or changed, so what is here is right, if not complete.
#[derive(Clone, Debug, Default)]
pub(super) struct Lanes {
    by_queue: HashMap<String, HashMap<String, Vec<Arc<Lane>>>>,
    by_number: HashMap<i64, Arc<Lane>>,
    newest: i64,
}

/// What the lanes of one queue are to a claim.
#[derive(Debug)]
pub(super) struct LanesOfClaim {
    pub(super) queue: i64,
    /// Of kinds that the worker knows, in ascending order.
    pub(super) served: Vec<i64>,
    pub(super) all: Vec<i64>,
}

impl Lanes {
    /// The highest number known.
    pub(super) const fn newest(&self) -> i64 {
        self.newest
    }

    pub(super) fn find(&self, queue: &str, kind: &str, version: u16) -> Option<&Arc<Lane>> {
        self.by_queue.get(queue)?.get(kind)?.iter().find(|lane| lane.version == version)
    }

    pub(super) fn numbered(&self, number: i64) -> Result<&Arc<Lane>> {
        Ok(self.by_number.get(&number).ok_or(sqlx::Error::RowNotFound)?)
    }

    /// The lanes of `queue` that a worker with these kinds may serve.
    fn served(&self, queue: &str, kinds: &[KindRange]) -> Vec<i64> {
        let Some(by_kind) = self.by_queue.get(queue) else { return Vec::new() };
        let lanes = kinds.iter().flat_map(|range| {
            let lanes = by_kind.get(&range.kind).into_iter().flatten();
            lanes.filter(|lane| lane.version <= range.max_version).map(|lane| lane.number)
        });
        let mut lanes: Vec<_> = lanes.collect();
        lanes.sort_unstable();
        lanes.dedup();
        lanes
    }

    /// All lanes of a claim's queue, and those among them that it is for.
    pub(super) fn of_claim(&self, queue: i64, claim: &Claim) -> LanesOfClaim {
        let all = self.by_queue.get(&claim.queue).into_iter().flat_map(HashMap::values).flatten();
        LanesOfClaim {
            queue,
            served: self.served(&claim.queue, &claim.kinds),
            all: all.map(|lane| lane.number).collect(),
        }
    }

    fn insert(&mut self, lane: Lane) -> Arc<Lane> {
        let lane = Arc::new(lane);
        self.newest = self.newest.max(lane.number);
        self.by_number.insert(lane.number, Arc::clone(&lane));
        let by_kind = self.by_queue.entry(lane.queue.clone()).or_default();
        by_kind.entry(lane.kind.clone()).or_default().push(Arc::clone(&lane));
        lane
    }

    /// Reads what other processes added.
    pub(super) async fn read_newer(&mut self, conn: &mut Conn) -> Result<()> {
        let rows = query(LANES_AFTER).bind(self.newest).fetch_all(conn).await?;
        for row in rows {
            self.insert(Lane {
                number: row.int(0)?,
                queue_number: row.int(1)?,
                queue: row.text(2)?.into_owned(),
                kind: row.text(3)?.into_owned(),
                version: u16::try_from(row.int(4)?).unwrap_or(u16::MAX),
            });
        }
        Ok(())
    }

    /// Adds a lane, and its queue if that is new.
    pub(super) async fn create(
        &mut self,
        conn: &mut Conn,
        (queue, kind, version): (&str, &str, u16),
    ) -> Result<Arc<Lane>> {
        self.read_newer(conn).await?;
        if let Some(lane) = self.find(queue, kind, version) {
            return Ok(Arc::clone(lane));
        }
        let queue_number = queue_number(conn, queue).await?;
        let row =
            query(ADD_LANE).bind(queue_number).bind(kind).bind(i64::from(version)).fetch_one(conn).await?;
        let (queue, kind) = (queue.to_owned(), kind.to_owned());
        Ok(self.insert(Lane { number: row.int(0)?, queue_number, queue, kind, version }))
    }
}

/// The number of a queue, added if it is new.
pub(super) async fn queue_number(conn: &mut Conn, queue: &str) -> Result<i64> {
    query(ADD_QUEUE).bind(queue).execute(&mut *conn).await?;
    query(QUEUE_NUMBER).bind(queue).fetch_one(conn).await?.int(0)
}

pub(super) const LANES_AFTER: &str = "
    SELECT lane.n, lane.queue, queue.name, lane.kind, lane.version
    FROM lane JOIN queue ON queue.n = lane.queue WHERE lane.n > ?1 ORDER BY lane.n";
pub(super) const ADD_QUEUE: &str = "INSERT INTO queue (name) VALUES (?1) ON CONFLICT DO NOTHING";
pub(super) const QUEUE_NUMBER: &str = "SELECT n FROM queue WHERE name = ?1";
pub(super) const ADD_LANE: &str = "INSERT INTO lane (queue, kind, version) VALUES (?1, ?2, ?3) RETURNING n";
