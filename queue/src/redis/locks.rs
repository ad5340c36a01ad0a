//! Who holds unique keys and roles.

use super::{PIECE, RedisStore, answer, wire};
use crate::{Fence, JobId, KeyLock, Locks, Released, RoleLock, StoreError, Timestamp, WorkerId};
use std::collections::HashMap;
use uuid::Uuid;

impl RedisStore {
    pub(super) async fn held_keys(&self, text: &str) -> Result<Locks, StoreError> {
        let mut held = Vec::new();
        let mut cursor = b"0".to_vec();
        loop {
            let (next, pairs) = self.scan("keys", &cursor).await?;
            for (name, seq) in pairs {
                let Some((kind, key)) = split(&name) else { continue };
                if kind.contains(text) || key.contains(text) {
                    let seq = seq.first_chunk::<8>().map_or(0, |seq| u64::from_be_bytes(*seq));
                    held.push((kind, key, seq));
                }
            }
            cursor = next;
            if cursor == b"0" {
                break;
            }
        }
        held.sort();
        held.dedup();
        held.truncate(Locks::MOST);
        let seqs: Vec<u64> = held.iter().map(|(_, _, seq)| *seq).collect();
        let found = self.show(&seqs).await?;
        let jobs: HashMap<u64, _> = found.into_iter().map(|job| (job.seq, job.record)).collect();
        let lock = |(kind, key, seq)| {
            let job = jobs.get(&seq);
            let (holder, state, since) =
                (job.map(|job| job.id), job.map(|job| job.state), job.map(|job| job.enqueued_at));
            KeyLock { kind, key, holder, state, since }
        };
        Ok(Locks { keys: held.into_iter().map(lock).collect(), roles: self.roles(text).await? })
    }

    async fn roles(&self, text: &str) -> Result<Vec<RoleLock>, StoreError> {
        let all = self.link.command(redis::cmd("HGETALL").arg(self.link.key("roles"))).await?;
        let mut parts = self.answer(all).list()?.into_iter();
        let now = self.present().await?;
        let mut roles = Vec::new();
        while let (Some(role), Some(record)) = (parts.next(), parts.next()) {
            let (role, record) = (role.text()?, record.bytes()?);
            if !role.contains(text) {
                continue;
            }
            let number = |at: usize| {
                record
                    .get(at..)
                    .and_then(|rest| rest.first_chunk::<8>())
                    .map_or(0, |it| i64::from_be_bytes(*it))
            };
            let until = Timestamp(number(0));
            let leader = (until > now).then(|| WorkerId(wire::lossy(record.get(16..).unwrap_or_default())));
            let fence = Fence(number(8) as u64);
            roles.push(RoleLock { role, until: leader.is_some().then_some(until), leader, fence });
        }
        roles.sort_by(|one, other| one.role.cmp(&other.role));
        Ok(roles)
    }

    /// The moment by the clock that leases are measured with.
    async fn present(&self) -> Result<Timestamp, StoreError> {
        if let Some(clock) = &self.options.clock {
            return Ok(clock.now());
        }
        let mut parts = self.answer(self.link.command(&redis::cmd("TIME")).await?).list()?.into_iter();
        let seconds = answer::next(&mut parts, &self.link.location)?.number()?;
        let micros = answer::next(&mut parts, &self.link.location)?.number()?;
        Ok(Timestamp(seconds * 1000 + micros / 1000))
    }

    pub(super) async fn free_key(&self, kind: &str, key: &str, force: bool) -> Result<Released, StoreError> {
        if kind.len() > 255 || key.len() > 255 {
            return Ok(Released::NotHeld);
        }
        let call = self.at_once("release").arg(kind).arg(key).arg(if force { "1" } else { "0" });
        let mut parts = self.ask(&call).await?.list()?.into_iter();
        let location = &self.link.location;
        let what = answer::next(&mut parts, location)?.bytes()?;
        let id = Uuid::from_slice(&answer::next(&mut parts, location)?.bytes()?).ok().map(JobId);
        let state = answer::next(&mut parts, location)?.bytes()?.first().and_then(|it| wire::state(*it));
        Ok(match (what.as_slice(), id, state) {
            (b"u", Some(id), Some(state)) => Released::InUse(id, state),
            (b"r", id, _) => Released::Released(id),
            _ => Released::NotHeld,
        })
    }

    /// A page of a hash: where to go on (`0`: nowhere), fields and values.
    pub(super) async fn scan(&self, hash: &str, cursor: &[u8]) -> Result<Scanned, StoreError> {
        let mut command = redis::cmd("HSCAN");
        command.arg(self.link.key(hash)).arg(cursor).arg("COUNT").arg(PIECE);
        let mut parts = self.answer(self.link.command(&command).await?).list()?.into_iter();
        let next = answer::next(&mut parts, &self.link.location)?.bytes()?;
        let mut fields = answer::next(&mut parts, &self.link.location)?.list()?.into_iter();
        let mut pairs = Vec::new();
        while let (Some(field), Some(value)) = (fields.next(), fields.next()) {
            pairs.push((field.bytes()?, value.bytes()?));
        }
        Ok((next, pairs))
    }
}

/// A cursor, and pairs of bytes.
pub(super) type Scanned = (Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>);

/// Kind and key from the name of a unique key.
fn split(name: &[u8]) -> Option<(String, String)> {
    let (length, rest) = name.split_first()?;
    let (kind, key) = rest.split_at_checked(usize::from(*length))?;
    Some((wire::lossy(kind), wire::lossy(key)))
}
