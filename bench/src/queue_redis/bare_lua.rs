//! A bare batched loop on one connection: one script call settles a batch and takes the next. The body lies in the list
//! element, four priorities, a set of delayed bodies, one hash of jobs in flight and one lease for the worker, counters.

use crate::pool::{Ledger, Noop};
use std::sync::Arc;
use tokio::task::spawn_blocking;

const CALL: usize = 500;
const BATCH: usize = 100;
const SCRIPT: &str = include_str!("bare.lua");
const KEYS: [&str; 8] = ["q:0", "q:1", "q:2", "q:3", "q:delayed", "q:inflight", "q:leases", "q:stats"];

/// Twelve characters of id, one of priority, the payload.
fn body(number: usize) -> anyhow::Result<String> {
    Ok(format!("{number:012}2{}", serde_json::to_string(&Noop::new(number))?))
}

pub async fn fill(url: String, jobs: usize) -> anyhow::Result<()> {
    spawn_blocking(move || {
        let mut connection = redis::Client::open(url)?.get_connection()?;
        for first in (0..jobs).step_by(CALL) {
            let bodies: Vec<_> = (first..jobs.min(first + CALL)).map(body).collect::<Result<_, _>>()?;
            redis::cmd("LPUSH").arg("q:2").arg(bodies).query::<()>(&mut connection)?;
        }
        Ok(())
    })
    .await?
}

pub async fn drain(url: String, ledger: Arc<Ledger>) -> anyhow::Result<()> {
    spawn_blocking(move || {
        let mut connection = redis::Client::open(url)?.get_connection()?;
        let hash: String = redis::cmd("SCRIPT").arg("LOAD").arg(SCRIPT).query(&mut connection)?;
        let mut done: Vec<Vec<u8>> = Vec::new();
        for turn in 0_u64.. {
            let mut command = redis::cmd("EVALSHA");
            command.arg(&hash).arg(KEYS.len()).arg(&KEYS);
            command.arg("worker").arg(turn + 30_000).arg(turn).arg(BATCH).arg(&done);
            let bodies: Vec<Vec<u8>> = command.query(&mut connection)?;
            done.clear();
            for body in &bodies {
                ledger.mark(&serde_json::from_slice(&body[13..])?);
                done.push(body[..12].to_vec());
            }
            if done.is_empty() {
                break;
            }
        }
        Ok(())
    })
    .await?
}
