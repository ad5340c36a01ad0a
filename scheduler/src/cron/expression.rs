//! A cron expression: which days, and which seconds of such a day.

use super::fields::{FIELDS, Field, NICKNAMES};
use croner::parser::{CronParser, Seconds, Year};
use croner::{CronPattern, Weekday};
use jiff::civil::Date;

/// Longest expression, in bytes.
const MAX_BYTES: usize = 256;

/// Why an expression is refused. Says where, what may stand there, and shows something correct.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpressionError {
    /// Not five or six fields.
    #[error(
        "{found} fields; a cron expression has 5 (minute hour day-of-month month day-of-week) or 6 (second in front); \
         example: \"30 3 * * MON-FRI\""
    )]
    FieldCount {
        /// How many there are.
        found: usize,
    },
    /// A field contains what it may not.
    #[error(
        "{field} field, column {column}: \"{found}\" is not allowed; allowed: {allowed}; example: \"{example}\""
    )]
    Field {
        /// Name of the field.
        field: &'static str,
        /// Where in the expression, in characters from 1.
        column: usize,
        /// What stands there.
        found: String,
        /// What may stand there.
        allowed: &'static str,
        /// Something correct.
        example: &'static str,
    },
    /// An unknown `@name`.
    #[error("column 1: \"{found}\" is not a known name; allowed: {}; example: \"@daily\"", nicknames())]
    Nickname {
        /// What stands there.
        found: String,
    },
    /// Longer than 256 bytes.
    #[error("{bytes} bytes; a cron expression has at most {MAX_BYTES}; split the entry in two")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// Correct, but there is no such day.
    #[error(
        "\"{expression}\" never comes: no year has such a day; check day-of-month and month; example: \"0 0 28 2 *\""
    )]
    Never {
        /// The expression.
        expression: String,
    },
}

fn nicknames() -> String {
    NICKNAMES.map(|(name, _)| name).join(", ")
}

#[derive(Clone, Debug)]
pub(crate) struct Expression {
    pattern: CronPattern,
    hours: Vec<u32>,
    minutes: Vec<u32>,
    seconds: Vec<u32>,
    interval: bool,
}

impl Expression {
    /// Reads five or six fields or an `@name`.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        if text.len() > MAX_BYTES {
            return Err(ExpressionError::TooLong { bytes: text.len() });
        }
        let trimmed = text.trim();
        if trimmed.starts_with('@') {
            let known = NICKNAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(trimmed));
            let (_, expression) =
                known.ok_or_else(|| ExpressionError::Nickname { found: trimmed.to_owned() })?;
            return Self::parse(expression);
        }
        let fields = split(text);
        if !(5..=6).contains(&fields.len()) {
            return Err(ExpressionError::FieldCount { found: fields.len() });
        }
        let known = &FIELDS[FIELDS.len() - fields.len()..];
        for (field, &(column, content)) in known.iter().zip(&fields) {
            check(field, column, content)?;
        }
        let contents: Vec<&str> = fields.iter().map(|&(_, content)| content).collect();
        let times = &contents[..contents.len() - 3];
        let interval = times.iter().any(|content| content.contains(['*', '/']));
        let seconds = if contents.len() == 5 { "0 " } else { "" };
        let parsed = parser().parse(&format!("{seconds}{}", contents.join(" ")));
        let pattern = parsed.map_err(|_| ExpressionError::FieldCount { found: contents.len() })?.pattern;
        let values =
            |component: &croner::CronComponent| component.values().into_iter().map(u32::from).collect();
        let (hours, minutes, seconds) =
            (values(&pattern.hours), values(&pattern.minutes), values(&pattern.seconds));
        Ok(Self { pattern, hours, minutes, seconds, interval })
    }

    /// Whether a time field (second, minute, hour) has a `*` or a step: then it means "every so often" and follows
    /// real time when the clock is changed; otherwise it means fixed times of the day.
    pub const fn is_interval(&self) -> bool {
        self.interval
    }

    /// Whether it comes on this day.
    pub fn matches_day(&self, date: Date) -> bool {
        let weekday = Weekday::from_days_from_sunday(date.weekday().to_sunday_zero_offset() as u32);
        let (year, month, day) = (i32::from(date.year()), date.month() as u32, date.day() as u32);
        self.pattern.month_match(month).unwrap_or(false)
            && self.pattern.day_match(year, month, day, weekday).unwrap_or(false)
    }

    /// The first second of a day, from `from` on, at which it comes.
    pub fn next_second(&self, from: u32) -> Option<u32> {
        let at = |hour: u32, minute: u32, second: u32| hour * 3600 + minute * 60 + second;
        let (first_minute, first_second) = (*self.minutes.first()?, *self.seconds.first()?);
        let (hour, minute, second) = (from / 3600, from / 60 % 60, from % 60);
        let next_hour = first_from(&self.hours, hour)?;
        if next_hour > hour {
            return Some(at(next_hour, first_minute, first_second));
        }
        let same_minute = first_from(&self.minutes, minute).filter(|&next| next == minute);
        if let Some(next) = same_minute.and_then(|_| first_from(&self.seconds, second)) {
            return Some(at(hour, minute, next));
        }
        if let Some(next) = first_from(&self.minutes, minute + 1) {
            return Some(at(hour, next, first_second));
        }
        first_from(&self.hours, hour + 1).map(|next| at(next, first_minute, first_second))
    }
}

/// The first of the ascending `values` that is not below `from`.
fn first_from(values: &[u32], from: u32) -> Option<u32> {
    values.get(values.partition_point(|&value| value < from)).copied()
}

fn parser() -> CronParser {
    CronParser::builder().seconds(Seconds::Required).year(Year::Disallowed).build()
}

/// The fields with their columns, in characters from 1.
fn split(text: &str) -> Vec<(usize, &str)> {
    let column = |content: &str| {
        let bytes = content.as_ptr().addr() - text.as_ptr().addr();
        text[..bytes].chars().count() + 1
    };
    text.split_whitespace().map(|content| (column(content), content)).collect()
}

/// Checks each element of a field's list by itself, so that the message can point at it.
fn check(field: &'static Field, column: usize, content: &str) -> Result<(), ExpressionError> {
    let refused = |column: usize, found: &str| ExpressionError::Field {
        field: field.name,
        column,
        found: found.to_owned(),
        allowed: field.allowed,
        example: field.example,
    };
    let position = FIELDS.iter().position(|known| known.name == field.name).unwrap_or_default();
    let parses = |content: &str| {
        let mut fields = ["*"; FIELDS.len()];
        fields[position] = content;
        parser().parse(&fields.join(" ")).is_ok()
    };
    let mut at = column;
    for item in content.split(',') {
        if !item.is_ascii() || !field.knows_names_in(item) || !parses(item) {
            return Err(refused(at, item));
        }
        at += item.len() + 1;
    }
    if parses(content) { Ok(()) } else { Err(refused(column, content)) }
}

#[cfg(test)]
mod tests {
    use super::{Expression, ExpressionError};
    use proptest::prelude::*;

    fn refusal(text: &str) -> String {
        Expression::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_refusal_names_field_column_what_is_allowed_and_an_example() {
        assert_eq!(
            refusal("0,61 3 * * *"),
            "minute field, column 3: \"61\" is not allowed; allowed: 0-59, *, lists (0,30), ranges (0-10), steps \
             (*/15); example: \"*/15\""
        );
        assert!(refusal("0 25 * * *").starts_with("hour field, column 3: \"25\""));
        assert!(refusal("99 0 25 * * *").starts_with("second field, column 1: \"99\""));
        assert!(refusal("0 0 32 * *").starts_with("day-of-month field, column 5: \"32\""));
        assert!(refusal("0 0 * 13 *").starts_with("month field, column 7: \"13\""));
        assert!(refusal("0  0 * * MON,FRIDAY").starts_with("day-of-week field, column 14: \"FRIDAY\""));
        assert!(refusal("*/0 * * * *").starts_with("minute field, column 1: \"*/0\""));
        assert!(refusal("0 é * * *").starts_with("hour field, column 3: \"é\""));
        assert!(refusal("0, 0 * * *").starts_with("minute field, column 3: \"\""));
    }

    #[test]
    fn names_belong_to_their_own_fields() {
        for text in ["MON * * * *", "0 0 * MON *", "0 0 * * JAN", "0 0 JAN * *", "0 0 * * 1SUN"] {
            assert!(matches!(Expression::parse(text), Err(ExpressionError::Field { .. })), "{text}");
        }
        for text in
            ["0 0 * JAN-mar,DEC Mon-FRI", "0 0 L * *", "0 0 LW * *", "0 0 15W * *", "0 0 * * MON#1,5L"]
        {
            assert!(Expression::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_number_of_fields_is_five_or_six() {
        for (text, found) in [("", 0), ("* * * *", 4), ("* * * * * * *", 7)] {
            assert_eq!(Expression::parse(text).unwrap_err(), ExpressionError::FieldCount { found });
        }
    }

    #[test]
    fn nicknames_are_read_and_unknown_ones_listed() {
        assert!(Expression::parse("@Daily").is_ok());
        assert!(refusal("@reboot").contains("@hourly"));
    }

    #[test]
    fn stars_and_steps_in_a_time_field_make_an_interval() {
        for (text, interval) in [
            ("30 2 * * *", false),
            ("0,30 1-3 * * *", false),
            ("30 * * * *", true),
            ("*/5 2 * * *", true),
            ("* 0 2 * * *", true),
        ] {
            assert_eq!(Expression::parse(text).unwrap().is_interval(), interval, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "[-0-9*/,#LW?+@a-zA-Zé ]{0,24}|.{0,40}") {
            let _ = Expression::parse(&text);
        }

        #[test]
        fn the_next_second_is_the_first_that_matches(
            hours in prop::collection::btree_set(0_u32..24, 1..4),
            minutes in prop::collection::btree_set(0_u32..60, 1..4),
            seconds in prop::collection::btree_set(0_u32..60, 1..3),
            from in 0_u32..86_400,
        ) {
            let list = |set: &std::collections::BTreeSet<u32>| set.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
            let text = format!("{} {} {} * * *", list(&seconds), list(&minutes), list(&hours));
            let matches = |s: &u32| hours.contains(&(s / 3600)) && minutes.contains(&(s / 60 % 60)) && seconds.contains(&(s % 60));
            prop_assert_eq!(Expression::parse(&text).unwrap().next_second(from), (from..86_400).find(matches));
        }
    }
}
