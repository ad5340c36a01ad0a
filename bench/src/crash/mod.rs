//! Workers killed at random moments: what `redis-crash` and `rabbit-crash` share. Each job writes into a book when it begins
//! and when it ends, so that afterwards the book tells what was lost, what ran twice and how soon it ran again.

mod book;
mod crew;
mod runs;
mod task;
mod worker;

pub use book::{Entry, length, read};
pub use crew::{Crew, Kill};
pub use runs::Runs;
pub use task::{EFFECTS, PLACES, Task, now};
pub use worker::{BOOK, LEDGER, URL, given, work};

use anyhow::Context;
use backstock_queue::{
    Draws, GroupId, GroupStatus, JobFilter, JobState, NewGroup, NewJob, Page, Replay, Store,
};
use std::time::Duration;

/// Workers at a time.
pub const WORKERS: usize = 4;

/// Enqueues the jobs; one of `every` as a member of a group, which counts its effects.
pub async fn enqueue(store: &dyn Store, jobs: usize, every: usize) -> anyhow::Result<GroupId> {
    let id = GroupId::generate();
    let (name, parent, follow_up) = ("crash".to_owned(), None, None);
    store.open_group(NewGroup { id, name, parent, follow_up, jobs: Vec::new(), sealed: false }).await?;
    for first in (0..jobs).step_by(500) {
        let new = |number: usize| {
            let job = NewJob::of(&Task { number: number as u32 })?;
            anyhow::Ok(if number.is_multiple_of(every) { job.in_group(id) } else { job })
        };
        store.enqueue((first..jobs.min(first + 500)).map(new).collect::<anyhow::Result<_>>()?).await?;
    }
    store.seal_group(id).await?;
    Ok(id)
}

pub async fn status(store: &dyn Store, group: GroupId) -> anyhow::Result<GroupStatus> {
    store.group(group).await?.context("the group is gone")
}

/// Waits until the next kill: at least so many milliseconds, and up to so many more.
pub async fn pause(draws: &Draws, (least, more): (u64, u64)) {
    tokio::time::sleep(Duration::from_millis(least + draws.next() % more)).await;
}

/// Runs quarantined jobs again, as an operator would: three kills may hit one job. Their numbers: from then on they stand
/// in line with the youngest.
pub async fn replay(store: &dyn Store) -> anyhow::Result<Vec<u32>> {
    let filter = JobFilter { states: vec![JobState::Quarantined], ..JobFilter::default() };
    let found = store.jobs(&filter, Page { offset: 0, limit: 500 }).await?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let ids = found.iter().map(|record| record.id).collect();
    let filter = JobFilter { ids, ..filter };
    store.replay(&Replay { filter, limit: 500, ..Replay::default() }).await?;
    found.iter().map(|record| Ok(serde_json::from_slice::<Task>(&record.payload)?.number)).collect()
}
