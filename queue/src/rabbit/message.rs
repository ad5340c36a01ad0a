//! A plain job as a message: the payload is the body, all else stands in the properties. No headers: both sides would make a
//! table of them for every message. Those of the former format are still read.

use crate::{
    Fence, JobFilter, JobId, JobRecord, JobState, KindRange, Lease, NewJob, Priority, Timestamp, WorkerId,
    adopt, inspect::Traits,
};
use lapin::{BasicProperties, message::Delivery, types::ShortString};
use std::sync::Arc;

/// Who wrote it.
const APP: &str = "backstock";
/// Headers of the former format: version of the payload, and milliseconds since the epoch.
const VERSION: &str = "version";
const ENQUEUED_AT: &str = "enqueued_at";
const PERSISTENT: u8 = 2;

/// A job that lies in the broker alone.
#[derive(Clone, Debug)]
pub(super) struct Plain {
    pub(super) id: JobId,
    pub(super) kind: Arc<str>,
    pub(super) version: u16,
    pub(super) queue: Arc<str>,
    pub(super) priority: Priority,
    pub(super) payload: Vec<u8>,
    pub(super) enqueued_at: Timestamp,
}

/// The properties of the message for `job`; `None` when its kind is too long for them.
pub(super) fn properties(job: &NewJob, now: Timestamp) -> Option<BasicProperties> {
    let properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_app_id(APP.into())
        .with_message_id(ShortString::try_new(job.id.to_string()).ok()?)
        .with_type(ShortString::try_new(job.kind.as_str()).ok()?)
        .with_correlation_id(stamp(job.version, now).as_str().into());
    Some(properties)
}

impl Plain {
    /// Reads what a consumer of one band got; `name` gives its kind. The error says in words why it is no job of ours.
    pub(super) fn read(
        delivery: &mut Delivery,
        queue: &Arc<str>,
        priority: Priority,
        name: impl FnOnce(&str) -> Arc<str>,
    ) -> Result<Self, &'static str> {
        let properties = &delivery.properties;
        if properties.app_id().as_ref().is_none_or(|app| app.as_str() != APP) {
            return Err("not written by backstock (app_id)");
        }
        let id = properties.message_id().as_ref().and_then(|id| id.as_str().parse().ok());
        let kind = properties.kind().as_ref().filter(|kind| !kind.as_str().is_empty());
        let (version, enqueued_at) = match properties.correlation_id() {
            Some(stamp) => read_stamp(stamp.as_str()).unzip(),
            None => former_stamp(properties),
        };
        if delivery.data.len() > NewJob::MAX_PAYLOAD_BYTES {
            return Err("a payload above the limit");
        }
        Ok(Self {
            id: id.ok_or("no id of a job (message_id)")?,
            kind: name(kind.ok_or("no kind of job (type)")?.as_str()),
            version: version.ok_or("no version of the payload (correlation_id)")?,
            queue: Arc::clone(queue),
            priority,
            enqueued_at: enqueued_at.ok_or("no time of storing (correlation_id)")?,
            payload: std::mem::take(&mut delivery.data),
        })
    }

    /// Whether a worker with one of `kinds` can perform it.
    pub(super) fn is_for<'a>(&self, kinds: impl IntoIterator<Item = &'a KindRange>) -> bool {
        kinds.into_iter().any(|range| range.covers(&self.kind, self.version))
    }

    /// Whether `filter` means it while it is in `state`.
    pub(super) fn is_meant(&self, filter: &JobFilter, state: JobState) -> bool {
        let Self { id, kind, queue, .. } = self;
        filter.admits(&Traits { id: *id, state, kind, queue, group: None, last_error: None })
    }

    /// As the ledger takes it in: nobody runs it.
    pub(super) fn into_record(self) -> JobRecord {
        let job = NewJob {
            id: self.id,
            kind: self.kind.to_string(),
            version: self.version,
            queue: self.queue.to_string(),
            priority: self.priority,
            payload: self.payload,
            run_at: None,
            expires_at: None,
            unique: None,
            group: None,
            fairness_key: None,
        };
        adopt::record_of(job, self.enqueued_at)
    }

    /// As the ledger takes it in while `worker` runs it.
    pub(super) fn running(self, fence: Fence, worker: WorkerId, started_at: Timestamp) -> JobRecord {
        let (worker, started_at) = (Some(worker), Some(started_at));
        JobRecord { state: JobState::Running, fence, worker, started_at, ..self.into_record() }
    }

    pub(super) fn lease(&self, fence: Fence, deadline: Timestamp) -> Lease {
        Lease {
            job: self.id,
            fence,
            kind: self.kind.to_string(),
            version: self.version,
            queue: self.queue.to_string(),
            priority: self.priority,
            payload: self.payload.clone(),
            attempt: 1,
            crashes: 0,
            group: None,
            enqueued_at: self.enqueued_at,
            due_at: self.enqueued_at,
            deadline,
        }
    }
}

/// Version of the payload and time of storing, as the correlation id: `v1 1764000000000`.
fn stamp(version: u16, at: Timestamp) -> String {
    format!("v{version} {}", at.0)
}

fn read_stamp(stamp: &str) -> Option<(u16, Timestamp)> {
    let (version, at) = stamp.strip_prefix('v')?.split_once(' ')?;
    Some((version.parse().ok()?, Timestamp(at.parse().ok().filter(|at| *at >= 0)?)))
}

/// The same from the headers of the former format.
fn former_stamp(properties: &BasicProperties) -> (Option<u16>, Option<Timestamp>) {
    let number = |name: &str| properties.headers().as_ref()?.inner().get(name)?.as_long_long_int();
    let version = number(VERSION).and_then(|version| u16::try_from(version).ok());
    (version, number(ENQUEUED_AT).filter(|at| *at >= 0).map(Timestamp))
}

/// Whether a message was given to a consumer before and came back. How often says nothing about its job: most consumers
/// that lost it had only fetched it, and who gets it again does not run it but has it adopted.
pub(super) fn came_back(delivery: &Delivery) -> bool {
    let count = delivery.properties.headers().as_ref().and_then(|headers| {
        let value = headers.inner().get("x-delivery-count")?;
        value.as_long_long_int().or_else(|| value.as_long_int().map(i64::from))
    });
    delivery.redelivered || count.is_some_and(|count| count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::lab;
    use lapin::types::{AMQPValue, FieldTable};

    #[test]
    fn both_formats_are_read_and_damaged_stamps_are_not() {
        let at = Timestamp(1_764_000_000_123);
        assert_eq!(read_stamp(&stamp(7, at)), Some((7, at)));
        for damaged in ["", "v7", "7 5", "v7 -5", "v70000 5", "v7 5 ", "v7 99999999999999999999"] {
            assert_eq!(read_stamp(damaged), None, "{damaged:?}");
        }
        let mut headers = FieldTable::default();
        headers.insert(VERSION.into(), AMQPValue::LongLongInt(7));
        headers.insert(ENQUEUED_AT.into(), AMQPValue::LongLongInt(at.0));
        let former = BasicProperties::default().with_headers(headers);
        assert_eq!(former_stamp(&former), (Some(7), Some(at)));
        assert_eq!(former_stamp(&BasicProperties::default()), (None, None));
        let now = properties(&lab::job("a"), at).unwrap();
        assert!(now.headers().is_none() && now.correlation_id().is_some());
    }
}
