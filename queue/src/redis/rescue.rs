//! Workers: who lives, who is gone, and taking back what the gone held.

use super::{RedisStore, answer, fault, work::millis};
use crate::{Fence, JobId, Leadership, Rescued, StoreError, Timestamp, WorkerId, WorkerInfo, WorkerStatus};
use std::collections::{HashMap, HashSet};
use std::sync::PoisonError;
use std::time::Duration;
use uuid::Uuid;

/// How many looks in a row missed the connection of a worker.
pub(super) type Suspects = HashMap<String, u32>;

impl RedisStore {
    pub(super) async fn welcome(&self, worker: &WorkerInfo) -> Result<(), StoreError> {
        let call = self
            .at_once("check_in")
            .arg(worker.id.0.as_str())
            .number(millis(worker.patience))
            .number(worker.pid)
            .arg(worker.host.as_str())
            .arg(self.bell.name());
        self.ask(&call).await.map(|_| ())
    }

    pub(super) async fn goodbye(&self, worker: &WorkerId) -> Result<(), StoreError> {
        self.ask(&self.at_once("check_out").arg(worker.0.as_str())).await.map(|_| ())
    }

    pub(super) async fn living(&self) -> Result<Vec<WorkerStatus>, StoreError> {
        let location = &self.link.location;
        let mut parts = self.ask(&self.at_once("workers")).await?.list()?.into_iter();
        let mut workers = Vec::new();
        while let Some(id) = parts.next() {
            let id = WorkerId(id.text()?);
            let started_at = answer::next(&mut parts, location)?.moment8()?.unwrap_or_default();
            let seen_at = answer::next(&mut parts, location)?.moment8()?.unwrap_or_default();
            let pid = answer::next(&mut parts, location)?.moment8()?.unwrap_or_default().0;
            let host = answer::next(&mut parts, location)?.text()?;
            let running = answer::next(&mut parts, location)?.number()? as u64;
            workers.push(WorkerStatus { id, host, pid: pid as u32, started_at, seen_at, running });
        }
        workers.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(workers)
    }

    pub(super) async fn take_back(&self, max_crashes: u32, limit: usize) -> Result<Rescued, StoreError> {
        let mut call = self.at_once("rescue").number(max_crashes).number(limit.min(super::PIECE));
        for (worker, presence) in self.severed().await? {
            call = call.arg(worker).arg(presence);
        }
        let location = &self.link.location;
        let mut parts = self.ask(&call).await?.list()?.into_iter();
        let mut ids = || -> Result<Vec<JobId>, StoreError> {
            let ids = answer::next(&mut parts, location)?.list()?;
            ids.into_iter().map(|id| Ok(JobId(Uuid::from_slice(&id.bytes()?).unwrap_or_default()))).collect()
        };
        let (available, quarantined) = (ids()?, ids()?);
        let dead = answer::next(&mut parts, location)?.list()?;
        let dead =
            dead.into_iter().map(|id| Ok(WorkerId(id.text()?))).collect::<Result<Vec<_>, StoreError>>()?;
        let mut dead_workers = dead;
        dead_workers.sort();
        Ok(Rescued { available, quarantined, dead_workers })
    }

    /// Workers whose connection was missing often enough, and what it was called.
    async fn severed(&self) -> Result<Vec<(String, String)>, StoreError> {
        let present = self.link.command(redis::cmd("HGETALL").arg(self.link.key("presence"))).await?;
        let mut parts = self.answer(present).list()?.into_iter();
        let mut expected = Vec::new();
        while let (Some(worker), Some(presence)) = (parts.next(), parts.next()) {
            expected.push((worker.text()?, presence.text()?));
        }
        expected.retain(|(_, presence)| presence != self.bell.name());
        if expected.is_empty() {
            return Ok(expected);
        }
        let there = self.connections().await?;
        let mut suspects = self.suspects.lock().unwrap_or_else(PoisonError::into_inner);
        suspects.retain(|worker, _| expected.iter().any(|(other, _)| other == worker));
        expected.retain(|(worker, presence)| {
            if there.contains(presence) {
                suspects.remove(worker);
                return false;
            }
            let looks = suspects.entry(worker.clone()).or_default();
            *looks += 1;
            *looks >= self.options.death_looks
        });
        Ok(expected)
    }

    /// Names of the connections that listen.
    pub(super) async fn connections(&self) -> Result<HashSet<String>, StoreError> {
        let mut list = redis::cmd("CLIENT");
        list.arg("LIST").arg("TYPE").arg("pubsub");
        Ok(self.link.everywhere(&list).await?.iter().flat_map(client_names).collect())
    }

    pub(super) async fn take_lead(
        &self,
        role: &str,
        who: &WorkerId,
        ttl: Duration,
    ) -> Result<Leadership, StoreError> {
        let location = &self.link.location;
        let call = self.at_once("lead").arg(role).arg(who.0.as_str()).number(millis(ttl));
        let mut parts = self.ask(&call).await?.list()?.into_iter();
        if answer::next(&mut parts, location)?.text()? == "l" {
            return Ok(Leadership::Leader(Fence(answer::next(&mut parts, location)?.number()? as u64)));
        }
        let leader = WorkerId(answer::next(&mut parts, location)?.text()?);
        let until = answer::next(&mut parts, location)?.moment()?;
        Ok(Leadership::Follower { leader, until: until.unwrap_or(Timestamp(0)) })
    }

    pub(super) async fn give_up_lead(&self, role: &str, who: &WorkerId) -> Result<(), StoreError> {
        self.ask(&self.at_once("resign").arg(role).arg(who.0.as_str())).await.map(|_| ())
    }
}

/// The names in the answer to `CLIENT LIST`.
fn client_names(list: &redis::Value) -> Vec<String> {
    let text = fault::text(list);
    let name = |line: &str| line.split(' ').find_map(|field| field.strip_prefix("name=")).map(str::to_owned);
    text.lines().filter_map(name).collect()
}
