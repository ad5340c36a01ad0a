//! Amounts of money as people write them, never guessed.
//!
//! `12,99` and `1,299.00` say by themselves which mark is the decimal one. `1,299` does not: it is read as the other
//! prices of the column are written, and refused when they do not tell.

use std::borrow::Cow;

use iso_currency::Currency;

use super::super::Code;

/// The mark between whole units and decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DecimalMark {
    Point,
    Comma,
}

/// What the prices of a column show about its decimal mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Evidence {
    pub(crate) point: bool,
    pub(crate) comma: bool,
}

impl Evidence {
    pub(crate) fn add(&mut self, other: Self) {
        self.point |= other.point;
        self.comma |= other.comma;
    }

    /// The mark, when all evidence agrees.
    pub(crate) fn mark(self) -> Option<DecimalMark> {
        match (self.point, self.comma) {
            (true, false) => Some(DecimalMark::Point),
            (false, true) => Some(DecimalMark::Comma),
            _ => None,
        }
    }

    /// What one cell shows; nothing, if it is no price.
    pub(crate) fn of(cell: &str) -> Self {
        let Ok(written) = Written::scan(cell) else { return Self::default() };
        match written.form {
            Form::Decimal(DecimalMark::Point) | Form::Grouped(b',') => Self { point: true, comma: false },
            Form::Decimal(DecimalMark::Comma) | Form::Grouped(b'.') => Self { point: false, comma: true },
            _ => Self::default(),
        }
    }
}

/// How the marks in an amount can be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// No mark, or one that only groups (space, apostrophe).
    Whole,
    /// The last mark is certainly the decimal one.
    Decimal(DecimalMark),
    /// The marks certainly group thousands.
    Grouped(u8),
    /// One mark before exactly three digits: decimals or thousands.
    Either(DecimalMark),
}

/// An amount as written, before the currency's number of decimals is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written<'a> {
    /// Sign or code next to the number, trimmed; empty when there is none.
    pub(crate) unit: &'a str,
    pub(crate) negative: bool,
    /// Digits and marks.
    number: Cow<'a, str>,
    form: Form,
}

/// Why an amount cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PriceError {
    pub(crate) code: Code,
    pub(crate) message: &'static str,
}

const fn bad(message: &'static str) -> PriceError {
    PriceError { code: Code::BadPrice, message }
}

const MAX_CHARS: usize = 64;

impl<'a> Written<'a> {
    /// Takes sign, unit and number apart.
    pub(crate) fn scan(cell: &'a str) -> Result<Self, PriceError> {
        const NOT_A_PRICE: PriceError = bad("is not an amount; write it like 12.99");
        let cell = cell.trim();
        if cell.len() > MAX_CHARS {
            return Err(NOT_A_PRICE);
        }
        let first = cell.find(|c: char| c.is_ascii_digit()).ok_or(NOT_A_PRICE)?;
        let last = cell.rfind(|c: char| c.is_ascii_digit()).ok_or(NOT_A_PRICE)?;
        let first = if cell[..first].ends_with(['.', ',']) { first - 1 } else { first };
        let (before, number, after) = (&cell[..first], &cell[first..=last], &cell[last + 1..]);
        // "12,-" and "12.–" mean a round amount.
        let after =
            after.strip_prefix([',', '.']).map_or(after, |rest| rest.trim_start_matches(['-', '–', '—']));
        let is_sign = |c: char| matches!(c, '-' | '−' | '+');
        let negative = before.contains(['-', '−']) || after.contains(['-', '−']);
        let (before, after) = (before.trim_matches(|c: char| is_sign(c) || c.is_whitespace()), after.trim());
        let after = after.trim_matches(|c: char| is_sign(c) || c.is_whitespace());
        let unit = match (before, after) {
            (unit, "") | ("", unit) => unit,
            (one, two) if one == two => one,
            _ => return Err(NOT_A_PRICE),
        };
        if unit.chars().any(|c| c.is_ascii_digit()) {
            return Err(NOT_A_PRICE);
        }
        let number = without_grouping_spaces(number).ok_or(NOT_A_PRICE)?;
        let form = form(number.as_bytes()).ok_or(NOT_A_PRICE)?;
        Ok(Self { unit, negative, number, form })
    }

    /// A number whose decimal mark is known to be a point.
    pub(crate) fn number(cell: &'a str) -> Result<Self, PriceError> {
        let mut written = Self::scan(cell)?;
        if !matches!(written.form, Form::Whole) {
            written.form = Form::Decimal(DecimalMark::Point);
        }
        Ok(written)
    }

    /// The amount in the currency's smallest unit; `mark` is what the column shows.
    pub(crate) fn minor(&self, decimals: u32, mark: Option<DecimalMark>) -> Result<i64, PriceError> {
        if self.negative && self.number.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
            return Err(PriceError { code: Code::NegativePrice, message: "is below zero; write 0 or more" });
        }
        let decimal = match (self.form, mark) {
            (Form::Whole | Form::Grouped(_), _) => None,
            (Form::Decimal(mark), _) => Some(mark),
            // A currency without decimals leaves only one reading.
            (Form::Either(_), _) if decimals == 0 => None,
            (Form::Either(written), Some(shown)) => (written == shown).then_some(written),
            (Form::Either(_), None) => {
                let message = "can be thousands or decimals and the file's other prices do not tell; write two decimals";
                return Err(PriceError { code: Code::AmbiguousPrice, message });
            }
        };
        let cut =
            decimal.and_then(|mark| self.number.rfind(if mark == DecimalMark::Point { '.' } else { ',' }));
        let (whole, fraction) =
            cut.map_or((&*self.number, ""), |at| (&self.number[..at], &self.number[at + 1..]));
        let kept = fraction.len().min(decimals as usize);
        if fraction[kept..].bytes().any(|b| b != b'0') {
            return Err(bad("has more decimals than its currency"));
        }
        let zeros = decimals as usize - kept;
        let digits = whole.bytes().filter(u8::is_ascii_digit).chain(fraction[..kept].bytes());
        digits
            .chain(std::iter::repeat_n(b'0', zeros))
            .try_fold(0i64, |sum, digit| sum.checked_mul(10)?.checked_add(i64::from(digit - b'0')))
            .filter(|minor| *minor <= MAX_MINOR)
            .ok_or(bad("is larger than any price"))
    }
}

/// Beyond this an amount is a mistake; sums over a million products still fit.
const MAX_MINOR: i64 = 1_000_000_000_000;

/// Drops spaces and apostrophes that stand before groups of three digits.
fn without_grouping_spaces(number: &str) -> Option<Cow<'_, str>> {
    let is_space = |c: char| matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '’');
    if !number.contains(is_space) {
        return Some(Cow::Borrowed(number));
    }
    let mut groups = number.split(is_space);
    let head = groups.next()?;
    if !(1..=3).contains(&head.len()) || !head.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut plain = head.to_owned();
    let mut groups = groups.peekable();
    while let Some(group) = groups.next() {
        let digits = group.bytes().take_while(u8::is_ascii_digit).count();
        let tail = &group[digits..];
        let last = groups.peek().is_none();
        let decimals = tail.strip_prefix(['.', ',']).is_some_and(|t| t.bytes().all(|b| b.is_ascii_digit()));
        if digits != 3 || !(tail.is_empty() || (last && decimals)) {
            return None;
        }
        plain.push_str(group);
    }
    Some(Cow::Owned(plain))
}

/// How the marks can be understood; nothing, if this is no number.
fn form(number: &[u8]) -> Option<Form> {
    let is_mark = |b: &u8| matches!(b, b'.' | b',');
    if !number.iter().all(|b| b.is_ascii_digit() || is_mark(b)) {
        return None;
    }
    let decimal = |mark: u8| if mark == b'.' { DecimalMark::Point } else { DecimalMark::Comma };
    let Some(last) = number.iter().rposition(is_mark) else { return Some(Form::Whole) };
    let mark = number[last];
    let (head, tail) = (&number[..last], &number[last + 1..]);
    let other = if mark == b'.' { b',' } else { b'.' };
    match (head.contains(&mark), head.contains(&other)) {
        (true, true) => None,
        (true, false) => grouped(number, mark).then_some(Form::Grouped(mark)),
        (false, true) => (!tail.is_empty() && grouped(head, other)).then(|| Form::Decimal(decimal(mark))),
        (false, false) if tail.len() == 3 && (1..=3).contains(&head.len()) && head[0] != b'0' => {
            Some(Form::Either(decimal(mark)))
        }
        (false, false) => (!tail.is_empty()).then(|| Form::Decimal(decimal(mark))),
    }
}

/// Groups of three, or of two before the last three as in India.
fn grouped(number: &[u8], mark: u8) -> bool {
    let groups: Vec<&[u8]> = number.split(|b| *b == mark).collect();
    let [head, middle @ .., tail] = &groups[..] else { return false };
    let regular = |length: usize| middle.iter().all(|group| group.len() == length);
    tail.len() == 3 && !head.is_empty() && (head.len() <= 3 && regular(3) || head.len() <= 2 && regular(2))
}

/// Which currency a price is in, from the sign at the number, the currency column and the default, which must agree.
pub(crate) fn currency(unit: &str, column: &str, default: Currency) -> Result<Currency, &'static str> {
    const UNKNOWN: &str = "is no ISO 4217 currency; write a code such as EUR";
    let column = match column.trim() {
        "" => None,
        text => Some(code(text).ok_or(UNKNOWN)?),
    };
    if unit.is_empty() {
        return Ok(column.unwrap_or(default));
    }
    if let Some(own) = code(unit) {
        return match column {
            Some(other) if other != own => Err("differs from the currency column"),
            _ => Ok(own),
        };
    }
    let meant = SIGNS.iter().find(|(sign, _)| sign.eq_ignore_ascii_case(unit)).ok_or(UNKNOWN)?.1;
    match (column, meant) {
        (Some(column), meant) if meant.contains(&column) => Ok(column),
        (Some(_), _) => Err("differs from the currency column"),
        (None, [only]) => Ok(*only),
        (None, meant) if meant.contains(&default) => Ok(default),
        (None, _) => Err("stands for several currencies; add a currency column or set the default currency"),
    }
}

/// A three-letter code in any case.
pub(crate) fn code(text: &str) -> Option<Currency> {
    let bytes: [u8; 3] = text.as_bytes().try_into().ok()?;
    let capitals = bytes.map(|b| b.to_ascii_uppercase());
    Currency::from_code(std::str::from_utf8(&capitals).ok()?)
}

/// Signs next to prices and the currencies that they stand for.
const SIGNS: &[(&str, &[Currency])] = {
    use Currency::{
        AUD, BGN, BRL, CAD, CHF, CNY, CZK, DKK, EUR, GBP, HKD, HUF, ILS, INR, ISK, JPY, KRW, MXN, NGN, NOK,
        NZD, PHP, PLN, RON, RUB, SEK, SGD, THB, TRY, TWD, UAH, USD, VND, ZAR,
    };
    &[
        ("€", &[EUR]),
        ("Euro", &[EUR]),
        ("£", &[GBP]),
        ("$", &[USD, CAD, AUD, NZD, MXN, SGD, HKD, TWD]),
        ("US$", &[USD]),
        ("C$", &[CAD]),
        ("CA$", &[CAD]),
        ("A$", &[AUD]),
        ("AU$", &[AUD]),
        ("NZ$", &[NZD]),
        ("S$", &[SGD]),
        ("HK$", &[HKD]),
        ("NT$", &[TWD]),
        ("R$", &[BRL]),
        ("¥", &[JPY, CNY]),
        ("￥", &[JPY, CNY]),
        ("円", &[JPY]),
        ("元", &[CNY]),
        ("kr", &[SEK, NOK, DKK, ISK]),
        ("kr.", &[DKK, SEK, NOK, ISK]),
        ("zł", &[PLN]),
        ("Kč", &[CZK]),
        ("Ft", &[HUF]),
        ("lei", &[RON]),
        ("лв", &[BGN]),
        ("Fr.", &[CHF]),
        ("SFr.", &[CHF]),
        ("₹", &[INR]),
        ("₽", &[RUB]),
        ("₺", &[TRY]),
        ("₩", &[KRW]),
        ("₪", &[ILS]),
        ("฿", &[THB]),
        ("₫", &[VND]),
        ("₴", &[UAH]),
        ("₱", &[PHP]),
        ("₦", &[NGN]),
        ("R", &[ZAR]),
    ]
};
