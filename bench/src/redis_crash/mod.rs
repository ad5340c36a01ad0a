//! `redis-crash`: 100 workers killed at random moments over 200,000 jobs, four at work at a time, on the Redis store; and
//! the ledger of it: what was lost, what ran twice, whether every effect took place once, how soon killed jobs ran again.

pub mod book;
mod report;
mod worker;

pub use worker::run as run_worker;

use crate::options::Options;
use anyhow::{Context, ensure};
use backstock_queue::{
    Draws, GroupId, JobFilter, JobState, NewGroup, NewJob, RedisOptions, RedisStore, Replay, Store,
    SystemClock,
};
use backstock_scheduler::{Options as SchedulerOptions, Scheduler};
use backstock_service::Shutdown;
use backstock_testbed::RedisServer;
use report::Figures;
use std::{
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use worker::{BOOK, Task, URL, now};

const JOBS: usize = 200_000;
const KILLS: usize = 100;
const WORKERS: usize = 4;
/// Between two kills, in milliseconds: from, and how much more at most.
const BETWEEN: (u64, u64) = (100, 600);
/// After this the rest of the jobs counts as lost.
const LIMIT: Duration = Duration::from_mins(10);

/// Runs it and prints the ledger. `--rows N` sets the number of jobs.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let jobs = options.rows.unwrap_or(JOBS);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let figures = runtime.block_on(measure(jobs))?;
    println!("{}", if options.json { figures.json().to_string() } else { figures.text() });
    Ok(())
}

async fn measure(jobs: usize) -> anyhow::Result<Figures> {
    let server = RedisServer::start()?;
    let folder = tempfile::tempdir()?;
    let book = folder.path().join("book");
    let store: Arc<dyn Store> = Arc::new(RedisStore::open(&server.url(), RedisOptions::default()).await?);
    let group = enqueue(&*store, jobs).await?;
    let scheduler =
        Scheduler::new(Arc::clone(&store), Arc::new(SystemClock), Vec::new(), SchedulerOptions::default())?;
    let (watch, shutdown) = (scheduler.handle(), Shutdown::new());
    let scheduling = tokio::spawn(scheduler.run(shutdown.clone()));
    let begun = Instant::now();
    let mut crew = Crew { url: server.url(), book: book.clone(), workers: Vec::new() };
    (0..WORKERS).try_for_each(|_| crew.hire())?;
    let draws = Draws::from_os();
    let mut kills = Vec::new();
    let mut quarantined = 0;
    let status = loop {
        let pause = BETWEEN.0 + draws.next() % BETWEEN.1;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        if kills.len() < KILLS {
            kills.push(crew.kill(draws.next() as usize % WORKERS)?);
            crew.hire()?;
        }
        quarantined += replay(&*store).await?;
        let status = store.group(group).await?.context("the group is gone")?;
        if (status.done_at.is_some() && kills.len() >= KILLS) || begun.elapsed() > LIMIT {
            break status;
        }
    };
    let wall = begun.elapsed().as_secs_f64();
    drop(crew);
    shutdown.request();
    scheduling.await?;
    let entries = book::read(&book)?;
    Ok(Figures::new(jobs, &kills, &entries, &status, &watch.stats(), quarantined, wall))
}

/// Enqueues the jobs as one group.
async fn enqueue(store: &dyn Store, jobs: usize) -> anyhow::Result<GroupId> {
    let id = GroupId::generate();
    let group = NewGroup {
        id,
        name: "crash".to_owned(),
        parent: None,
        follow_up: None,
        jobs: Vec::new(),
        sealed: false,
    };
    store.open_group(group).await?;
    for first in (0..jobs).step_by(500) {
        let new = |number| Ok(NewJob::of(&Task { number: number as u32 })?.in_group(id));
        let piece = (first..jobs.min(first + 500)).map(new).collect::<anyhow::Result<Vec<_>>>()?;
        store.enqueue(piece).await?;
    }
    store.seal_group(id).await?;
    Ok(id)
}

/// Runs quarantined jobs again, as an operator would: three kills may hit one job.
async fn replay(store: &dyn Store) -> anyhow::Result<u64> {
    let filter = JobFilter { states: vec![JobState::Quarantined], ..JobFilter::default() };
    Ok(store.replay(&Replay { filter, ..Replay::default() }).await?)
}

/// A kill: which process, and when (milliseconds since the epoch).
#[derive(Clone, Copy, Debug)]
struct Kill {
    pid: u32,
    at: i64,
}

/// The worker processes. Dropped, it kills them all.
struct Crew {
    url: String,
    book: std::path::PathBuf,
    workers: Vec<Child>,
}

impl Crew {
    fn hire(&mut self) -> anyhow::Result<()> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("redis-crash-worker").env(URL, &self.url).env(BOOK, &self.book);
        // The pipe ends with us, and the worker with the pipe.
        self.workers.push(command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?);
        Ok(())
    }

    fn kill(&mut self, index: usize) -> anyhow::Result<Kill> {
        ensure!(index < self.workers.len(), "no worker {index}");
        let mut worker = self.workers.swap_remove(index);
        ensure!(worker.try_wait()?.is_none(), "a worker ended by itself");
        let kill = Kill { pid: worker.id(), at: now() };
        worker.kill()?;
        worker.wait()?;
        Ok(kill)
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            let _ = worker.kill();
            let _ = worker.wait();
        }
    }
}
