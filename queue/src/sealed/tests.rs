//! The suite through the decorator (but for exact bytes: a seal counts against the retention), and what only it promises.

use super::{Encrypted, KeyError, SealingKeys};
use crate::conformance::lab::{self, KIND, QUEUE, group, id, job};
use crate::conformance::{Bed, Lab, MemoryBed, Through, model};
use crate::{
    Claim, Edit, JobFilter, JobState, NewGroup, NewJob, OnConflict, Outcome, Replay, Settlement, Store,
    Timestamp, Unique,
};
use proptest::prelude::*;
use std::sync::Arc;

const OLD: &str = "old=1111111111111111111111111111111111111111111111111111111111111111";
const NEW: &str = "new=2222222222222222222222222222222222222222222222222222222222222222";

fn keys(texts: &[&str]) -> SealingKeys {
    SealingKeys::parse(&texts.join(",")).unwrap().unwrap()
}

fn with(store: &Arc<dyn Store>, texts: &[&str]) -> Arc<dyn Store> {
    Arc::new(Encrypted::new(Arc::clone(store), keys(texts)))
}

async fn bed() -> impl Bed {
    Through::new(MemoryBed::default(), |store| Encrypted::new(store, keys(&[NEW, OLD])))
}

crate::conformance!(bed);
crate::conformance_fair!(bed);

#[test]
fn random_sequences_agree_with_the_naive_model() {
    model::check(bed, 40);
}

/// On a server, where payloads take other ways than in memory.
mod on_redis {
    use super::{Bed, Encrypted, NEW, Through, keys, model};

    async fn bed() -> impl Bed {
        Through::new(crate::redis::tests::bed().await, |store| Encrypted::new(store, keys(&[NEW])))
    }

    crate::conformance!(bed);
    crate::conformance_fair!(bed);

    #[test]
    fn random_sequences_agree_with_the_naive_model() {
        model::check(bed, 20);
    }
}

/// The stored payload of a job.
async fn raw(lab: &Lab, name: &str) -> Vec<u8> {
    lab.record(name).await.payload
}

fn readable(payload: &[u8], name: &str) -> bool {
    payload.windows(name.len()).any(|window| window == name.as_bytes())
}

#[tokio::test]
async fn no_payload_reaches_the_store_readable() {
    let lab = Lab::new(MemoryBed::default()).await;
    let sealed = with(&lab.store, &[NEW]);
    sealed.enqueue(vec![job("plain")]).await.unwrap();
    let follow_up = Some(job("follow-up"));
    let open = NewGroup { follow_up, ..group("g", vec![job("member")]) };
    sealed.open_group(open).await.unwrap();
    sealed.fire("entry", Timestamp(1), vec![job("cron")]).await.unwrap();
    let claimed = sealed.claim(&Lab::request(10)).await.unwrap().leases;
    assert_eq!(lab::names(&claimed), ["plain", "member", "cron"]);
    for lease in &claimed {
        let follow_on = vec![job(&format!("after-{}", lease.job))];
        let settlement = Settlement { follow_on, ..Settlement::new(lease.key(), Outcome::Complete) };
        sealed.settle(vec![settlement]).await.unwrap();
    }
    let claimed = sealed.claim(&Lab::request(10)).await.unwrap().leases;
    assert_eq!(claimed.len(), 4, "three follow-ons and a follow-up");
    assert!(lab::names(&claimed).contains(&"follow-up".to_owned()));
    for record in lab.all().await {
        assert!(super::envelope::is_sealed(&record.payload), "{:?}", record.payload);
        for name in ["plain", "follow-up", "member", "cron", "after"] {
            assert!(!readable(&record.payload, name), "{name}");
        }
        let shown = sealed.job(record.id).await.unwrap().unwrap();
        assert!(shown.payload.starts_with(b"\""), "{:?}", shown.payload);
    }
}

#[tokio::test]
async fn keys_are_rotated_without_losing_what_the_old_one_sealed() {
    let lab = Lab::new(MemoryBed::default()).await;
    lab.put(job("before")).await;
    with(&lab.store, &[OLD]).enqueue(vec![job("old")]).await.unwrap();
    let rotated = with(&lab.store, &[NEW, OLD]);
    rotated.enqueue(vec![job("new")]).await.unwrap();
    assert!(
        readable(&raw(&lab, "old").await, "old") && readable(&raw(&lab, "new").await, "new"),
        "key names"
    );
    let leases = rotated.claim(&Lab::request(10)).await.unwrap().leases;
    assert_eq!(lab::names(&leases), ["before", "old", "new"]);
}

#[tokio::test]
async fn a_job_whose_key_is_missing_goes_to_the_dead_set_alone_and_can_be_replayed() {
    let lab = Lab::new(MemoryBed::default()).await;
    with(&lab.store, &[OLD]).enqueue(vec![job("a")]).await.unwrap();
    let forgetful = with(&lab.store, &[NEW]);
    forgetful.enqueue(vec![job("b")]).await.unwrap();
    let (_, claimed) = forgetful.turn(Vec::new(), &Lab::request(10)).await.unwrap();
    assert_eq!(lab::names(&claimed.leases), ["b"]);
    let record = forgetful.job(id("a")).await.unwrap().unwrap();
    assert_eq!(record.state, JobState::Discarded);
    let error = record.last_error.unwrap();
    assert!(error.contains("\"old\"") && error.contains("queue.encryption.keys"), "{error}");
    assert!(readable(&record.payload, "unreadable"));
    let replay = Replay { filter: lab::only("a"), limit: 10, ..Replay::default() };
    assert_eq!(forgetful.replay(&replay).await.unwrap(), 1);
    let leases = with(&lab.store, &[NEW, OLD]).claim(&Lab::request(10)).await.unwrap().leases;
    assert_eq!(lab::names(&leases), ["a"]);
}

#[tokio::test]
async fn a_payload_moved_to_another_job_is_refused() {
    let lab = Lab::new(MemoryBed::default()).await;
    let sealed = with(&lab.store, &[NEW]);
    sealed.enqueue(vec![job("a")]).await.unwrap();
    let stolen = NewJob { payload: raw(&lab, "a").await, ..job("b") };
    lab.put(stolen).await;
    let leases = sealed.claim(&Lab::request(10)).await.unwrap().leases;
    assert_eq!(lab::names(&leases), ["a"]);
    assert_eq!(lab.state("b").await, JobState::Discarded);
}

#[tokio::test]
async fn a_replaced_payload_opens_under_the_job_that_carries_it() {
    let lab = Lab::new(MemoryBed::default()).await;
    let sealed = with(&lab.store, &[NEW]);
    let replace = |name: &str| {
        job(name).unique_by(Unique { on_conflict: OnConflict::Replace, ..Unique::until_done("k") })
    };
    sealed.enqueue(vec![replace("first"), replace("second")]).await.unwrap();
    let leases = sealed.claim(&Lab::request(10)).await.unwrap().leases;
    assert_eq!(
        (leases.len(), leases[0].job, lab::names(&leases)),
        (1, id("first"), vec!["second".to_owned()])
    );
}

#[tokio::test]
async fn an_edited_payload_is_sealed_for_every_job_of_the_replay() {
    let lab = Lab::new(MemoryBed::default()).await;
    let sealed = with(&lab.store, &[NEW]);
    sealed.enqueue(lab::jobs("a", 2)).await.unwrap();
    for lease in sealed.claim(&Lab::request(10)).await.unwrap().leases {
        sealed.settle(vec![Settlement::new(lease.key(), lab::discard())]).await.unwrap();
    }
    let filter = JobFilter { kind: Some(KIND.into()), ..JobFilter::default() };
    let edit = Edit { payload: Some(b"\"better\"".to_vec()), ..Edit::default() };
    assert_eq!(sealed.replay(&Replay { filter, edit, per_second: None, limit: 10 }).await.unwrap(), 2);
    assert!(!readable(&raw(&lab, "a-0").await, "better"));
    let claim = Claim { queue: QUEUE.into(), ..Lab::request(10) };
    assert_eq!(lab::names(&sealed.claim(&claim).await.unwrap().leases), ["better", "better"]);
}

#[test]
fn a_wrong_list_of_keys_is_refused_without_showing_a_key() {
    let digits = "1".repeat(64);
    assert!(SealingKeys::parse("  ").unwrap().is_none());
    assert_eq!(SealingKeys::parse(&digits).unwrap_err(), KeyError::Shape(1));
    assert_eq!(SealingKeys::parse(&format!("a b={digits}")).unwrap_err(), KeyError::Shape(1));
    assert_eq!(SealingKeys::parse(&format!("a={digits},b=12")).unwrap_err(), KeyError::Digits("b".into()));
    assert_eq!(
        SealingKeys::parse(&format!("a={digits}, a={digits}")).unwrap_err(),
        KeyError::Twice("a".into())
    );
    assert_eq!(format!("{:?}", keys(&[NEW, OLD])), r#"["new", "old"]"#);
}

proptest! {
    #[test]
    fn what_is_sealed_opens_and_nothing_else_does(payload: Vec<u8>, at: prop::sample::Index, flip in 1u8..) {
        let (keys, of) = (keys(&[NEW]), job("a"));
        let sealed = keys.seal(&super::Binding::of(&of, of.id), &payload).unwrap();
        prop_assert_eq!(super::plain_len(&sealed), payload.len());
        prop_assert_eq!(keys.open(KIND, of.id, sealed.clone()).unwrap(), payload);
        prop_assert!(keys.open("other", of.id, sealed.clone()).is_err());
        prop_assert!(keys.open(KIND, id("b"), sealed.clone()).is_err());
        let mut broken = sealed.clone();
        let at = 2 + at.index(sealed.len() - 2);
        broken[at] ^= flip;
        prop_assert!(keys.open(KIND, of.id, broken).is_err());
        prop_assert!(keys.open(KIND, of.id, sealed[..at].to_vec()).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let of = job("a");
        let sealed = [&[0xE5, 0x01], bytes.as_slice()].concat();
        prop_assert!(super::plain_len(&sealed) <= sealed.len());
        prop_assert!(keys(&[NEW]).open(KIND, of.id, sealed).is_err());
    }
}
