//! A plain job as a message: the payload is the body, all else stands in the properties.

use crate::{
    Fence, JobFilter, JobId, JobRecord, JobState, KindRange, Lease, NewJob, Priority, Timestamp, WorkerId,
    adopt, inspect::Traits,
};
use lapin::{
    BasicProperties,
    message::Delivery,
    types::{AMQPValue, FieldTable, ShortString},
};
use std::sync::Arc;

/// Who wrote it.
const APP: &str = "backstock";
const VERSION: &str = "version";
/// Milliseconds since the epoch.
const ENQUEUED_AT: &str = "enqueued_at";
const PERSISTENT: u8 = 2;

/// A job that lies in the broker alone.
#[derive(Clone, Debug)]
pub(super) struct Plain {
    pub(super) id: JobId,
    pub(super) kind: String,
    pub(super) version: u16,
    pub(super) queue: Arc<str>,
    pub(super) priority: Priority,
    pub(super) payload: Vec<u8>,
    pub(super) enqueued_at: Timestamp,
}

/// The properties of the message for `job`; `None` when its kind is too long for them.
pub(super) fn properties(job: &NewJob, now: Timestamp) -> Option<BasicProperties> {
    let mut headers = FieldTable::default();
    headers.insert(VERSION.into(), AMQPValue::LongLongInt(job.version.into()));
    headers.insert(ENQUEUED_AT.into(), AMQPValue::LongLongInt(now.0));
    let properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_app_id(APP.into())
        .with_message_id(ShortString::try_new(job.id.to_string()).ok()?)
        .with_type(ShortString::try_new(job.kind.as_str()).ok()?)
        .with_headers(headers);
    Some(properties)
}

impl Plain {
    /// Reads what a consumer of one band got; the error says in words why it is no job of ours.
    pub(super) fn read(
        delivery: &mut Delivery,
        queue: &Arc<str>,
        priority: Priority,
    ) -> Result<Self, &'static str> {
        let properties = &delivery.properties;
        if properties.app_id().as_ref().is_none_or(|app| app.as_str() != APP) {
            return Err("not written by backstock (app_id)");
        }
        let id = properties.message_id().as_ref().and_then(|id| id.as_str().parse().ok());
        let kind = properties.kind().as_ref().filter(|kind| !kind.as_str().is_empty());
        let number = |name: &str| {
            let value = properties.headers().as_ref()?.inner().get(name)?;
            value.as_long_long_int()
        };
        let version = number(VERSION).and_then(|version| u16::try_from(version).ok());
        let enqueued_at = number(ENQUEUED_AT).filter(|at| *at >= 0);
        if delivery.data.len() > NewJob::MAX_PAYLOAD_BYTES {
            return Err("a payload above the limit");
        }
        Ok(Self {
            id: id.ok_or("no id of a job (message_id)")?,
            kind: kind.ok_or("no kind of job (type)")?.as_str().to_owned(),
            version: version.ok_or("no version of the payload (header version)")?,
            queue: Arc::clone(queue),
            priority,
            enqueued_at: Timestamp(enqueued_at.ok_or("no time of storing (header enqueued_at)")?),
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
            kind: self.kind,
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
            kind: self.kind.clone(),
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

/// Whether a message was given to a consumer before and came back. How often says nothing about its job: most consumers
/// that lost it had only fetched it, and who gets it again does not run it but has it adopted.
pub(super) fn came_back(delivery: &Delivery) -> bool {
    let count = delivery.properties.headers().as_ref().and_then(|headers| {
        let value = headers.inner().get("x-delivery-count")?;
        value.as_long_long_int().or_else(|| value.as_long_int().map(i64::from))
    });
    delivery.redelivered || count.is_some_and(|count| count > 0)
}
