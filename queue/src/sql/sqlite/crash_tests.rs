//! SIGKILL at random moments: what was acknowledged is there, once.

use super::{SqliteOptions, SqliteStore};
use crate::conformance::lab::{self, Lab};
use crate::{
    Claim, Draws, JobFilter, JobId, JobState, Lease, NewJob, Outcome, Page, Settled, Settlement, Store,
    WorkerId,
};
use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};

const FOLDER: &str = "BACKSTOCK_CRASH_TEST_FOLDER";
const ROUNDS: usize = 30;

async fn open(folder: &Path) -> (SqliteStore, WorkerId) {
    let store = SqliteStore::open(folder.join("queue.db"), SqliteOptions::default()).await.unwrap();
    let worker = WorkerId::generate("crash");
    store.check_in(&lab::info(&worker.0, lab::PATIENCE)).await.unwrap();
    (store, worker)
}

fn job(payload: &[u8]) -> NewJob {
    NewJob { id: JobId::generate(), payload: payload.to_vec(), ..lab::job("any") }
}

/// Completes `leases`; each job of the first generation leaves one of the second.
fn settlements(leases: &[Lease]) -> Vec<Settlement> {
    let settle = |lease: &Lease| {
        let mut settlement = Settlement::new(lease.key(), Outcome::Complete);
        if lease.payload == b"1" {
            settlement.follow_on = vec![job(b"2")];
        }
        settlement
    };
    leases.iter().map(settle).collect()
}

/// Says what was acknowledged. A line is in the pipe once it is written, whatever happens to the process.
fn say(word: &str, ids: impl Iterator<Item = JobId>) {
    let mut out = std::io::stdout().lock();
    for id in ids {
        writeln!(out, "{word} {id}").unwrap();
    }
    out.flush().unwrap();
}

#[tokio::test]
#[ignore = "the child of what_was_acknowledged_survives_sigkill_once"]
async fn child() {
    let folder = std::env::var(FOLDER).expect("only started by its parent");
    let (store, worker) = open(Path::new(&folder)).await;
    let claim = Claim { worker, ..Lab::request(40) };
    loop {
        let stored = store.enqueue((0..25).map(|_| job(b"1")).collect()).await.unwrap();
        say("stored", stored.into_iter().map(crate::Enqueued::id));
        store.rescue(u32::MAX, 500).await.unwrap();
        let leases = store.claim(&claim).await.unwrap().leases;
        let settled = store.settle(settlements(&leases)).await.unwrap();
        let applied = leases.iter().zip(settled).filter(|(_, settled)| *settled == Settled::Applied);
        say("settled", applied.map(|(lease, _)| lease.job));
    }
}

/// Lets a child work until it has said `lines`, then kills it; what it said.
fn kill_after(folder: &Path, lines: usize) -> Vec<(String, JobId)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sql::sqlite::crash_tests::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = Vec::new();
    let out = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in out {
        let line = line.unwrap();
        // The harness prints a few lines of its own, and a line may have been cut by the kill.
        let Some((word @ ("stored" | "settled"), id)) = line.rsplit_once(' ') else { continue };
        if let Ok(id) = id.parse() {
            said.push((word.to_owned(), id));
        }
        if said.len() == lines {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(said.len() >= lines, "the child ended by itself after {} lines", said.len());
    said
}

#[tokio::test]
async fn what_was_acknowledged_survives_sigkill_once() {
    let folder = tempfile::tempdir().unwrap();
    let draws = Draws::from_os();
    let mut said: HashMap<String, Vec<JobId>> = HashMap::new();
    for _ in 0..ROUNDS {
        for (word, id) in kill_after(folder.path(), 1 + (draws.next() % 400) as usize) {
            said.entry(word).or_default().push(id);
        }
    }
    let (store, worker) = open(folder.path()).await;
    let claim = Claim { worker, ..Lab::request(500) };
    loop {
        store.rescue(u32::MAX, 500).await.unwrap();
        let leases = store.claim(&claim).await.unwrap().leases;
        if leases.is_empty() {
            break;
        }
        let settled = store.settle(settlements(&leases)).await.unwrap();
        assert!(settled.iter().all(|settled| *settled == Settled::Applied));
        said.entry("settled".into()).or_default().extend(leases.iter().map(|lease| lease.job));
    }
    let jobs = all(&store).await;
    assert!(jobs.values().all(|job| job.state == JobState::Completed));
    for id in &said["stored"] {
        assert!(jobs.contains_key(id), "{id} was stored and is lost");
    }
    let settled = &said["settled"];
    let mut once = settled.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), settled.len(), "a job was settled twice");
    let second = jobs.values().filter(|job| job.payload == b"2").count();
    assert_eq!(second * 2, jobs.len(), "each first job leaves exactly one second job");
    let counted: u64 = store.queues().await.unwrap().iter().flat_map(|queue| queue.counts.values()).sum();
    assert_eq!(counted, jobs.len() as u64);
}

async fn all(store: &SqliteStore) -> HashMap<JobId, crate::JobRecord> {
    let mut jobs = HashMap::new();
    loop {
        let page = Page { offset: jobs.len(), limit: 500 };
        let found = store.jobs(&JobFilter::default(), page).await.unwrap();
        if found.is_empty() {
            return jobs;
        }
        jobs.extend(found.into_iter().map(|job| (job.id, job)));
    }
}
