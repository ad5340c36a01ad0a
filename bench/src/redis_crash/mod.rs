//! `redis-crash`: 100 workers killed at random moments over 200,000 jobs, four at work at a time, on the Redis store; and
//! the ledger of it: what was lost, what ran twice, whether every effect took place once, how soon killed jobs ran again.

mod report;

use crate::{
    crash::{self, BOOK, Crew, Runs, URL},
    options::Options,
    pool, show,
};
use backstock_queue::{Draws, RedisOptions, RedisStore, Store};
use backstock_testbed::RedisServer;
use report::Figures;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const JOBS: usize = 200_000;
const KILLS: usize = 100;
/// Between two kills, in milliseconds: from, and how much more at most.
const BETWEEN: (u64, u64) = (100, 600);
/// After this the rest of the jobs counts as lost.
const LIMIT: Duration = Duration::from_mins(10);

/// Runs it and prints the ledger. `--rows N` sets the number of jobs.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let jobs = options.rows.unwrap_or(JOBS);
    show::measured(options, measure(jobs), Figures::json, Figures::text)
}

/// The process that is killed.
pub fn run_worker(_: &Options) -> anyhow::Result<()> {
    crash::work(async || open(&crash::given(URL)?).await)
}

async fn open(url: &str) -> anyhow::Result<Arc<dyn Store>> {
    Ok(Arc::new(RedisStore::open(url, RedisOptions::default()).await?))
}

async fn measure(jobs: usize) -> anyhow::Result<Figures> {
    let server = RedisServer::start()?;
    let folder = tempfile::tempdir()?;
    let book = folder.path().join("book");
    let store = open(&server.url()).await?;
    let group = crash::enqueue(&*store, jobs, 1).await?;
    let begun = Instant::now();
    let working = async {
        let variables = vec![(URL, server.url().into()), (BOOK, book.clone().into())];
        let mut crew = Crew::hire("redis-crash-worker", variables)?;
        let draws = Draws::from_os();
        let (mut kills, mut quarantined) = (Vec::new(), 0);
        loop {
            crash::pause(&draws, BETWEEN).await;
            if kills.len() < KILLS {
                kills.push(crew.kill_one(&draws)?);
            }
            quarantined += crash::replay(&*store).await?.len() as u64;
            let status = crash::status(&*store, group).await?;
            if (status.done_at.is_some() && kills.len() >= KILLS) || begun.elapsed() > LIMIT {
                return Ok((kills, quarantined, status));
            }
        }
    };
    let ((kills, quarantined, status), scheduler) = pool::beside_scheduler(&store, working).await?;
    let wall = begun.elapsed().as_secs_f64();
    let runs = Runs::of(&crash::read(&book)?);
    Ok(Figures::new(jobs, &kills, &runs, &status, &scheduler, quarantined, wall))
}
