//! Which job ran how often.

use serde::{Deserialize, Serialize};
use std::sync::{
    Arc,
    atomic::{AtomicU8, AtomicUsize, Ordering},
};
use tokio::sync::Notify;

/// A job that does nothing: its handler decodes it and marks the ledger.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Noop {
    pub number: usize,
    pub text: String,
}

impl Noop {
    pub fn new(number: usize) -> Self {
        Self { number, text: "as long as a few product ids are".to_owned() }
    }
}

/// One entry a job.
#[derive(Debug)]
pub struct Ledger {
    runs: Vec<AtomicU8>,
    left: AtomicUsize,
    done: Notify,
}

impl Ledger {
    pub fn new(jobs: usize) -> Arc<Self> {
        let runs = (0..jobs).map(|_| AtomicU8::new(0)).collect();
        Arc::new(Self { runs, left: AtomicUsize::new(jobs), done: Notify::new() })
    }

    /// A job ran. Whether it was the last of all.
    pub fn mark(&self, job: &Noop) -> bool {
        let Some(runs) = self.runs.get(job.number) else { return false };
        let first = runs.fetch_add(1, Ordering::Relaxed) == 0;
        let last = first && self.left.fetch_sub(1, Ordering::Relaxed) == 1;
        if last {
            self.done.notify_one();
        }
        last
    }

    /// Waits until every job has run.
    pub async fn complete(&self) {
        self.done.notified().await;
    }

    /// Jobs that never ran.
    pub fn lost(&self) -> usize {
        self.count(|runs| runs == 0)
    }

    /// Jobs that ran more than once.
    pub fn twice(&self) -> usize {
        self.count(|runs| runs > 1)
    }

    fn count(&self, what: impl Fn(u8) -> bool) -> usize {
        self.runs.iter().filter(|runs| what(runs.load(Ordering::Relaxed))).count()
    }
}
