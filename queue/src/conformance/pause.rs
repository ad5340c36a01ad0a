//! Pausing queues.

use super::lab::{LEASE, Lab, QUEUE, job, jobs, ms};
use crate::{JobState, NewJob, Renewal};

pub async fn a_paused_queue_gives_nothing_until_it_is_resumed(lab: Lab) {
    lab.put(job("a")).await;
    lab.store.pause(QUEUE).await.unwrap();
    assert!(lab.drain().await.is_empty());
    lab.put(job("b")).await;
    assert!(lab.drain().await.is_empty());
    lab.store.resume(QUEUE).await.unwrap();
    assert_eq!(lab.drain().await, ["a", "b"]);
}

pub async fn running_jobs_go_on_while_their_queue_is_paused(lab: Lab) {
    lab.put_all(jobs("a", 2)).await;
    let leases = lab.take(2).await;
    lab.store.pause(QUEUE).await.unwrap();
    assert_eq!(lab.store.renew(&[leases[0].key()], LEASE).await.unwrap(), [Renewal::Renewed]);
    lab.complete(&leases[0]).await;
    lab.end(&leases[1], super::lab::retry(0)).await;
    assert!(lab.drain().await.is_empty());
    assert_eq!(lab.state("a-1").await, JobState::Available);
}

pub async fn other_queues_go_on(lab: Lab) {
    lab.store.pause("other").await.unwrap();
    lab.put(job("a")).await;
    lab.put(NewJob { queue: "other".into(), ..job("b") }).await;
    assert_eq!(lab.drain().await, ["a"]);
}

pub async fn a_claim_on_a_paused_queue_does_not_ask_to_look_again(lab: Lab) {
    lab.put(job("a").at(lab.now().plus(ms(5)))).await;
    lab.store.pause(QUEUE).await.unwrap();
    assert_eq!(lab.claim(&Lab::request(1)).await.next_due, None);
}

pub async fn due_jobs_of_a_paused_queue_become_available(lab: Lab) {
    lab.put(job("a").at(lab.now().plus(ms(5)))).await;
    lab.store.pause(QUEUE).await.unwrap();
    lab.advance(ms(5));
    lab.promote().await;
    assert_eq!(lab.state("a").await, JobState::Available);
}

pub async fn pausing_and_resuming_twice_is_once(lab: Lab) {
    lab.put(job("a")).await;
    lab.store.pause(QUEUE).await.unwrap();
    lab.store.pause(QUEUE).await.unwrap();
    lab.store.resume(QUEUE).await.unwrap();
    lab.store.resume(QUEUE).await.unwrap();
    assert_eq!(lab.drain().await, ["a"]);
}

pub async fn a_queue_can_be_paused_before_its_first_job(lab: Lab) {
    lab.store.pause("coming").await.unwrap();
    let queues = lab.store.queues().await.unwrap();
    assert!(queues.iter().any(|queue| queue.name == "coming" && queue.paused));
    lab.put(NewJob { queue: "coming".into(), ..job("a") }).await;
    let claim = crate::Claim { queue: "coming".into(), ..Lab::request(1) };
    assert!(lab.claim(&claim).await.leases.is_empty());
}
