//! Answers of the server, taken apart.

use super::fault;
use crate::{StoreError, Timestamp};
use redis::Value;

/// An answer that must have a certain shape.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) value: Value,
    pub(super) location: &'a str,
}

impl<'a> Answer<'a> {
    fn wrong<T>(&self, what: &str) -> Result<T, StoreError> {
        Err(fault::damaged(what, self.location))
    }

    /// A list.
    pub(super) fn list(self) -> Result<Vec<Answer<'a>>, StoreError> {
        let location = self.location;
        match self.value {
            Value::Array(values) | Value::Set(values) => {
                Ok(values.into_iter().map(|value| Answer { value, location }).collect())
            }
            Value::Map(pairs) => Ok(pairs
                .into_iter()
                .flat_map(|(name, value)| [name, value])
                .map(|value| Answer { value, location })
                .collect()),
            _ => self.wrong("a list was expected"),
        }
    }

    /// Bytes.
    pub(super) fn bytes(self) -> Result<Vec<u8>, StoreError> {
        match self.value {
            Value::BulkString(bytes) => Ok(bytes),
            Value::SimpleString(text) => Ok(text.into_bytes()),
            Value::Int(number) => Ok(number.to_string().into_bytes()),
            Value::Nil => Ok(Vec::new()),
            _ => self.wrong("bytes were expected"),
        }
    }

    pub(super) fn text(self) -> Result<String, StoreError> {
        self.bytes().map(|bytes| super::wire::lossy(&bytes))
    }

    /// A number, as an integer or in digits.
    pub(super) fn number(self) -> Result<i64, StoreError> {
        if let Value::Int(number) = self.value {
            return Ok(number);
        }
        let location = self.location;
        let digits = self.text()?;
        // Beyond 2⁶³ is as far as the future goes.
        digits
            .parse::<f64>()
            .map(|number| digits.parse().unwrap_or(number as i64))
            .map_err(|_| fault::damaged(&format!("a number was expected instead of {digits:?}"), location))
    }

    /// A moment in digits; nothing is `None`.
    pub(super) fn moment(self) -> Result<Option<Timestamp>, StoreError> {
        let location = self.location;
        let bytes = self.bytes()?;
        if bytes.is_empty() {
            return Ok(None);
        }
        Answer { value: Value::BulkString(bytes), location }.number().map(|millis| Some(Timestamp(millis)))
    }

    /// A moment in eight bytes; nothing is `None`.
    pub(super) fn moment8(self) -> Result<Option<Timestamp>, StoreError> {
        let location = self.location;
        let bytes = self.bytes()?;
        if bytes.is_empty() {
            return Ok(None);
        }
        match bytes.first_chunk::<8>() {
            Some(chunk) => Ok(Some(Timestamp(i64::from_be_bytes(*chunk)))),
            None => Err(fault::damaged("a moment was expected", location)),
        }
    }
}

/// The next part of a list, which must be there.
pub(super) fn next<'a>(
    parts: &mut impl Iterator<Item = Answer<'a>>,
    location: &str,
) -> Result<Answer<'a>, StoreError> {
    parts.next().ok_or_else(|| fault::damaged("an answer is too short", location))
}
