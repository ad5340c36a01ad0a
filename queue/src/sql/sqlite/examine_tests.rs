//! Each flaw made by hand is found, and healed where it can be.

use super::{SqliteStore, tests::bed};
use crate::{
    Flaw, JobState, Outcome, Remedy, Unique,
    conformance::lab::{Lab, group, id, job, jobs},
};
use std::sync::Arc;

struct Shop {
    lab: Lab,
    store: Arc<SqliteStore>,
}

impl Shop {
    async fn new() -> Self {
        let bed = bed().await;
        Self { store: bed.sqlite(), lab: Lab::new(bed).await }
    }

    async fn break_by(&self, sql: &'static str) {
        let changed = sqlx::query(sql).execute(&self.store.engine.writer).await.unwrap().rows_affected();
        assert!(changed > 0, "{sql}");
    }

    /// What is found now, what is left after a repair.
    async fn repaired(&self) -> Vec<(Flaw, Remedy)> {
        let flaws = async |repair| {
            let seen = crate::Store::examine(&*self.store, repair).await.unwrap();
            assert_eq!(seen.is_sound(), seen.findings.iter().all(|it| it.remedy == Remedy::Healed));
            seen.findings.into_iter().map(|it| (it.flaw, it.remedy)).collect::<Vec<_>>()
        };
        let found = flaws(false).await;
        let as_healed =
            |(flaw, remedy)| (flaw, if remedy == Remedy::Healable { Remedy::Healed } else { remedy });
        assert_eq!(flaws(true).await, found.iter().copied().map(as_healed).collect::<Vec<_>>());
        let left: Vec<_> = found.iter().copied().filter(|(_, remedy)| *remedy == Remedy::None).collect();
        assert_eq!(flaws(false).await, left);
        found
    }
}

#[tokio::test]
async fn a_used_queue_is_sound() {
    let shop = Shop::new().await;
    shop.lab.open(group("g", jobs("m", 3))).await;
    shop.lab.put(job("a").unique_by(Unique::until_done("k"))).await;
    let lease = shop.lab.take_one().await;
    shop.lab.end(&lease, Outcome::Discard { error: "no".into() }).await;
    shop.lab.take_one().await;
    let seen = crate::Store::examine(&*shop.store, false).await.unwrap();
    assert_eq!((seen.findings.len(), seen.jobs), (0, 4), "{seen:?}");
    assert_eq!(seen.parts.len(), 8);
}

#[tokio::test]
async fn wrong_counters_are_counted_again() {
    let shop = Shop::new().await;
    shop.lab.run(job("b"), Outcome::Complete).await;
    shop.lab.put_all(jobs("a", 5)).await;
    shop.break_by("UPDATE tally SET jobs = jobs + 3 WHERE state = 1").await;
    shop.break_by("DELETE FROM tally WHERE state = 4").await;
    shop.break_by("INSERT INTO tally SELECT lane, 6, 2, 9 FROM tally LIMIT 1").await;
    assert_eq!(shop.repaired().await, [(Flaw::Counter, Remedy::Healable); 3]);
    let counts = shop.lab.store.queues().await.unwrap().pop().unwrap().counts;
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [(JobState::Available, 5), (JobState::Completed, 1)]);
}

#[tokio::test]
async fn jobs_that_run_without_a_worker_run_again() {
    let shop = Shop::new().await;
    shop.lab.put_all(jobs("a", 2)).await;
    shop.lab.take(2).await;
    shop.break_by("UPDATE job SET worker = 99 WHERE seq = 1").await;
    shop.break_by("UPDATE job SET lease_ends = NULL WHERE seq = 2").await;
    assert_eq!(shop.repaired().await, [(Flaw::RunningWithoutLease, Remedy::Healable); 2]);
    let mut back = shop.lab.store.rescue(3, 500).await.unwrap().available;
    back.sort();
    let mut both = vec![id("a-0"), id("a-1")];
    both.sort();
    assert_eq!(back, both);
}

#[tokio::test]
async fn keys_of_jobs_that_are_gone_or_done_are_freed() {
    let shop = Shop::new().await;
    shop.lab.run(job("a"), Outcome::Complete).await;
    shop.break_by("INSERT INTO hold VALUES ('work', 'gone', 77, -1, NULL), ('work', 'done', 1, -1, NULL)")
        .await;
    assert_eq!(shop.repaired().await, [(Flaw::UniqueKey, Remedy::Healable); 2]);
    assert_eq!(shop.lab.store.locks("").await.unwrap().keys, []);
}

#[tokio::test]
async fn what_cannot_be_healed_is_told() {
    let shop = Shop::new().await;
    shop.lab.open(group("g", jobs("m", 3))).await;
    shop.break_by("DELETE FROM payload WHERE seq = 1").await;
    shop.break_by("INSERT INTO payload VALUES (99, x'00')").await;
    shop.break_by("INSERT INTO once_more VALUES (98, '{}')").await;
    shop.break_by("UPDATE grp SET pending = 7").await;
    let expected = [
        (Flaw::Index, Remedy::None),
        (Flaw::Damaged, Remedy::None),
        (Flaw::Index, Remedy::Healable),
        (Flaw::Group, Remedy::None),
    ];
    assert_eq!(shop.repaired().await, expected);
}

#[tokio::test]
async fn healing_goes_in_pieces_until_all_is_done() {
    let shop = Shop::new().await;
    shop.break_by(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
         INSERT INTO payload SELECT i, x'00' FROM n",
    )
    .await;
    let seen = crate::Store::examine(&*shop.store, true).await.unwrap();
    assert_eq!((seen.findings.len(), seen.more), (1_000, 200));
    assert_eq!(crate::Store::examine(&*shop.store, false).await.unwrap().findings, []);
}
