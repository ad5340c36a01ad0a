//! Jobs that fail once and are to run again in 5 s, behind very many that are due much later.

use crate::{
    percentiles::Percentiles,
    pickup::lock,
    pool::{self, Ledger, Single},
};
use backstock_queue::{Clock, Context, Handler, JobError, One, Registry, Store, SystemClock};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

const RETRIES: usize = 50;
/// They fail one after the other, so that each is waited for alone.
const BETWEEN: Duration = Duration::from_millis(37);
const WAITING: usize = 10_000;
const DELAY: Duration = Duration::from_secs(5);

struct Flaky {
    failed: Mutex<HashMap<usize, Instant>>,
    late: Mutex<Vec<f64>>,
    ledger: Arc<Ledger>,
}

struct Handle(Arc<Flaky>);

impl Handler for Handle {
    type Work = One<Single>;
    async fn handle(&self, job: &mut One<Single>, _: &Context) -> Result<(), JobError> {
        let number = job.0.number;
        if let Some(failed) = lock(&self.0.failed).insert(number, Instant::now()) {
            let due = failed + DELAY;
            lock(&self.0.late).push(due.elapsed().as_secs_f64() * 1e3);
            self.0.ledger.mark(&job.0);
            return Ok(());
        }
        Err(JobError::retry_after("the first time", DELAY))
    }
}

/// How late the second attempts begin.
pub async fn measure(store: Arc<dyn Store>) -> anyhow::Result<Percentiles> {
    let hour = SystemClock.now().plus(Duration::from_hours(1));
    pool::fill_with::<Single>(&*store, RETRIES..RETRIES + WAITING, |job| job.at(hour)).await?;
    let ledger = Ledger::new(RETRIES);
    let flaky =
        Arc::new(Flaky { failed: Mutex::default(), late: Mutex::default(), ledger: Arc::clone(&ledger) });
    let registry = Registry::default().register(Handle(Arc::clone(&flaky)));
    let working = async {
        let (ended, filled) =
            tokio::join!(pool::work(Arc::clone(&store), registry, 16, ledger.complete()), fill(&*store));
        ended.and(filled)
    };
    pool::beside_scheduler(&store, working).await?;
    let late = std::mem::take(&mut *lock(&flaky.late));
    Ok(Percentiles::of(late))
}

async fn fill(store: &dyn Store) -> anyhow::Result<()> {
    for number in 0..RETRIES {
        pool::fill_with::<Single>(store, number..number + 1, |job| job).await?;
        tokio::time::sleep(BETWEEN).await;
    }
    Ok(())
}
