//! What operators see.

use super::lab::{Lab, QUEUE, discard, group, group_id, id, job, jobs, ms, retry, worker};
use crate::{JobFilter, JobId, JobState, NewJob, Outcome, Page, StateCounts};

async fn found(lab: &Lab, filter: JobFilter) -> Vec<JobId> {
    let jobs = lab.store.jobs(&filter, Page::default()).await.unwrap();
    jobs.into_iter().map(|job| job.id).collect()
}

pub async fn a_job_nobody_stored_is_not_found(lab: Lab) {
    assert_eq!(lab.find("nobody").await, None);
}

pub async fn jobs_are_listed_last_stored_first_page_by_page(lab: Lab) {
    lab.put_all(jobs("a", 5)).await;
    let page = async |offset, limit| {
        let page = lab.store.jobs(&JobFilter::default(), Page { offset, limit }).await.unwrap();
        page.into_iter().map(|job| job.id).collect::<Vec<_>>()
    };
    assert_eq!(page(0, 2).await, [id("a-4"), id("a-3")]);
    assert_eq!(page(2, 2).await, [id("a-2"), id("a-1")]);
    assert_eq!(page(4, 2).await, [id("a-0")]);
    assert!(page(9, 2).await.is_empty());
    assert!(page(0, 0).await.is_empty());
}

pub async fn a_page_is_capped(lab: Lab) {
    lab.put_all(jobs("a", 520)).await;
    let page = Page { offset: 0, limit: usize::MAX };
    assert_eq!(lab.store.jobs(&JobFilter::default(), page).await.unwrap().len(), 500);
    let page = Page { offset: usize::MAX, limit: 5 };
    assert!(lab.store.jobs(&JobFilter::default(), page).await.unwrap().is_empty());
}

pub async fn filters_narrow_the_listing(lab: Lab) {
    lab.run(job("dead"), Outcome::Discard { error: "disk 100% full_ at 'C:\\x'".into() }).await;
    lab.open(group("g", vec![job("member")])).await;
    lab.put(NewJob { kind: "rare".into(), ..job("rare") }).await;
    lab.put(NewJob { queue: "other".into(), ..job("other") }).await;
    let all = JobFilter::default;
    assert_eq!(found(&lab, JobFilter { kind: Some("rare".into()), ..all() }).await, [id("rare")]);
    assert_eq!(found(&lab, JobFilter { queue: Some("other".into()), ..all() }).await, [id("other")]);
    assert_eq!(found(&lab, JobFilter { group: Some(group_id("g")), ..all() }).await, [id("member")]);
    assert_eq!(
        found(&lab, JobFilter { ids: vec![id("rare"), id("dead")], ..all() }).await,
        [id("rare"), id("dead")]
    );
    let states = vec![JobState::Discarded, JobState::Completed];
    assert_eq!(found(&lab, JobFilter { states, ..all() }).await, [id("dead")]);
    for (text, hits) in [("100% full_", 1), ("'C:\\x'", 1), ("full%", 0), ("100_", 0), ("DISK", 0), ("", 1)] {
        let filter = JobFilter { error_contains: Some(text.into()), ..all() };
        assert_eq!(found(&lab, filter).await.len(), hits, "{text:?}");
    }
    let both = JobFilter { queue: Some(QUEUE.into()), kind: Some("rare".into()), ..all() };
    assert_eq!(found(&lab, both).await, [id("rare")]);
}

pub async fn queues_count_their_jobs_by_state(lab: Lab) {
    lab.run(job("completed"), Outcome::Complete).await;
    lab.run(job("discarded"), discard()).await;
    lab.run(job("cancelled"), Outcome::Cancel { reason: "no".into() }).await;
    lab.run(job("retryable"), retry(1_000)).await;
    lab.put(job("running")).await;
    lab.take_one().await;
    lab.put(job("scheduled").at(lab.now().plus(ms(900)))).await;
    lab.put(job("available")).await;
    lab.put(NewJob { queue: "another".into(), ..job("elsewhere") }).await;
    let queues = lab.store.queues().await.unwrap();
    assert_eq!(queues.iter().map(|queue| queue.name.as_str()).collect::<Vec<_>>(), ["another", QUEUE]);
    let expected: StateCounts = JobState::ALL
        .into_iter()
        .filter(|state| *state != JobState::Quarantined)
        .map(|state| (state, 1))
        .collect();
    assert_eq!(queues[1].counts, expected);
    assert!(!queues[1].paused);
}

pub async fn a_queue_shows_how_long_its_oldest_job_waits(lab: Lab) {
    let oldest = async || lab.store.queues().await.unwrap()[0].oldest_due_at;
    let start = lab.now();
    lab.put(job("a")).await;
    lab.advance(ms(5));
    lab.put(job("b")).await;
    assert_eq!(oldest().await, Some(start));
    lab.take_one().await;
    assert_eq!(oldest().await, Some(start.plus(ms(5))));
    lab.take_one().await;
    assert_eq!(oldest().await, None);
}

pub async fn a_queue_is_remembered_when_its_jobs_are_gone(lab: Lab) {
    lab.run(job("a"), Outcome::Complete).await;
    lab.advance(ms(1));
    let nothing = crate::Retention { max_age: std::time::Duration::ZERO, ..Default::default() };
    lab.store.prune(&nothing, 500).await.unwrap();
    let queues = lab.store.queues().await.unwrap();
    assert_eq!((queues.len(), queues[0].name.as_str(), queues[0].counts.len()), (1, QUEUE, 0));
}

pub async fn workers_show_when_they_came_and_what_they_hold(lab: Lab) {
    let start = lab.now();
    lab.advance(ms(5));
    lab.check_in("v").await;
    lab.check_in("w").await;
    lab.put_all(jobs("a", 3)).await;
    let leases = lab.take(2).await;
    let workers = lab.store.workers().await.unwrap();
    assert_eq!(
        workers.iter().map(|status| status.id.clone()).collect::<Vec<_>>(),
        [worker("v"), worker("w")]
    );
    assert_eq!((workers[0].running, workers[1].running), (0, 2));
    assert_eq!((workers[1].started_at, workers[1].seen_at), (start, lab.now()));
    assert_eq!((workers[0].host.as_str(), workers[0].pid), ("lab", 7));
    lab.complete(&leases[0]).await;
    assert_eq!(lab.store.workers().await.unwrap()[1].running, 1);
}

pub async fn a_new_store_is_empty(lab: Lab) {
    assert!(lab.all().await.is_empty());
    assert!(lab.store.queues().await.unwrap().is_empty());
    assert!(lab.store.groups(Page::default()).await.unwrap().is_empty());
    assert!(lab.drain().await.is_empty());
    assert!(!lab.store.name().is_empty());
}
