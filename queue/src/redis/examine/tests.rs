//! Data damaged by hand through plain commands, found and healed.

use crate::conformance::Lab;
use crate::conformance::lab::{self, KIND, QUEUE, group, group_id, id, job, jobs, ms, names};
use crate::redis::{RedisStore, tests::bed};
use crate::{
    Claim, Examined, Flaw, JobState, KeyLimits, NewJob, OnConflict, Outcome, Released, Remedy, Replay,
    Settled, Store, Unique, UniqueScope,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A store, and a hand in its data.
struct Shop {
    lab: Lab,
    store: Arc<RedisStore>,
}

impl Shop {
    async fn new() -> Self {
        let bed = bed().await;
        let store = bed.own();
        Self { lab: Lab::new(bed).await, store }
    }

    /// Does `command key args…` behind the store's back.
    async fn hand(&self, command: &str, key: &str, args: &[&[u8]]) -> redis::Value {
        let mut asked = redis::cmd(command);
        asked.arg(self.store.link.key(key));
        for arg in args {
            asked.arg(*arg);
        }
        self.store.link.command(&asked).await.unwrap()
    }

    async fn seq(&self, name: &str) -> Vec<u8> {
        match self.hand("HGET", "ids", &[id(name).0.as_bytes()]).await {
            redis::Value::BulkString(seq) => seq,
            other => panic!("{name}: {other:?}"),
        }
    }

    async fn found(&self, repair: bool) -> Examined {
        self.store.examine(repair).await.unwrap()
    }

    /// Finds just one thing wrong, of this kind; heals it; then nothing is wrong.
    async fn heals(&self, flaw: Flaw) {
        let seen = self.found(false).await;
        assert!(!seen.findings.is_empty(), "nothing was found");
        assert!(!seen.is_sound());
        for finding in &seen.findings {
            assert_eq!(finding.remedy, Remedy::Healable, "{finding:?}");
        }
        assert!(seen.findings.iter().any(|finding| finding.flaw == flaw), "{:#?}", seen.findings);
        let seen = self.found(true).await;
        assert!(seen.is_sound(), "{seen:#?}");
        assert!(seen.findings.iter().any(|finding| finding.flaw == flaw && finding.remedy == Remedy::Healed));
        let seen = self.found(false).await;
        assert_eq!((seen.findings, seen.unsure), (Vec::new(), Vec::new()));
    }

    /// What `with_everything` left waiting and what a rescue brings back, done to its end.
    async fn drain(&self) -> BTreeSet<String> {
        let mut done = BTreeSet::new();
        self.lab.advance(ms(3_600_000));
        self.lab.store.resume(QUEUE).await.unwrap();
        loop {
            self.lab.promote().await;
            while !self.lab.store.rescue(9, 500).await.unwrap().available.is_empty() {}
            let leases = self.lab.take(Claim::MAX).await;
            if leases.is_empty() {
                return done;
            }
            for lease in leases {
                done.extend(names(std::slice::from_ref(&lease)));
                self.lab.complete(&lease).await;
            }
        }
    }

    /// Jobs in every state and place: fresh, keyed, unique, scheduled, retried, running, finished, in a group.
    async fn with_everything() -> Self {
        let shop = Self::new().await;
        let lab = &shop.lab;
        lab.run(job("done"), Outcome::Complete).await;
        lab.run(job("dead"), lab::discard()).await;
        lab.run(job("again"), lab::retry(60_000)).await;
        lab.run(job("replayed"), lab::discard()).await;
        let most = KeyLimits { running: std::num::NonZeroU32::new(90), rate: None };
        lab.store.set_limits(QUEUE, most).await.unwrap();
        lab.put(job("held").with_fairness_key("a")).await;
        lab.put(job("held-fresh").prioritized(crate::Priority::Critical)).await;
        assert_eq!(lab.take(2).await.len(), 2);
        lab.put_all(jobs("fresh", 5)).await;
        lab.put(job("keyed").with_fairness_key("a")).await;
        lab.put_all(jobs("packed", 2).into_iter().map(|job| job.with_fairness_key("a")).collect()).await;
        lab.put(job("later").at(lab.now().plus(ms(60_000)))).await;
        lab.put(job("unique").unique_by(Unique::until_done("u"))).await;
        lab.put(job("soon").expiring(lab.now().plus(ms(99_000_000)))).await;
        lab.open(group("g", vec![job("member")])).await;
        let filter = lab::only("replayed");
        let replay = Replay { filter, edit: crate::Edit::default(), per_second: None, limit: 1 };
        assert_eq!(lab.store.replay(&replay).await.unwrap(), 1);
        let seen = shop.found(false).await;
        assert_eq!((seen.findings, seen.unsure, seen.jobs), (Vec::new(), Vec::new(), 18));
        shop
    }
}

const LEFT: [&str; 16] = [
    "again",
    "fresh-0",
    "fresh-1",
    "fresh-2",
    "fresh-3",
    "fresh-4",
    "held",
    "held-fresh",
    "keyed",
    "later",
    "member",
    "packed-0",
    "packed-1",
    "replayed",
    "soon",
    "unique",
];

#[tokio::test]
async fn a_damaged_record_is_set_aside_and_the_rest_goes_on() {
    let shop = Shop::new().await;
    for job in jobs("a", 3) {
        shop.lab.put(job).await;
    }
    let seq = shop.seq("a-1").await;
    shop.hand("HSET", "jobs", &[&seq, b"jA"]).await;
    shop.heals(Flaw::Damaged).await;
    assert_eq!(shop.found(false).await.set_aside, 1);
    assert_eq!(shop.lab.put(job("a-1")).await, crate::Enqueued::New(id("a-1")));
    assert_eq!(shop.lab.drain().await, ["a-0", "a-2", "a-1"]);
}

#[tokio::test]
async fn a_damaged_pack_is_set_aside_and_the_rest_goes_on() {
    let shop = Shop::new().await;
    for name in ["a", "b", "c"] {
        shop.lab.put_all(jobs(name, 2)).await;
    }
    let redis::Value::Array(names) = shop.hand("ZRANGE", "spans", &[b"1", b"1"]).await else {
        panic!("the second pack")
    };
    let redis::Value::BulkString(pack) = &names[0] else { panic!("{names:?}") };
    shop.hand("HSET", "packs", &[pack, b"p"]).await;
    shop.heals(Flaw::Damaged).await;
    assert_eq!(shop.found(false).await.set_aside, 2, "head and payloads");
    assert_eq!(shop.lab.put(job("b-1")).await, crate::Enqueued::New(id("b-1")));
    assert_eq!(shop.lab.drain().await, ["a-0", "a-1", "c-0", "c-1", "b-1"]);
}

#[tokio::test]
async fn a_record_whose_extras_lie_about_their_length_is_damaged() {
    let shop = Shop::new().await;
    shop.lab.put(job("a").with_fairness_key("somebody")).await;
    let seq = shop.seq("a").await;
    let redis::Value::BulkString(mut record) = shop.hand("HGET", "jobs", &[&seq]).await else {
        panic!("a record")
    };
    let at = record.windows(8).position(|window| window == b"somebody").unwrap();
    record[at - 1] = 200;
    shop.hand("HSET", "jobs", &[&seq, &record]).await;
    shop.heals(Flaw::Damaged).await;
}

#[tokio::test]
async fn a_running_job_without_a_lease_runs_again() {
    let shop = Shop::new().await;
    shop.lab.put(job("fresh")).await;
    shop.lab.put(job("keyed").with_fairness_key("a")).await;
    assert_eq!(shop.lab.take(2).await.len(), 2);
    shop.hand("DEL", "run", &[]).await;
    shop.heals(Flaw::RunningWithoutLease).await;
    assert_eq!(shop.lab.drain().await.len(), 2);
}

#[tokio::test]
async fn a_running_job_without_a_lease_that_was_to_stop_is_cancelled() {
    let shop = Shop::new().await;
    shop.lab.put(job("a")).await;
    shop.lab.take_one().await;
    shop.lab.store.cancel(&lab::only("a")).await.unwrap();
    shop.hand("DEL", "run", &[]).await;
    shop.heals(Flaw::RunningWithoutLease).await;
    assert_eq!(shop.lab.state("a").await, JobState::Cancelled);
}

#[tokio::test]
async fn a_lease_without_a_job_is_closed_and_others_of_its_bundle_hold() {
    let shop = Shop::new().await;
    for job in jobs("a", 2) {
        shop.lab.put(job).await;
    }
    let leases = shop.lab.take(2).await;
    let seq = shop.seq("a-0").await;
    shop.hand("HDEL", "jobs", &[&seq]).await;
    shop.heals(Flaw::Lease).await;
    assert_eq!(shop.lab.settle(&leases[0], Outcome::Complete).await, Settled::LeaseLost);
    assert_eq!(shop.lab.settle(&leases[1], Outcome::Complete).await, Settled::Applied);
}

#[tokio::test]
async fn a_damaged_record_of_leases_gives_its_jobs_back() {
    let shop = Shop::new().await;
    shop.lab.put(job("a")).await;
    shop.lab.take_one().await;
    let redis::Value::Array(names) = shop.hand("HKEYS", "run", &[]).await else { panic!("names") };
    let redis::Value::BulkString(name) = &names[0] else { panic!("a name") };
    shop.hand("HSET", "run", &[name, b"b"]).await;
    shop.heals(Flaw::Lease).await;
    assert_eq!(shop.lab.drain().await, ["a"]);
}

#[tokio::test]
async fn a_key_whose_holder_is_gone_is_free_again() {
    let shop = Shop::new().await;
    shop.lab.put(job("a").unique_by(Unique::until_done("k"))).await;
    let seq = shop.seq("a").await;
    shop.hand("HDEL", "jobs", &[&seq]).await;
    assert_eq!(shop.store.locks("").await.unwrap().keys[0].holder, None);
    shop.heals(Flaw::UniqueKey).await;
    let next = job("b").unique_by(Unique::until_done("k"));
    assert_eq!(shop.lab.put(next).await, crate::Enqueued::New(id("b")));
}

#[tokio::test]
async fn two_jobs_with_one_key_are_reported_and_left_alone() {
    let shop = Shop::new().await;
    shop.lab.put(job("a").unique_by(Unique::until_done("k"))).await;
    assert_eq!(shop.store.release_key(KIND, "k", true).await.unwrap(), Released::Released(Some(id("a"))));
    shop.lab.put(job("b").unique_by(Unique::until_done("k"))).await;
    let seen = shop.found(true).await;
    assert_eq!(seen.findings.len(), 1, "{seen:#?}");
    assert_eq!((seen.findings[0].flaw, seen.findings[0].remedy), (Flaw::UniqueKey, Remedy::None));
    assert!(!seen.is_sound());
}

#[tokio::test]
async fn a_request_kept_for_a_job_that_is_gone_is_stored() {
    let shop = Shop::new().await;
    let once_more = |name: &str| NewJob {
        unique: Some(Unique {
            key: "k".into(),
            scope: UniqueScope::UntilDone,
            on_conflict: OnConflict::RunOnceMore,
        }),
        ..job(name)
    };
    shop.lab.put(once_more("a")).await;
    shop.lab.take_one().await;
    shop.lab.put(once_more("b")).await;
    let seq = shop.seq("a").await;
    shop.hand("HDEL", "jobs", &[&seq]).await;
    shop.heals(Flaw::UniqueKey).await;
    assert_eq!(shop.lab.drain().await, ["b"]);
}

#[tokio::test]
async fn counters_that_are_off_are_corrected() {
    let shop = Shop::with_everything().await;
    shop.hand("HSET", "q:default:count", &[b"A", b"77"]).await;
    shop.hand("HSET", "q:default:k2", &[b"a", b"9", b"nobody", b"4"]).await;
    shop.hand("HSET", "q:default:running", &[b"a", b"5"]).await;
    shop.hand("HSET", "meta", &[b"done_bytes", b"12345"]).await;
    let group = [b"g:", group_id("g").0.as_bytes().as_slice()].concat();
    let mut raw = redis::cmd("HSET");
    let key = [shop.store.link.key("").as_bytes(), &group].concat();
    raw.arg(key).arg("pending").arg(3).arg("rows").arg(0);
    shop.store.link.command(&raw).await.unwrap();
    shop.heals(Flaw::Counter).await;
    assert_eq!(shop.drain().await, LEFT.map(str::to_owned).into());
    assert!(shop.lab.group("g").await.done_at.is_some());
    assert_eq!(shop.found(false).await.findings, Vec::new());
}

#[tokio::test]
async fn a_group_with_nothing_to_wait_for_ends() {
    let shop = Shop::new().await;
    shop.lab.open(group("g", vec![job("a")])).await;
    let key = [shop.store.link.key("g:").as_bytes(), group_id("g").0.as_bytes()].concat();
    let mut raw = redis::cmd("HINCRBY");
    raw.arg(key).arg("pending").arg(1);
    shop.store.link.command(&raw).await.unwrap();
    let lease = shop.lab.take_one().await;
    shop.lab.complete(&lease).await;
    assert_eq!(shop.lab.group("g").await.done_at, None);
    shop.heals(Flaw::Counter).await;
    assert!(shop.lab.group("g").await.done_at.is_some());
}

#[tokio::test]
async fn an_entry_for_a_job_that_has_ended_does_not_run_it_again() {
    let shop = Shop::new().await;
    shop.lab.run(job("a"), Outcome::Complete).await;
    let seq = shop.seq("a").await;
    shop.hand("ZADD", "q:default:due", &[b"1", &seq]).await;
    shop.heals(Flaw::Index).await;
    assert!(shop.lab.drain().await.is_empty());
}

/// Whatever index is lost, an examination rebuilds it from the records, and no job is.
#[tokio::test]
async fn whichever_index_is_lost_every_job_runs() {
    let lost = [
        "q:default:f2",
        "q:default:h2",
        "s:\u{7}default2a",
        "q:default:z2",
        "q:default:n2",
        "q:default:k2",
        "q:default:t2",
        "q:default:due",
        "q:default:exp",
        "q:default:count",
        "q:default:running",
        "queues",
        "ids",
        "ranges",
        "keys",
        "run",
        "leases",
        "held",
        "spans",
        "fin:c",
        "fin:d",
    ];
    for key in lost {
        let shop = Shop::with_everything().await;
        shop.hand("DEL", key, &[]).await;
        let seen = shop.found(false).await;
        assert!(!seen.is_sound(), "{key}: nothing was found");
        let seen = shop.found(true).await;
        assert!(seen.is_sound() && seen.unsure.is_empty(), "{key}: {seen:#?}");
        let seen = shop.found(false).await;
        assert_eq!((seen.findings, seen.unsure), (Vec::new(), Vec::new()), "{key}");
        assert_eq!(shop.drain().await, LEFT.map(str::to_owned).into(), "{key}");
        assert_eq!(shop.found(false).await.findings, Vec::new(), "{key} after the work");
    }
}

#[tokio::test]
async fn the_highest_id_is_found_again() {
    let shop = Shop::new().await;
    shop.lab.put_all(jobs("a", 5)).await;
    shop.hand("HDEL", "meta", &[b"top"]).await;
    shop.heals(Flaw::Index).await;
    assert_eq!(shop.lab.put_all(jobs("a", 6)).await[4], crate::Enqueued::Existing(id("a-4")));
}

#[tokio::test]
async fn what_is_left_of_a_list_without_its_head_does_not_come_back() {
    let shop = Shop::new().await;
    let keyed = |name: &str| job(name).with_fairness_key("a");
    for name in ["a", "b"] {
        shop.lab.put(keyed(name)).await;
    }
    shop.hand("DEL", "q:default:h2", &[]).await;
    shop.heals(Flaw::RunningWithoutLease).await;
    for name in ["c", "d"] {
        shop.lab.put(keyed(name)).await;
    }
    assert_eq!(names(&shop.lab.take(3).await), ["a", "b", "c"]);
    assert_eq!(shop.found(false).await.findings, Vec::new());
    assert_eq!(shop.lab.state("c").await, JobState::Running);
}

#[tokio::test]
async fn thousands_of_jobs_are_examined_in_steps() {
    let shop = Shop::new().await;
    shop.lab.put_all(jobs("a", 2_300)).await;
    let leases = shop.lab.take(500).await;
    let settled = leases.iter().map(|lease| crate::Settlement::new(lease.key(), Outcome::Complete));
    shop.lab.store.settle(settled.collect()).await.unwrap();
    let token = match shop.hand("LINDEX", "q:default:f2", &[b"5"]).await {
        redis::Value::BulkString(token) => token,
        other => panic!("{other:?}"),
    };
    assert_eq!(shop.found(false).await.jobs, 2_300);
    shop.hand("LREM", "q:default:f2", &[b"1", &token]).await;
    shop.heals(Flaw::Index).await;
    let mut left = 0;
    while let taken @ 1.. = shop.lab.take(500).await.len() {
        left += taken;
    }
    assert_eq!(left, 1_800);
}

#[tokio::test]
async fn a_key_taken_by_hand_is_not_missed() {
    let shop = Shop::new().await;
    shop.lab.put(job("a").unique_by(Unique::until_done("k"))).await;
    let released = shop.store.release_key(KIND, "k", true).await.unwrap();
    assert_eq!(released, Released::Released(Some(id("a"))));
    let seen = shop.store.examine(true).await.unwrap();
    assert_eq!(seen.findings, [], "{seen:?}");
    assert_eq!(shop.store.locks("").await.unwrap().keys, []);
}
