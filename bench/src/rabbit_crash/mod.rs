//! `rabbit-crash`: 50 workers and 10 times the broker killed at random points of 100,000 jobs on the RabbitMQ store, four
//! workers at a time; nine of ten jobs plain, the others members of a group. What was lost, what ran twice, whether the
//! effects of the group took place once, how soon the jobs of a killed worker ran again.

mod report;

use crate::{
    crash::{self, BOOK, Crew, Kill, LEDGER, Runs, URL},
    options::Options,
    pool, show,
};
use backstock_queue::{
    Draws, GroupId, GroupStatus, RabbitOptions, RabbitStore, SqliteOptions, SqliteStore, Store,
};
use backstock_testbed::RabbitServer;
use report::Figures;
use std::{
    collections::HashSet,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

const JOBS: usize = 100_000;
const WORKER_KILLS: usize = 50;
const BROKER_KILLS: usize = 10;
/// One job of so many is a member of the group.
const GROUPED: usize = 10;
/// Between two looks at how far they are.
const LOOK: Duration = Duration::from_millis(20);
/// After this the rest of the jobs counts as lost.
const LIMIT: Duration = Duration::from_mins(9);
/// The last outcomes reach the ledger by then, if they do.
const OUTCOMES: Duration = Duration::from_secs(20);

/// Runs it and prints the ledger. `--rows N` sets the number of jobs.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let jobs = options.rows.unwrap_or(JOBS);
    show::measured(options, measure(jobs), Figures::json, Figures::text)
}

/// The process that is killed.
pub fn run_worker(_: &Options) -> anyhow::Result<()> {
    crash::work(async || open(&crash::given(URL)?, crash::given(LEDGER)?.as_ref()).await)
}

/// The store on the broker, waiting for it while it is away.
async fn open(url: &str, ledger: &Path) -> anyhow::Result<Arc<dyn Store>> {
    let ledger: Arc<dyn Store> = Arc::new(SqliteStore::open(ledger, SqliteOptions::default()).await?);
    loop {
        match RabbitStore::open(url, Arc::clone(&ledger), RabbitOptions::default()).await {
            Err(error) if error.is_transient() => tokio::time::sleep(Duration::from_millis(100)).await,
            opened => return Ok(Arc::new(opened?)),
        }
    }
}

/// When who was killed.
#[derive(Debug, Default)]
struct Kills {
    workers: Vec<Kill>,
    /// Milliseconds since the epoch.
    broker: Vec<i64>,
    /// Jobs that came back three times and were run again by an operator's order.
    quarantined: HashSet<u32>,
}

impl Kills {
    fn are_all(&self) -> bool {
        self.workers.len() >= WORKER_KILLS && self.broker.len() >= BROKER_KILLS
    }

    /// The broker falls after each tenth of the workers.
    fn is_brokers_turn(&self) -> bool {
        self.broker.len() < BROKER_KILLS
            && self.workers.len() >= (self.broker.len() + 1) * WORKER_KILLS / BROKER_KILLS
    }
}

async fn measure(jobs: usize) -> anyhow::Result<Figures> {
    let mut server = RabbitServer::start()?;
    let folder = tempfile::tempdir()?;
    let (book, ledger) = (folder.path().join("book"), folder.path().join("ledger.db"));
    let store = open(&server.url(), &ledger).await?;
    let group = crash::enqueue(&*store, jobs, GROUPED).await?;
    let begun = Instant::now();
    let working = async {
        let variables =
            vec![(URL, server.url().into()), (BOOK, book.clone().into()), (LEDGER, ledger.into())];
        let mut crew = Crew::hire("rabbit-crash-worker", variables)?;
        let draws = Draws::from_os();
        let (mut kills, mut looked) = (Kills::default(), 0);
        // By how much is done, so that there is something to hit until the last.
        let mut points: Vec<u64> =
            (0..WORKER_KILLS).map(|_| draws.next() % (jobs as u64 * 95 / 100)).collect();
        points.sort_unstable();
        loop {
            tokio::time::sleep(LOOK).await;
            let runs = crash::length(&book) / 2;
            if points.get(kills.workers.len()).is_some_and(|point| runs >= *point) {
                kills.workers.push(crew.kill_one(&draws)?);
            }
            if kills.is_brokers_turn() {
                kills.broker.push(crash::now());
                server.kill();
                server.restart()?;
            }
            // An operator looks once a second.
            if begun.elapsed().as_secs() > looked {
                looked = begun.elapsed().as_secs();
                kills.quarantined.extend(crash::replay(&*store).await?);
            }
            let done =
                kills.are_all() && runs >= jobs as u64 && Runs::of(&crash::read(&book)?).ended() >= jobs;
            if done || begun.elapsed() > LIMIT {
                return Ok((kills, outcome(&*store, group).await?));
            }
        }
    };
    let ((kills, status), _) = pool::beside_scheduler(&store, working).await?;
    let wall = begun.elapsed().as_secs_f64();
    let runs = Runs::of(&crash::read(&book)?);
    Ok(Figures::new((jobs, jobs.div_ceil(GROUPED)), &kills, &runs, &status, wall))
}

/// The group when it is done, or when there is no more hope.
async fn outcome(store: &dyn Store, group: GroupId) -> anyhow::Result<GroupStatus> {
    let begun = Instant::now();
    loop {
        let status = crash::status(store, group).await?;
        if status.done_at.is_some() || begun.elapsed() > OUTCOMES {
            return Ok(status);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
