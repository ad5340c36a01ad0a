use super::{Expression, Schedule};
use backstock_queue::Timestamp;
use jiff::civil::{DateTime, date};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp as Instant};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Zones with their two changes around 2026: one hour, half an hour, at midnight, southern, and none.
const ZONES: [&str; 8] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Havana",
    "Africa/Cairo",
    "America/Santiago",
    "Asia/Beirut",
    "Asia/Kolkata",
];

fn at(text: &str) -> Timestamp {
    Timestamp(text.parse::<Instant>().unwrap().as_millisecond())
}

fn slots(cron: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
    let schedule = Schedule::parse(cron, zone).unwrap();
    let next = |slot: &Timestamp| schedule.next_after(*slot);
    let first = schedule.next_after(at(from));
    std::iter::successors(first, next).take(count).map(|slot| schedule.local_time(slot)).collect()
}

#[test]
fn a_fixed_time_in_the_spring_gap_runs_once_right_after_it() {
    assert_eq!(
        slots("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00+01:00", 2),
        ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]
    );
    // Several times in the gap, and one at its end, are one slot.
    assert_eq!(
        slots("0,20,40 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00+01:00", 3),
        ["2026-03-29T03:00:00+02:00", "2026-03-29T03:20:00+02:00", "2026-03-29T03:40:00+02:00"]
    );
}

#[test]
fn a_fixed_time_in_the_autumn_overlap_runs_the_first_time_only() {
    assert_eq!(
        slots("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00+02:00", 2),
        ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]
    );
    // Also for one that starts between the two passes.
    assert_eq!(
        slots("30 2 * * *", "Europe/Berlin", "2026-10-25T02:10:00+01:00", 1),
        ["2026-10-26T02:30:00+01:00"]
    );
}

#[test]
fn an_interval_follows_real_time_through_gap_and_overlap() {
    assert_eq!(
        slots("*/30 * * * *", "Europe/Berlin", "2026-03-29T01:29:59+01:00", 3),
        ["2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00"]
    );
    assert_eq!(
        slots("*/30 * * * *", "Europe/Berlin", "2026-10-25T02:00:00+02:00", 4),
        [
            "2026-10-25T02:30:00+02:00",
            "2026-10-25T02:00:00+01:00",
            "2026-10-25T02:30:00+01:00",
            "2026-10-25T03:00:00+01:00"
        ]
    );
}

#[test]
fn a_gap_that_swallows_midnight_runs_what_was_due_then_at_its_end() {
    // 24 April 2026: Cairo's clocks jump from 00:00 to 01:00.
    assert_eq!(
        slots("@daily", "Africa/Cairo", "2026-04-23T12:00:00+02:00", 2),
        ["2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"]
    );
    // Samoa had no 30 December 2011 at all.
    assert_eq!(
        slots("0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00-10:00", 1),
        ["2011-12-31T00:00:00+14:00"]
    );
}

#[test]
fn days_are_chosen_by_month_and_by_weekday() {
    assert_eq!(slots("0 0 29 2 *", "UTC", "2097-01-01T00:00:00Z", 1), ["2104-02-29T00:00:00+00:00"]);
    assert_eq!(slots("0 0 L * *", "UTC", "2026-02-01T00:00:00Z", 1), ["2026-02-28T00:00:00+00:00"]);
    assert_eq!(slots("0 0 * * MON#1", "UTC", "2026-11-21T00:00:00Z", 1), ["2026-12-07T00:00:00+00:00"]);
    // Day of month or day of week, as cron has it since Vixie.
    assert_eq!(
        slots("0 0 13 * FRI", "UTC", "2026-11-11T00:00:00Z", 2),
        ["2026-11-13T00:00:00+00:00", "2026-11-20T00:00:00+00:00"]
    );
}

#[test]
fn the_last_slot_between_two_instants_is_found() {
    let schedule = Schedule::parse("30 2 * * *", "Europe/Berlin").unwrap();
    let last =
        |after, until| schedule.last_between(at(after), at(until)).map(|slot| schedule.local_time(slot));
    let (early, slot) = ("2020-01-01T00:00:00Z", "2026-07-01T02:30:00+02:00");
    assert_eq!(last(early, slot).as_deref(), Some(slot));
    assert_eq!(last(early, "2026-07-02T02:29:59+02:00").as_deref(), Some(slot));
    assert_eq!(last(slot, "2026-07-02T02:29:59+02:00"), None);
    assert_eq!(last(slot, early), None);
}

#[test]
fn instants_beyond_the_calendar_have_no_slot() {
    let schedule = Schedule::parse("* * * * *", "Europe/Berlin").unwrap();
    for instant in [i64::MIN, i64::MAX] {
        assert_eq!(schedule.next_after(Timestamp(instant)), None);
    }
    assert!(schedule.next_after(Timestamp(-1)).is_some());
}

fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap()
}

/// Where the slots of `cron` in `zone` are, found by looking at every minute from `from` on, the slow way.
fn by_looking(cron: &str, zone: &TimeZone, from: Instant, hours: i64) -> BTreeSet<Instant> {
    let expression = Expression::parse(cron).unwrap();
    let comes = |local: DateTime| {
        let second = local.hour() as u32 * 3600 + local.minute() as u32 * 60 + local.second() as u32;
        expression.matches_day(local.date()) && expression.next_second(second) == Some(second)
    };
    let until = from + SignedDuration::from_hours(hours);
    let minutes = |hours: i64| (0..hours * 60).map(SignedDuration::from_mins);
    if expression.is_interval() {
        return minutes(hours)
            .map(|later| from + later)
            .filter(|utc| comes(zone.to_datetime(*utc)))
            .collect();
    }
    // Every minute a calendar shows, on the first instant that is not before it.
    let first = TimeZone::UTC.to_datetime(from) - SignedDuration::from_hours(30);
    minutes(hours + 60)
        .map(|later| first + later)
        .filter(|local| comes(*local))
        .map(|local| {
            let exists = |m| {
                let local = local + SignedDuration::from_mins(m);
                let ambiguous = zone.to_ambiguous_timestamp(local);
                let gap = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
                (!gap).then(|| ambiguous.earlier().unwrap())
            };
            (0..).find_map(exists).unwrap()
        })
        .filter(|slot| (from..until).contains(slot))
        .collect()
}

/// Starts of five days around each change of the clock in the year after November 2025.
fn changes(zone: &TimeZone) -> Vec<Instant> {
    let start = TimeZone::UTC.to_timestamp(date(2025, 11, 10).at(0, 0, 0, 0)).unwrap();
    let later = |day: i64| start + SignedDuration::from_hours(24 * day);
    let offset = |day: i64| super::super::day::offset_at(zone, later(day).as_second());
    let days: Vec<i64> = (1..366).filter(|day| offset(*day) != offset(day - 1)).collect();
    days.into_iter().map(|day| later(day - 3)).collect()
}

fn field(low: u32, high: u32) -> impl Strategy<Value = String> {
    let number = low..=high;
    prop_oneof![
        4 => number.clone().prop_map(|n| n.to_string()),
        2 => Just("*".to_owned()),
        2 => (2..=(high / 2).max(3)).prop_map(|step| format!("*/{step}")),
        1 => (number.clone(), number.clone()).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        2 => prop::collection::btree_set(number, 2..4)
            .prop_map(|set| set.iter().map(u32::to_string).collect::<Vec<_>>().join(",")),
    ]
}

fn cron() -> impl Strategy<Value = String> {
    let hour = prop_oneof![3 => field(0, 4), 1 => field(0, 23)];
    let day =
        prop_oneof![8 => Just("* * *"), 1 => Just("*/2 * *"), 1 => Just("* * SUN"), 1 => Just("L 3,10 *")];
    (field(0, 59), hour, day).prop_map(|(minute, hour, day)| format!("{minute} {hour} {day}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn slots_around_clock_changes_are_those_found_by_looking_at_every_minute(cron in cron()) {
        for name in ZONES {
            let zone = zone(name);
            let schedule = Schedule::parse(&cron, name).unwrap();
            for from in changes(&zone) {
                let until = from + SignedDuration::from_hours(5 * 24);
                let mut slot = Timestamp(from.as_millisecond() - 1);
                let mut found = BTreeSet::new();
                loop {
                    let next = schedule.next_after(slot).unwrap();
                    prop_assert!(next > slot, "strictly increasing");
                    slot = next;
                    let utc = Instant::from_millisecond(slot.as_millis()).unwrap();
                    if utc >= until { break; }
                    prop_assert!(found.insert(utc));
                }
                prop_assert_eq!(found, by_looking(&cron, &zone, from, 5 * 24), "{} in {}", cron, name);
            }
        }
    }
}

#[test]
fn a_year_of_slots_is_strictly_increasing_and_complete_in_every_zone() {
    for name in ZONES {
        let start = at("2025-11-10T00:00:00Z");
        let end = Timestamp(start.as_millis() + 365 * 86_400_000);
        let count = |cron: &str| {
            let schedule = Schedule::parse(cron, name).unwrap();
            let mut previous = start;
            let mut count = 0;
            while let Some(slot) = schedule.next_after(previous).filter(|slot| *slot <= end) {
                assert!(slot > previous, "{cron} in {name}");
                previous = slot;
                count += 1;
            }
            count
        };
        for fixed in ["30 2 * * *", "0 0 * * *", "30 0 * * *", "30 23 * * *", "0 1 * * *"] {
            assert_eq!(count(fixed), 365, "{fixed} in {name}");
        }
        // Lord Howe's half-hour change: real time holds as many half hours in every zone.
        assert_eq!(count("*/30 * * * *"), 365 * 48, "{name}");
    }
}
