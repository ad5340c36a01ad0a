//! Storing new jobs, whoever asks.

use super::{
    Engine, SqlStore,
    fault::Result,
    group::{self, Numbers},
    hold::{Keys, Verdict},
    insert::{self, Row},
    tx::Tx,
};
use crate::{Enqueued, NewJob};

/// Jobs of one transaction of [`SqlStore::add_all`].
const CHUNK: usize = 1000;
/// Payload of one such transaction, unless a single job has more.
const CHUNK_BYTES: usize = 16 << 20;

/// Who wants a job stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A caller: a group that was never opened is an error.
    Asked,
    /// An earlier change: it must not fail, so a group that is gone is no group.
    Caused,
}

impl<E: Engine> SqlStore<E> {
    /// Stores any number of jobs, a bounded transaction at a time.
    pub(super) async fn add_all(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>> {
        for job in &jobs {
            job.validate()?;
        }
        let mut answers = Vec::with_capacity(jobs.len());
        let mut groups: Option<Numbers> = None;
        let mut rest = jobs;
        while !rest.is_empty() {
            let mut tx = self.begin().await?;
            let groups = match &mut groups {
                Some(groups) => groups,
                // Of all jobs, before the first is stored.
                none => none.insert(group::numbers(&mut tx, &rest, Origin::Asked).await?),
            };
            let later = rest.split_off(chunk(&rest));
            answers.extend(add_known(&mut tx, rest, groups).await?);
            self.commit(tx).await?;
            rest = later;
        }
        Ok(answers)
    }
}

/// How many of `jobs` go into one transaction.
fn chunk(jobs: &[NewJob]) -> usize {
    let mut bytes = 0;
    let fits = jobs.iter().take(CHUNK).take_while(|job| {
        bytes += job.payload.len();
        bytes <= CHUNK_BYTES
    });
    fits.count().max(1)
}

/// Stores `jobs` in this transaction, in this order. They are valid.
pub(super) async fn add(tx: &mut Tx, jobs: Vec<NewJob>, origin: Origin) -> Result<Vec<Enqueued>> {
    let groups = group::numbers(tx, &jobs, origin).await?;
    add_known(tx, jobs, &groups).await
}

async fn add_known(tx: &mut Tx, jobs: Vec<NewJob>, groups: &Numbers) -> Result<Vec<Enqueued>> {
    let first = tx.take_seqs(jobs.len()).await?;
    let mut keys = Keys::read(tx, &jobs).await?;
    let mut answers: Vec<_> = jobs.iter().map(|job| Enqueued::New(job.id)).collect();
    let mut staged = Vec::with_capacity(jobs.len());
    for (index, (seq, job)) in (first..).zip(jobs).enumerate() {
        if let Some(keys) = &mut keys {
            let mut verdict = keys.look(tx, &job).await?;
            if verdict == Verdict::Unsettled {
                store(tx, &mut staged, first, &mut answers).await?;
                keys.reread(tx, &job).await?;
                verdict = keys.look(tx, &job).await?;
            }
            if let Verdict::Stands(answer) = verdict {
                answers[index] = answer;
                continue;
            }
            keys.staged(&job);
        }
        let lane = tx.lane(&job.queue, &job.kind, job.version).await?;
        let group = job.group.and_then(|group| groups.get(&group).copied());
        staged.push(Row { seq, job, lane, group });
    }
    store(tx, &mut staged, first, &mut answers).await?;
    Ok(answers)
}

/// Writes what is staged; corrects the answers of those that were there before.
async fn store(tx: &mut Tx, staged: &mut Vec<Row>, first: i64, answers: &mut [Enqueued]) -> Result<()> {
    if staged.is_empty() {
        return Ok(());
    }
    for seq in insert::insert(tx, staged).await? {
        let answer = &mut answers[(seq - first) as usize];
        *answer = Enqueued::Existing(answer.id());
    }
    staged.clear();
    Ok(())
}
