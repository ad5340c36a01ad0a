//! One calendar day of a time zone on the real time line.

use chrono::{DateTime, MappedLocalTime, NaiveDate, NaiveTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

/// Seconds of a day without a clock change.
pub(crate) const DAY: i64 = 86_400;

/// Real time during which the clock runs evenly. Instants are in seconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub start: i64,
    pub end: i64,
    /// What the clock shows at an instant, minus the instant.
    pub offset: i64,
}

/// A day: its even stretches, one unless the clock is changed on it.
#[derive(Debug)]
pub(crate) struct Day {
    /// Midnight as if the zone were UTC.
    pub midnight: i64,
    /// In order; empty for a day that a zone skipped altogether.
    pub stretches: Vec<Stretch>,
    /// Its first instant after the end.
    pub end: i64,
}

impl Day {
    /// `date` in `zone`; `None` at the end of the calendar.
    pub fn new(zone: Tz, date: NaiveDate) -> Option<Self> {
        let (start, end) = (first_instant(zone, date)?, first_instant(zone, date.succ_opt()?)?);
        let midnight = date.and_time(NaiveTime::MIN).and_utc().timestamp();
        let mut stretches = Vec::with_capacity(2);
        if start < end {
            let offset = offset_at(zone, start)?;
            let change = next_change(zone, start, end - 1);
            stretches.push(Stretch { start, end: change.unwrap_or(end), offset });
            if let Some(change) = change {
                stretches.push(Stretch { start: change, end, offset: offset_at(zone, change)? });
            }
        }
        Some(Self { midnight, stretches, end })
    }
}

/// What the clock of `zone` shows at `instant`, minus `instant`; `None` beyond the calendar.
pub(crate) fn offset_at(zone: Tz, instant: i64) -> Option<i64> {
    let utc = DateTime::from_timestamp(instant, 0)?.naive_utc();
    Some(i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()))
}

/// The first instant in `after..=until` with another offset than `after`, if the offsets of the two differ. Days on
/// which a zone changes its clock twice do not exist.
fn next_change(zone: Tz, after: i64, until: i64) -> Option<i64> {
    let before = offset_at(zone, after)?;
    if offset_at(zone, until)? == before {
        return None;
    }
    let (mut same, mut other) = (after, until);
    while other - same > 1 {
        let middle = i64::midpoint(same, other);
        if offset_at(zone, middle)? == before {
            same = middle;
        } else {
            other = middle;
        }
    }
    Some(other)
}

/// The first instant of `date`: midnight, or the end of the gap that swallowed midnight.
fn first_instant(zone: Tz, date: NaiveDate) -> Option<i64> {
    let midnight = date.and_time(NaiveTime::MIN);
    match zone.from_local_datetime(&midnight) {
        MappedLocalTime::Single(instant) | MappedLocalTime::Ambiguous(instant, _) => {
            Some(instant.timestamp())
        }
        MappedLocalTime::None => {
            let around = TimeDelta::hours(26); // Offsets are within ±26 h.
            let utc = midnight.and_utc();
            next_change(zone, (utc - around).timestamp(), (utc + around).timestamp())
        }
    }
}
