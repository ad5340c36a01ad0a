//! What is seen from outside: the ledger's view, with what only the broker knows.

use super::{Shared, names};
use crate::{
    Examined, Finding, Flaw, JobState, KeyLimits, Priority, QueueStatus, Remedy, StateCounts, StoreError,
    WorkerStatus,
};
use std::collections::BTreeMap;

impl Shared {
    /// Waiting plain jobs are counted as available, those this process holds as running.
    pub(super) async fn queue_statuses(&self) -> Result<Vec<QueueStatus>, StoreError> {
        let recorded = self.ledger.queues().await?;
        let mut queues: BTreeMap<String, QueueStatus> =
            recorded.into_iter().map(|status| (status.name.clone(), status)).collect();
        let fetched =
            self.lines().into_iter().map(|line| (line.queue(), JobState::Available, line.buffered() as u64));
        let held = self.desk().running();
        let held = held.into_iter().map(|(queue, count)| (queue.to_string(), JobState::Running, count));
        let waiting = self.waiting().await?.into_iter();
        let waiting = waiting.map(|(queue, count)| (queue, JobState::Available, count));
        for (queue, state, count) in waiting.chain(fetched).chain(held).filter(|(.., count)| *count > 0) {
            let status = queues.entry(queue.clone()).or_insert_with(|| QueueStatus {
                name: queue,
                paused: false,
                counts: StateCounts::new(),
                oldest_due_at: None,
                limits: KeyLimits::NONE,
            });
            *status.counts.entry(state).or_default() += count;
        }
        Ok(queues.into_values().collect())
    }

    pub(super) async fn living(&self) -> Result<Vec<WorkerStatus>, StoreError> {
        let mut workers = self.ledger.workers().await?;
        let desk = self.desk();
        for worker in &mut workers {
            worker.running += desk.held_by(&worker.id);
        }
        Ok(workers)
    }

    /// The ledger against itself, and the broker against what the ledger remembers of it.
    pub(super) async fn examine(&self, repair: bool) -> Result<Examined, StoreError> {
        let mut seen = self.ledger.examine(repair).await?;
        let mut channel = None;
        for queue in self.registered().await? {
            for priority in Priority::ALL {
                let Some(name) = names::band(&self.options.prefix, &queue, priority) else { continue };
                match self.count(&mut channel, &name).await? {
                    Some(waiting) => seen.jobs += waiting,
                    None => seen.add(self.missing(&queue, name, repair).await?),
                }
            }
        }
        let parked = self.parked().await?;
        seen.set_aside += parked;
        if parked > 0 {
            let name = names::parked(&self.options.prefix);
            seen.unsure.push(format!(
                "{parked} messages that are no jobs are parked in {name}, each with the reason"
            ));
        }
        seen.parts.push("queues of the broker".to_owned());
        Ok(seen)
    }

    async fn missing(&self, queue: &str, name: String, repair: bool) -> Result<Finding, StoreError> {
        if repair {
            self.desk().declared.remove(queue);
            self.declare_all(queue).await?;
        }
        Ok(Finding {
            flaw: Flaw::Queue,
            subject: name,
            told: "was deleted on the broker, with what was in it".to_owned(),
            remedy: if repair { Remedy::Healed } else { Remedy::Healable },
        })
    }
}
