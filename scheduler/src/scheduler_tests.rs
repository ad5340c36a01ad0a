use super::Scheduler;
use crate::cron::{Cron, Planned};
use crate::leader::Term;
use crate::testing::{TestClock, entry, job};
use crate::{Entry, Misfire, Options, SchedulerHandle, SchedulerStats, Template};
use backstock_queue::{
    Claim, Fence, JobFilter, JobId, JobState, KindRange, LeaseKey, MemoryStore, NewJob, Outcome, Page,
    PriorityOrder, Retention, Settlement, Store, Timestamp, WorkerId, WorkerInfo,
};
use backstock_service::{Service, Shutdown};
use std::collections::{BTreeMap, BTreeSet};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinHandle, time};

const ALL: Misfire = Misfire::All { max: 1000, window: Duration::from_hours(24) };
/// Before the night in which Berlin's clocks go back.
const START: Timestamp = Timestamp(1_792_875_600_000);

/// A store and a clock; both follow the paused time of the test.
struct House {
    store: Arc<MemoryStore>,
    clock: Arc<TestClock>,
}

impl House {
    fn new() -> Self {
        let clock = Arc::new(TestClock::starting(START));
        Self { store: Arc::new(MemoryStore::new(clock.clone())), clock }
    }

    fn start(&self, entries: &[Entry], options: Options) -> Running {
        let scheduler =
            Scheduler::new(self.store.clone(), self.clock.clone(), entries.to_vec(), options).unwrap();
        let (leading, handle, shutdown) = (scheduler.leading(), scheduler.handle(), Shutdown::new());
        Running { leading, handle, task: tokio::spawn(scheduler.run(shutdown.clone())), shutdown }
    }

    /// Ids of the jobs of this kind.
    async fn ids(&self, kind: &str) -> Vec<JobId> {
        let filter = JobFilter { kind: Some(kind.into()), ..JobFilter::default() };
        let mut ids = Vec::new();
        loop {
            let page = Page { offset: ids.len(), limit: 500 };
            let records = self.store.jobs(&filter, page).await.unwrap();
            if records.is_empty() {
                return ids;
            }
            ids.extend(records.iter().map(|record| record.id));
        }
    }

    /// Asserts that exactly the slots of `entry` in `from..=now` are there, each once.
    async fn assert_every_slot_once(&self, entry: &Entry, from: Timestamp) {
        let planned = Planned::all(vec![entry.clone()]).unwrap().remove(0);
        let next = |slot: &Timestamp| planned.schedule.next_after(*slot).filter(|slot| *slot <= self.now());
        let slots = std::iter::successors(next(&from), next);
        let expected: BTreeSet<JobId> = slots.map(|slot| planned.job(slot).id).collect();
        let ids = self.ids(&entry.name).await;
        assert_eq!(ids.len(), expected.len(), "{}", entry.name);
        assert!(expected == ids.into_iter().collect(), "{}", entry.name);
    }

    fn now(&self) -> Timestamp {
        backstock_queue::Clock::now(self.clock.as_ref())
    }
}

struct Running {
    leading: watch::Receiver<u64>,
    handle: SchedulerHandle,
    shutdown: Shutdown,
    task: JoinHandle<()>,
}

impl Running {
    async fn until_it_leads(&mut self) {
        self.leading.wait_for(|term| *term > 0).await.unwrap();
    }

    async fn stop(self) {
        self.shutdown.request();
        self.task.await.unwrap();
    }

    async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }

    fn leads(&self) -> bool {
        *self.leading.borrow() > 0
    }
}

#[tokio::test(start_paused = true)]
async fn two_schedulers_through_a_day_of_restarts_fire_each_slot_exactly_once() {
    let house = House::new();
    let entries = [
        Entry { misfire: ALL, ..entry("often", "*/20 * * * * *") },
        Entry { misfire: ALL, time_zone: "Europe/Berlin".into(), ..entry("intervals", "*/10 * * * *") },
        Entry { time_zone: "Europe/Berlin".into(), ..entry("fixed", "30 2 * * *") },
        Entry { misfire: Misfire::Skip, ..entry("skipping", "*/10 * * * *") },
    ];
    let mut pair = [house.start(&entries, Options::default()), house.start(&entries, Options::default())];
    let mut leaders = 0;
    for round in 0..30 {
        time::sleep(Duration::from_secs(46 * 60 + 7 * round)).await;
        assert_eq!(pair.iter().filter(|one| one.leads()).count(), 1, "one leads");
        let [first, second] = pair;
        let leader_first = first.leads();
        let (leader, other) = if leader_first { (first, second) } else { (second, first) };
        leaders += 1;
        if round % 2 == 0 {
            leader.kill().await;
        } else {
            leader.stop().await;
        }
        // Every fifth time both are gone for a while.
        let other = if round % 5 == 4 {
            other.kill().await;
            time::sleep(Duration::from_mins(25)).await;
            house.start(&entries, Options::default())
        } else {
            other
        };
        pair = [house.start(&entries, Options::default()), other];
    }
    time::sleep(Duration::from_mins(3)).await;
    assert_eq!(leaders, 30);
    assert!(house.now() > START.plus(Duration::from_hours(24)));
    for always in &entries[..3] {
        house.assert_every_slot_once(always, START).await;
    }
    let slots = house.ids("skipping").await.len();
    let all = usize::try_from(house.now().since(START).as_secs() / 600).unwrap();
    assert!(slots < all && slots > all - 6 * 4, "only what was missed is skipped: {slots} of {all}");
}

#[tokio::test(start_paused = true)]
async fn another_scheduler_leads_within_the_time_to_live_of_a_dead_leader() {
    let house = House::new();
    let mut first = house.start(&[], Options::default());
    first.until_it_leads().await;
    let mut second = house.start(&[], Options::default());
    time::sleep(Duration::from_millis(12_345)).await;
    assert!(!second.leads());
    let died = time::Instant::now();
    first.kill().await;
    second.until_it_leads().await;
    assert!(died.elapsed() <= Options::default().leadership, "{:?}", died.elapsed());
    assert!(died.elapsed() >= Duration::from_secs(3), "not before the first one's term was over");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_stops_resigns_so_that_another_leads_at_its_next_look() {
    let house = House::new();
    let mut first = house.start(&[], Options::default());
    first.until_it_leads().await;
    let mut second = house.start(&[], Options::default());
    time::sleep(Duration::from_secs(10)).await;
    let stopped = time::Instant::now();
    first.stop().await;
    second.until_it_leads().await;
    assert!(stopped.elapsed() <= Options::default().renewal, "{:?}", stopped.elapsed());
}

#[tokio::test(start_paused = true)]
async fn two_that_both_believe_to_lead_fire_a_slot_once() {
    let house = House::new();
    let often = Entry { misfire: ALL, ..entry("often", "* * * * * *") };
    let mut both = [1, 2].map(|fence| Cron {
        store: house.store.clone(),
        clock: house.clock.clone(),
        term: Arc::new(Term::held(Fence(fence), time::Instant::now() + Duration::from_hours(1))),
        entries: Planned::all(vec![often.clone()]).unwrap(),
        grace: Duration::from_mins(1),
        cursors: None,
    });
    for _ in 0..100 {
        let [one, other] = &mut both;
        let (one, other) = futures::join!(one.tick(), other.tick());
        one.and(other).unwrap();
        time::sleep(Duration::from_millis(1700)).await;
    }
    both[0].tick().await.unwrap();
    house.assert_every_slot_once(&often, START).await;
}

#[tokio::test(start_paused = true)]
async fn an_entry_begins_at_its_first_start_and_missed_slots_count_from_then() {
    let house = House::new();
    let once = entry("once", "0 * * * *");
    let first = house.start(std::slice::from_ref(&once), Options::default());
    time::sleep(Duration::from_mins(1)).await;
    first.stop().await;
    assert!(house.ids("once").await.is_empty(), "no slot before its first start");
    time::sleep(Duration::from_hours(5)).await;
    let second = house.start(&[once], Options::default());
    time::sleep(Duration::from_mins(1)).await;
    assert_eq!(house.ids("once").await.len(), 1, "the last missed slot, once");
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn slots_of_a_disabled_entry_pass_and_are_not_made_up_for() {
    let house = House::new();
    let off = Entry { enabled: false, misfire: ALL, ..entry("off", "* * * * *") };
    let first = house.start(std::slice::from_ref(&off), Options::default());
    time::sleep(Duration::from_secs(30 * 60 + 5)).await;
    first.stop().await;
    assert!(house.ids("off").await.is_empty());
    let second = house.start(&[Entry { enabled: true, ..off }], Options::default());
    time::sleep(Duration::from_mins(3)).await;
    assert_eq!(house.ids("off").await.len(), 3);
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_entry_whose_job_is_refused_or_cannot_be_made_does_not_hold_up_the_others() {
    let house = House::new();
    let too_large = NewJob { payload: vec![b' '; NewJob::MAX_PAYLOAD_BYTES + 1], ..job("large") };
    let entries = [
        Entry { job: Template::Copy(too_large), ..entry("large", "* * * * *") },
        Entry { job: Template::Make(Arc::new(|_| panic!("no"))), ..entry("panics", "* * * * *") },
        entry("good", "* * * * *"),
    ];
    let scheduler = house.start(&entries, Options::default());
    time::sleep(Duration::from_secs(605)).await;
    house.assert_every_slot_once(&entries[2], START).await;
    let cursors: BTreeMap<_, _> = house.store.last_fired().await.unwrap().into_iter().collect();
    assert_eq!(cursors["large"], cursors["good"]);
    assert_eq!(cursors["panics"], cursors["good"]);
    scheduler.stop().await;
}

#[tokio::test(start_paused = true)]
async fn scheduled_jobs_become_available_when_they_are_due_and_never_early() {
    let house = House::new();
    let scheduler = house.start(&[], Options::default());
    time::sleep(Duration::from_secs(2)).await;
    let due = [1, 700, 700, 20_000].map(|millis| house.now().plus(Duration::from_millis(millis)));
    let jobs = due.map(|due| job("later").at(due));
    house.store.enqueue(jobs.to_vec()).await.unwrap();
    for (job, due) in jobs.iter().zip(due) {
        while house.now() < due {
            assert_eq!(house.store.job(job.id).await.unwrap().unwrap().state, JobState::Scheduled);
            time::sleep(due.since(house.now()).min(Duration::from_millis(250))).await;
        }
        // What another process schedules is noticed within a second.
        time::sleep(Duration::from_secs(1)).await;
        assert_eq!(house.store.job(job.id).await.unwrap().unwrap().state, JobState::Available);
    }
    scheduler.stop().await;
}

#[tokio::test(start_paused = true)]
async fn jobs_of_a_dead_worker_are_available_again_and_finished_ones_are_pruned() {
    let house = House::new();
    let piece = 2;
    let retention = Retention { max_age: Duration::from_mins(1), ..Retention::default() };
    let scheduler = house.start(&[], Options { retention, piece, ..Options::default() });
    let leases = house.claim_all(5).await;
    house.store.kill(&WorkerId("w".into()));
    time::sleep(Duration::from_secs(2)).await;
    for lease in &leases {
        assert_eq!(house.store.job(lease.job).await.unwrap().unwrap().state, JobState::Available);
    }
    let again = house.claim_all(0).await;
    let done = again.iter().map(|lease| Settlement::new(*lease, Outcome::Complete)).collect();
    house.store.settle(done).await.unwrap();
    assert_eq!((again.len(), house.ids("work").await.len()), (5, 5));
    time::sleep(Duration::from_secs(95)).await;
    assert!(house.ids("work").await.is_empty(), "three pieces in one round");
    let handle = scheduler.handle.clone();
    let counted =
        SchedulerStats { leads: true, rescued: 5, dead_workers: 1, pruned: 5, ..SchedulerStats::default() };
    assert_eq!(handle.stats(), counted);
    scheduler.stop().await;
    assert_eq!(handle.stats(), SchedulerStats { leads: false, ..counted }, "also after the end");
}

impl House {
    /// Enqueues `jobs` more jobs and leases all there are to the worker `w`.
    async fn claim_all(&self, jobs: usize) -> Vec<LeaseKey> {
        let worker = WorkerId("w".into());
        self.store.enqueue((0..jobs).map(|_| job("work")).collect()).await.unwrap();
        let kinds = vec![KindRange { kind: "work".into(), max_version: 1 }];
        let patience = Duration::from_mins(5);
        let info =
            WorkerInfo { id: worker.clone(), host: "h".into(), pid: 1, kinds: kinds.clone(), patience };
        self.store.check_in(&info).await.unwrap();
        let claim = Claim {
            worker,
            queue: "default".into(),
            kinds,
            max: 100,
            lease_for: Duration::from_mins(10),
            order: PriorityOrder::default(),
            draw: 0,
        };
        self.store.claim(&claim).await.unwrap().leases.iter().map(backstock_queue::Lease::key).collect()
    }
}
