//! The file checked against itself.
//!
//! All findings come from one snapshot, so that work going on meanwhile cannot look like a flaw. Reading it disturbs
//! nobody; healing writes at most [`MAINTENANCE`] rows at a time, but recounts jobs in one go.

use super::{Engine, MAINTENANCE, SqlStore, fault::Result, query::query};
use crate::{Examined, Finding, Flaw, Remedy};

/// One question: each row it answers with, a subject and what is told of it, is a flaw.
pub(super) struct Check {
    part: &'static str,
    pub(super) find: &'static str,
    flaw: Flaw,
    /// Run in one transaction, again until they have little to change; `?1` is how many rows each may change.
    pub(super) heal: &'static [&'static str],
}

impl<E: Engine> SqlStore<E> {
    pub(super) async fn examine_all(&self, repair: bool) -> Result<Examined> {
        let mut seen = Examined::default();
        let mut snapshot = self.engine.snapshot().await?;
        seen.jobs = query(JOBS).fetch_one(&mut snapshot).await?.int(0)? as u64;
        if let Some(pages) = E::PAGES {
            seen.parts.push("pages".to_owned());
            for row in query(pages).fetch_all(&mut snapshot).await? {
                let told = row.text(0)?.into_owned();
                if told != "ok" {
                    let subject = "file".to_owned();
                    seen.add(Finding { flaw: Flaw::Damaged, subject, told, remedy: Remedy::None });
                }
            }
        }
        let mut flawed = Vec::new();
        for check in CHECKS {
            seen.parts.push(check.part.to_owned());
            let remedy = match (check.heal, repair) {
                ([], _) => Remedy::None,
                (_, false) => Remedy::Healable,
                (_, true) => Remedy::Healed,
            };
            let rows = query(check.find).fetch_all(&mut snapshot).await?;
            if !rows.is_empty() && repair {
                flawed.push(check);
            }
            for row in rows {
                let (subject, told) = (row.text(0)?.into_owned(), row.text(1)?.into_owned());
                seen.add(Finding { flaw: check.flaw, subject, told, remedy });
            }
        }
        // Healing must not wait behind its own snapshot: the log could not be put back into the file.
        drop(snapshot);
        for check in flawed {
            self.heal(check).await?;
        }
        Ok(seen)
    }

    async fn heal(&self, check: &Check) -> Result<()> {
        let most = MAINTENANCE as u64;
        loop {
            let (mut tx, mut changed) = (self.begin().await?, 0);
            for statement in check.heal {
                let done = query(*statement).bind(most as i64).execute(tx.conn()).await?;
                changed = done.rows_affected().max(changed);
            }
            tx.rings = true;
            self.commit(tx).await?;
            if changed < most {
                return Ok(());
            }
        }
    }
}

const JOBS: &str = "SELECT count(*) FROM job";

/// Lanes and states with what there is and what is said of them, where the two differ.
macro_rules! miscounted {
    () => {
        "SELECT coalesce(c.lane, t.lane) AS lane, coalesce(c.state, t.state) AS state, coalesce(c.jobs, 0) AS jobs,
            coalesce(c.bytes, 0) AS bytes, coalesce(t.jobs, 0) AS said_jobs, coalesce(t.bytes, 0) AS said_bytes
         FROM (SELECT lane, state, count(*) AS jobs, sum(CASE WHEN state > 3 THEN bytes ELSE 0 END) AS bytes FROM job
            GROUP BY lane, state) AS c
         FULL JOIN tally AS t ON t.lane = c.lane AND t.state = c.state
         WHERE coalesce(t.jobs, 0) <> coalesce(c.jobs, 0) OR coalesce(t.bytes, 0) <> coalesce(c.bytes, 0)"
    };
}

pub(super) const CHECKS: &[Check] = &[
    Check {
        part: "counters",
        find: concat!(
            "SELECT q.name || ', ' || l.kind, format('says %s %s, %s bytes; there are %s, %s bytes', said_jobs,
                CASE state WHEN 0 THEN 'scheduled' WHEN 1 THEN 'available' WHEN 2 THEN 'running' WHEN 3 THEN 'retryable'
                    WHEN 4 THEN 'completed' WHEN 5 THEN 'cancelled' WHEN 6 THEN 'discarded' ELSE 'quarantined' END,
                said_bytes, jobs, bytes)
             FROM (", miscounted!(), ") AS c JOIN lane AS l ON l.n = lane JOIN queue AS q ON q.n = l.queue
             ORDER BY q.name, l.kind, state"
        ),
        flaw: Flaw::Counter,
        heal: &[concat!(
            "INSERT INTO tally (lane, state, jobs, bytes)
             SELECT lane, state, jobs, bytes FROM (", miscounted!(), ") AS c WHERE true LIMIT ?1
             ON CONFLICT (lane, state) DO UPDATE SET jobs = excluded.jobs, bytes = excluded.bytes"
        )],
    },
    Check {
        part: "running jobs and their workers",
        find: "
            SELECT 'job ' || lower(hex(id)), 'runs, and nobody holds it' FROM job AS j INDEXED BY job_running
            WHERE state = 2 AND (lease_ends IS NULL OR worker IS NULL OR NOT EXISTS (SELECT 1 FROM worker WHERE n = j.worker))
            ORDER BY seq",
        flaw: Flaw::RunningWithoutLease,
        // Given to a worker that is dead, from whom the next rescue takes it.
        heal: &[
            "INSERT INTO worker (id, host, pid, presence, state, started_at, seen_at, patience)
             SELECT 'nobody', '', 0, 'nobody', 1, 0, 0, 0 WHERE ?1 > 0 ON CONFLICT (id) DO UPDATE SET state = 1",
            "UPDATE job SET worker = (SELECT n FROM worker WHERE id = 'nobody'), lease_ends = 0 WHERE seq IN (
                SELECT seq FROM job AS j INDEXED BY job_running WHERE state = 2 AND (lease_ends IS NULL OR worker IS NULL
                    OR NOT EXISTS (SELECT 1 FROM worker WHERE n = j.worker)) LIMIT ?1)",
        ],
    },
    Check {
        part: "unique keys",
        find: "
            SELECT 'key ' || h.kind || ' ' || h.key, CASE WHEN j.seq IS NULL
                THEN 'is held by a job that is not there'
                ELSE 'is held until its job is done, and job ' || lower(hex(j.id)) || ' is' END
            FROM hold AS h LEFT JOIN job AS j ON j.seq = h.seq
            WHERE j.seq IS NULL OR (h.scope < 0 AND j.state > 3) ORDER BY h.kind, h.key",
        flaw: Flaw::UniqueKey,
        heal: &["DELETE FROM hold WHERE (kind, key) IN (
                SELECT h.kind, h.key FROM hold AS h LEFT JOIN job AS j ON j.seq = h.seq
                WHERE j.seq IS NULL OR (h.scope < 0 AND j.state > 3) LIMIT ?1)"],
    },
    Check {
        part: "requests for a further run",
        find: "
            SELECT 'job ' || coalesce(lower(hex(j.id)), CAST(o.seq AS TEXT)), 'is over, and a further run waits for its end'
            FROM once_more AS o LEFT JOIN job AS j ON j.seq = o.seq WHERE j.seq IS NULL OR j.state > 3 ORDER BY o.seq",
        flaw: Flaw::Index,
        heal: &[],
    },
    Check {
        part: "payloads",
        find: "
            SELECT 'job ' || lower(hex(id)), 'has lost its payload' FROM job AS j
            WHERE NOT EXISTS (SELECT 1 FROM payload WHERE seq = j.seq) ORDER BY seq",
        flaw: Flaw::Damaged,
        heal: &[],
    },
    Check {
        part: "payloads of no job",
        find: "
            SELECT 'payload ' || p.seq, 'belongs to no job' FROM payload AS p
            WHERE NOT EXISTS (SELECT 1 FROM job WHERE seq = p.seq) ORDER BY p.seq",
        flaw: Flaw::Index,
        heal: &["DELETE FROM payload WHERE seq IN (
                SELECT seq FROM payload AS p WHERE NOT EXISTS (SELECT 1 FROM job WHERE seq = p.seq) LIMIT ?1)"],
    },
    Check {
        part: "groups",
        find: "
            SELECT 'group ' || g.name || ' ' || lower(hex(g.id)),
                format('waits for %s members, %s are not done', g.pending, count(j.seq))
            FROM grp AS g LEFT JOIN job AS j ON j.grp = g.n AND j.state < 4 GROUP BY g.n
            HAVING g.pending <> count(j.seq) ORDER BY g.n",
        flaw: Flaw::Group,
        heal: &[],
    },
];
