//! A bare list loop on one connection: `LPUSH`, `LMOVE` to a list of jobs in progress, `LREM`. Two ways: one loop that
//! pipelines a hundred moves and the removals of the last hundred; and a hundred tasks that take one job at a time, whose
//! commands share the connection as they come.

use crate::pool::{Ledger, Noop};
use std::sync::Arc;
use tokio::task::spawn_blocking;

const CALL: usize = 500;
const BATCH: usize = 100;

pub async fn fill(url: String, jobs: usize) -> anyhow::Result<()> {
    spawn_blocking(move || {
        let mut connection = redis::Client::open(url)?.get_connection()?;
        for first in (0..jobs).step_by(CALL) {
            let mut pipe = redis::pipe();
            for number in first..jobs.min(first + CALL) {
                pipe.lpush("jobs", serde_json::to_vec(&Noop::new(number))?).ignore();
            }
            pipe.query::<()>(&mut connection)?;
        }
        Ok(())
    })
    .await?
}

const TASKS: usize = 100;

/// A hundred tasks, one job at a time each.
pub async fn drain_one_by_one(url: String, ledger: Arc<Ledger>) -> anyhow::Result<()> {
    let connection = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..TASKS {
        let (mut connection, ledger) = (connection.clone(), Arc::clone(&ledger));
        tasks.spawn(async move {
            let mut done: Option<Vec<u8>> = None;
            loop {
                let mut pipe = redis::pipe();
                if let Some(body) = done.take() {
                    pipe.lrem("progress", -1, body).ignore();
                }
                pipe.cmd("LMOVE").arg("jobs").arg("progress").arg("RIGHT").arg("LEFT");
                let (body,): (Option<Vec<u8>>,) = pipe.query_async(&mut connection).await?;
                let Some(body) = body else { return anyhow::Ok(()) };
                ledger.mark(&serde_json::from_slice(&body)?);
                done = Some(body);
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

pub async fn drain(url: String, ledger: Arc<Ledger>) -> anyhow::Result<()> {
    spawn_blocking(move || {
        let mut connection = redis::Client::open(url)?.get_connection()?;
        let mut done: Vec<Vec<u8>> = Vec::new();
        loop {
            let mut pipe = redis::pipe();
            for body in done.drain(..) {
                pipe.lrem("progress", -1, body).ignore();
            }
            for _ in 0..BATCH {
                pipe.cmd("LMOVE").arg("jobs").arg("progress").arg("RIGHT").arg("LEFT");
            }
            let bodies: Vec<Option<Vec<u8>>> = pipe.query(&mut connection)?;
            for body in bodies.into_iter().flatten() {
                ledger.mark(&serde_json::from_slice(&body)?);
                done.push(body);
            }
            if done.is_empty() {
                return Ok(());
            }
        }
    })
    .await?
}
