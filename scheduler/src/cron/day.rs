//! One calendar day of a time zone on the real time line.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};

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
    pub fn new(zone: &TimeZone, date: Date) -> Option<Self> {
        let (start, end) = (first_instant(zone, date)?, first_instant(zone, date.tomorrow().ok()?)?);
        let midnight = if_utc(date)?;
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
pub(crate) fn offset_at(zone: &TimeZone, instant: i64) -> Option<i64> {
    Some(i64::from(zone.to_offset(Timestamp::from_second(instant).ok()?).seconds()))
}

/// Midnight of `date` as if the zone were UTC.
fn if_utc(date: Date) -> Option<i64> {
    Some(TimeZone::UTC.to_timestamp(date.to_datetime(Time::midnight())).ok()?.as_second())
}

/// The first instant in `after..=until` with another offset than `after`. Days on which a zone changes its clock twice
/// do not exist.
fn next_change(zone: &TimeZone, after: i64, until: i64) -> Option<i64> {
    let before = offset_at(zone, after)?;
    let changes = zone.following(Timestamp::from_second(after).ok()?);
    let mut near = changes.take_while(|change| change.timestamp().as_second() <= until);
    let change = near.find(|change| i64::from(change.offset().seconds()) != before)?;
    Some(change.timestamp().as_second())
}

/// The first instant of `date`: midnight, or the end of the gap that swallowed midnight.
fn first_instant(zone: &TimeZone, date: Date) -> Option<i64> {
    let shown = if_utc(date)?;
    match zone.to_ambiguous_timestamp(date.to_datetime(Time::midnight())).offset() {
        AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
            Some(shown - i64::from(offset.seconds()))
        }
        AmbiguousOffset::Gap { before, .. } => {
            // When it would have come without the gap: the clock has jumped then, or less than a day earlier.
            let would_be = shown - i64::from(before.seconds());
            next_change(zone, would_be - DAY - 1, would_be)
        }
    }
}
