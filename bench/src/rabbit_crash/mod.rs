//! `rabbit-crash`: 50 workers and 10 times the broker killed at random moments over 100,000 jobs on the RabbitMQ store, four
//! workers at a time; nine of ten jobs plain, the others members of a group. What was lost, what ran twice, whether the
//! effects of the group took place once, how soon the jobs of a killed worker ran again.

mod report;
mod worker;

pub use worker::run as run_worker;

use crate::{options::Options, redis_crash::book};
use anyhow::{Context, ensure};
use backstock_queue::{Draws, GroupId, NewGroup, NewJob, Store, SystemClock};
use backstock_scheduler::{Options as SchedulerOptions, Scheduler};
use backstock_service::Shutdown;
use backstock_testbed::RabbitServer;
use report::Figures;
use std::{
    collections::HashSet,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use worker::{BOOK, LEDGER, Task, URL, now};

const JOBS: usize = 100_000;
const WORKER_KILLS: usize = 50;
const BROKER_KILLS: usize = 10;
const WORKERS: usize = 4;
/// One job of so many is a member of the group.
const GROUPED: usize = 10;
/// Between two kills, in milliseconds: from, and how much more at most.
const BETWEEN: (u64, u64) = (200, 800);
/// After this the rest of the jobs counts as lost.
const LIMIT: Duration = Duration::from_mins(9);

/// A worker that was killed: which process, and when (milliseconds since the epoch).
#[derive(Clone, Copy, Debug)]
struct Kill {
    pid: u32,
    at: i64,
}

/// Runs it and prints the ledger. `--rows N` sets the number of jobs.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let jobs = options.rows.unwrap_or(JOBS);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let figures = runtime.block_on(measure(jobs))?;
    println!("{}", if options.json { figures.json().to_string() } else { figures.text() });
    Ok(())
}

async fn measure(jobs: usize) -> anyhow::Result<Figures> {
    let mut server = RabbitServer::start()?;
    let folder = tempfile::tempdir()?;
    let (book, ledger) = (folder.path().join("book"), folder.path().join("ledger.db"));
    let store = worker::open(&server.url(), &ledger).await?;
    let group = enqueue(&*store, jobs).await?;
    let scheduler =
        Scheduler::new(Arc::clone(&store), Arc::new(SystemClock), Vec::new(), SchedulerOptions::default())?;
    let shutdown = Shutdown::new();
    let scheduling = tokio::spawn(scheduler.run(shutdown.clone()));
    let begun = Instant::now();
    let mut crew = Crew { url: server.url(), book: book.clone(), ledger, workers: Vec::new() };
    (0..WORKERS).try_for_each(|_| crew.hire())?;
    let draws = Draws::from_os();
    let (mut kills, mut broker_kills) = (Vec::new(), Vec::new());
    loop {
        tokio::time::sleep(Duration::from_millis(BETWEEN.0 + draws.next() % BETWEEN.1)).await;
        if kills.len() < WORKER_KILLS {
            kills.push(crew.kill(draws.next() as usize % WORKERS)?);
            crew.hire()?;
        }
        if broker_kills.len() < BROKER_KILLS
            && kills.len() >= (broker_kills.len() + 1) * WORKER_KILLS / BROKER_KILLS
        {
            broker_kills.push(now());
            server.kill();
            server.restart()?;
        }
        let all_killed = kills.len() >= WORKER_KILLS && broker_kills.len() >= BROKER_KILLS;
        if (all_killed && ended(&book)? >= jobs) || begun.elapsed() > LIMIT {
            break;
        }
    }
    // The last outcomes reach the ledger, if they do.
    let deadline = Instant::now() + Duration::from_secs(20);
    let status = loop {
        let status = store.group(group).await?.context("the group is gone")?;
        if status.done_at.is_some() || Instant::now() > deadline {
            break status;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let wall = begun.elapsed().as_secs_f64();
    drop(crew);
    shutdown.request();
    scheduling.await?;
    Ok(Figures::new(
        (jobs, jobs.div_ceil(GROUPED)),
        &kills,
        &broker_kills,
        &book::read(&book)?,
        &status,
        wall,
    ))
}

/// How many jobs ran to the end so far.
fn ended(book: &std::path::Path) -> anyhow::Result<usize> {
    let entries = book::read(book)?;
    Ok(entries.iter().filter(|entry| entry.end).map(|entry| entry.job).collect::<HashSet<_>>().len())
}

async fn enqueue(store: &dyn Store, jobs: usize) -> anyhow::Result<GroupId> {
    let id = GroupId::generate();
    let (name, parent, follow_up) = ("crash".to_owned(), None, None);
    store.open_group(NewGroup { id, name, parent, follow_up, jobs: Vec::new(), sealed: false }).await?;
    for first in (0..jobs).step_by(500) {
        let new = |number: usize| {
            let job = NewJob::of(&Task { number: number as u32 })?;
            anyhow::Ok(if number.is_multiple_of(GROUPED) { job.in_group(id) } else { job })
        };
        store.enqueue((first..jobs.min(first + 500)).map(new).collect::<anyhow::Result<_>>()?).await?;
    }
    store.seal_group(id).await?;
    Ok(id)
}

/// The worker processes. Dropped, it kills them all.
struct Crew {
    url: String,
    book: PathBuf,
    ledger: PathBuf,
    workers: Vec<Child>,
}

impl Crew {
    fn hire(&mut self) -> anyhow::Result<()> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("rabbit-crash-worker")
            .env(URL, &self.url)
            .env(BOOK, &self.book)
            .env(LEDGER, &self.ledger);
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
