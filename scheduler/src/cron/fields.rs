//! What each field of a cron expression may contain; for checks and messages.

/// One field.
#[derive(Debug)]
pub(crate) struct Field {
    /// In messages.
    pub name: &'static str,
    /// What may stand there.
    pub allowed: &'static str,
    /// Something correct.
    pub example: &'static str,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Number,
    DayOfMonth,
    Month,
    DayOfWeek,
}

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// The six fields, in order; an expression of five leaves out the first.
pub(crate) const FIELDS: [Field; 6] = [
    Field {
        name: "second",
        allowed: "0-59, *, lists (0,30), ranges (0-10), steps (*/15)",
        example: "*/15",
        kind: Kind::Number,
    },
    Field {
        name: "minute",
        allowed: "0-59, *, lists (0,30), ranges (0-10), steps (*/15)",
        example: "*/15",
        kind: Kind::Number,
    },
    Field {
        name: "hour",
        allowed: "0-23, *, lists (6,18), ranges (9-17), steps (*/2)",
        example: "9-17",
        kind: Kind::Number,
    },
    Field {
        name: "day-of-month",
        allowed: "1-31, *, lists, ranges, steps, L (last day), 15W (nearest weekday)",
        example: "1,15",
        kind: Kind::DayOfMonth,
    },
    Field {
        name: "month",
        allowed: "1-12 or JAN-DEC, *, lists, ranges, steps",
        example: "JAN-MAR",
        kind: Kind::Month,
    },
    Field {
        name: "day-of-week",
        allowed: "0-7 or SUN-SAT (0 and 7 are Sunday), *, lists, ranges, steps, 5L (last Friday), MON#1 (first Monday)",
        example: "MON-FRI",
        kind: Kind::DayOfWeek,
    },
];

/// Expressions with a name of their own.
pub(crate) const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

impl Field {
    /// Whether the letters in `item` (one element of a list) are names this field knows. The parser replaces names
    /// anywhere in an expression, so that it would read `JAN` as Monday.
    pub fn knows_names_in(&self, item: &str) -> bool {
        let item = item.strip_prefix('+').unwrap_or(item).to_ascii_uppercase();
        item.split(['-', '/', '#']).all(|piece| {
            !piece.contains(|letter: char| letter.is_alphabetic())
                || match self.kind {
                    Kind::Number => false,
                    Kind::DayOfMonth => piece == "L" || piece == "LW" || number_before(piece, 'W'),
                    Kind::Month => MONTHS.contains(&piece),
                    Kind::DayOfWeek => {
                        DAYS.contains(&piece.strip_suffix('L').unwrap_or(piece)) || number_before(piece, 'L')
                    }
                }
        })
    }
}

fn number_before(piece: &str, suffix: char) -> bool {
    piece.strip_suffix(suffix).is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}
