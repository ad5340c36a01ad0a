//! A cron entry: when, what, and what happens to missed slots.

use super::{expression::ExpressionError, misfire::Misfire, schedule::Schedule};
use backstock_queue::{JobId, NewJob, Timestamp};
use std::{collections::HashSet, fmt, sync::Arc, time::Duration};
use uuid::Uuid;

/// Scope of the ids of jobs that cron enqueues.
const CRON: Uuid = Uuid::from_u128(0x6261_636b_7374_6f63_6b2d_6372_6f6e_2d31);
/// Longest name of an entry, in bytes.
const MAX_NAME: usize = 128;
/// Longest spread.
const MAX_JITTER: Duration = Duration::from_hours(24);

/// One cron entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Unique; 1 to 128 bytes. Part of the identity of every job it enqueues: renaming an entry starts a new one.
    pub name: String,
    /// See [`Schedule::parse`].
    pub cron: String,
    /// IANA name.
    pub time_zone: String,
    /// What is enqueued for a slot.
    pub job: Template,
    /// What happens to missed slots.
    pub misfire: Misfire,
    /// Each slot's job is due up to this much later, by its identity, so that entries of one time do not all start at
    /// once. At most one day.
    pub jitter: Duration,
    /// When false, slots pass without a job; they do not count as missed later.
    pub enabled: bool,
}

/// What is enqueued for a slot. Id and time are set by the scheduler.
#[derive(Clone)]
pub enum Template {
    /// A copy of this job.
    Copy(NewJob),
    /// Made for the slot. Must not block; a panic is logged and the slot passes without a job.
    Make(Arc<dyn Fn(Timestamp) -> NewJob + Send + Sync>),
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Copy(job) => f.debug_tuple("Copy").field(&job.kind).finish(),
            Self::Make(_) => f.write_str("Make"),
        }
    }
}

/// Why a schedule or an entry is refused. Permanent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// Not a cron expression.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
    /// Not a time zone.
    #[error("time zone \"{zone}\" is unknown; allowed: IANA names; example: \"Europe/Berlin\"")]
    UnknownZone {
        /// What stands there.
        zone: String,
    },
    /// A field of an entry is out of bounds.
    #[error("{field} is out of bounds; allowed: {allowed}; example: {example}")]
    OutOfBounds {
        /// Which.
        field: &'static str,
        /// What it may be.
        allowed: &'static str,
        /// Something correct.
        example: &'static str,
    },
    /// Two entries of one name.
    #[error("this name is used twice; allowed: one entry for each name; example: \"{name}-2\"")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// Any of these, in an entry.
    #[error("cron entry \"{entry}\": {source}")]
    InEntry {
        /// Its name.
        entry: String,
        /// What is wrong.
        source: Box<Self>,
    },
}

/// An entry that was checked.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub entry: Entry,
    pub schedule: Schedule,
}

impl Planned {
    /// Checks all entries.
    pub fn all(entries: Vec<Entry>) -> Result<Vec<Self>, ScheduleError> {
        let mut names = HashSet::new();
        let mut planned = Vec::with_capacity(entries.len());
        for entry in entries {
            let name = entry.name.clone();
            let checked = if names.insert(name.clone()) {
                Self::new(entry)
            } else {
                Err(ScheduleError::Duplicate { name: name.clone() })
            };
            planned.push(
                checked.map_err(|source| ScheduleError::InEntry { entry: name, source: Box::new(source) })?,
            );
        }
        Ok(planned)
    }

    fn new(entry: Entry) -> Result<Self, ScheduleError> {
        let out_of_bounds =
            |field, allowed, example| Err(ScheduleError::OutOfBounds { field, allowed, example });
        if entry.name.is_empty() || entry.name.len() > MAX_NAME {
            return out_of_bounds("name", "1 to 128 bytes", "\"refresh-views\"");
        }
        if entry.jitter > MAX_JITTER {
            return out_of_bounds("jitter", "at most one day", "30 seconds");
        }
        if matches!(entry.misfire, Misfire::All { max, .. } if max == 0 || max > Misfire::MAX) {
            return out_of_bounds("misfire all: max", "1 to 1000", "100");
        }
        let schedule = Schedule::parse(&entry.cron, &entry.time_zone)?;
        Ok(Self { entry, schedule })
    }

    /// The job of `slot`: the same id and time whoever asks. Panics when the template's closure does.
    pub fn job(&self, slot: Timestamp) -> NewJob {
        let mut job = match &self.entry.job {
            Template::Copy(job) => job.clone(),
            Template::Make(make) => make(slot),
        };
        job.id = JobId::named(CRON, &format!("{}@{}", self.entry.name, slot.as_millis()));
        job.run_at = None;
        if !self.entry.jitter.is_zero() {
            let draw = job.id.0.as_u64_pair().1 & (u64::MAX >> 2); // Without the two bits that are the same in every id.
            let spread = u64::try_from(self.entry.jitter.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
            job.run_at = Some(slot.plus(Duration::from_millis(draw % spread)));
        }
        job
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Misfire, Planned, Template};
    use crate::testing::entry;
    use backstock_queue::Timestamp;
    use std::{collections::HashSet, sync::Arc, time::Duration};

    fn refusal(entries: Vec<Entry>) -> String {
        Planned::all(entries).unwrap_err().to_string()
    }

    #[test]
    fn a_refusal_names_the_entry() {
        let bad = |change: fn(&mut Entry)| {
            let mut entry = entry("nightly", "0 3 * * *");
            change(&mut entry);
            refusal(vec![entry])
        };
        assert!(
            bad(|e| e.cron = "0 30 * * *".into())
                .starts_with("cron entry \"nightly\": hour field, column 3: \"30\"")
        );
        assert!(bad(|e| e.time_zone = "Berlin".into()).contains("example: \"Europe/Berlin\""));
        assert!(bad(|e| e.cron = "0 0 30 2 *".into()).contains("never comes"));
        assert!(bad(|e| e.jitter = Duration::from_hours(25)).contains("jitter"));
        assert!(bad(|e| e.misfire = Misfire::All { max: 0, window: Duration::ZERO }).contains("1 to 1000"));
        assert!(bad(|e| e.name = "n".repeat(129)).contains("128 bytes"));
        assert!(refusal(vec![entry("a", "@daily"), entry("a", "@hourly")]).contains("used twice"));
    }

    #[test]
    fn the_id_and_time_of_a_slots_job_follow_from_entry_and_slot() {
        let jittered = |name: &str| Entry { jitter: Duration::from_secs(30), ..entry(name, "@hourly") };
        let planned = Planned::all(vec![jittered("a"), jittered("b")]).unwrap();
        let mut delays = HashSet::new();
        for hour in 0..50 {
            let slot = Timestamp(hour * 3_600_000);
            let job = planned[0].job(slot);
            assert_eq!(job, planned[0].clone().job(slot));
            assert_ne!(job.id, planned[1].job(slot).id);
            let delay = job.run_at.unwrap().since(slot);
            assert!(job.run_at.unwrap() >= slot && delay <= Duration::from_secs(30));
            delays.insert(delay);
        }
        assert!(delays.len() > 40, "the delays differ: {}", delays.len());
    }

    #[test]
    fn a_closure_sees_its_slot() {
        let template = Template::Make(Arc::new(|slot| {
            let Template::Copy(job) = entry("x", "@daily").job else { unreachable!() };
            backstock_queue::NewJob { payload: slot.to_string().into_bytes(), ..job }
        }));
        let planned = Planned::all(vec![Entry { job: template, ..entry("a", "@hourly") }]).unwrap();
        assert_eq!(planned[0].job(Timestamp(3_600_000)).payload, b"3600000");
        assert_eq!(planned[0].job(Timestamp(3_600_000)).run_at, None);
    }
}
