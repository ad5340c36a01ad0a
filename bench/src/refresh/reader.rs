//! Somebody who reads a view all the time and notes how long each read takes.

use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const READ: &str = "SELECT sku, score, rank_in_category FROM shop.product_performance WHERE id = $1";

/// How long reads took.
#[derive(Debug, Default)]
pub struct Reads {
    took: Vec<Duration>,
}

impl Reads {
    /// The longest, in milliseconds.
    pub fn worst_ms(&self) -> f64 {
        self.at(1.0)
    }

    /// The duration below which this share of the reads lies, in milliseconds.
    pub fn at(&self, share: f64) -> f64 {
        let mut sorted = self.took.clone();
        sorted.sort_unstable();
        let index = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
        sorted.get(index).map_or(0.0, Duration::as_secs_f64) * 1_000.0
    }

    /// How many there were.
    pub fn count(&self) -> usize {
        self.took.len()
    }

    /// Adds the reads of another round.
    pub fn add(&mut self, other: Self) {
        self.took.extend(other.took);
    }
}

/// A reader at work.
pub struct Reader {
    stop: oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<Reads>>,
}

impl Reader {
    /// Starts one on a connection of its own; products have the numbers 1 to `products`.
    pub async fn start(url: &str, products: i64) -> anyhow::Result<Self> {
        let mut conn = PgConnection::connect(url).await?;
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut reads = Reads::default();
            let mut id = 0;
            // The first read prepares the statement, which is not what is measured.
            sqlx::query(READ).bind(1_i64).fetch_optional(&mut conn).await?;
            while stopped.try_recv().is_err() {
                id = (id + 7_919) % products;
                let begun = Instant::now();
                sqlx::query(READ).bind(id + 1).fetch_optional(&mut conn).await?;
                reads.took.push(begun.elapsed());
            }
            Ok(reads)
        });
        Ok(Self { stop, task })
    }

    /// Ends it.
    pub async fn stop(self) -> anyhow::Result<Reads> {
        let _ = self.stop.send(());
        self.task.await?
    }
}
