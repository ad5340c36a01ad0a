//! Between rows and values.

use crate::{MAX_DIMENSIONS, MAX_KEY_BYTES, Payload, Point, VectorError};

/// Longest content hash in bytes.
const MAX_HASH_BYTES: usize = 256;

pub(super) fn to_blob(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|v| v.to_le_bytes()).collect()
}

pub(super) fn from_blob(blob: &[u8]) -> impl Iterator<Item = f32> + '_ {
    blob.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes))
}

/// Category path as a JSON array: names may hold any character.
pub(super) fn category_to_text(category: &[String]) -> String {
    serde_json::Value::from(category.to_vec()).to_string()
}

/// `None` when the text is not a JSON array of strings.
pub(super) fn category_from_text(text: &str) -> Option<Vec<String>> {
    serde_json::from_str(text).ok()
}

/// Stored columns of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PayloadRow {
    pub(super) category: String,
    pub(super) price_minor: Option<i64>,
    pub(super) currency: Option<String>,
}

impl From<Payload> for PayloadRow {
    fn from(payload: Payload) -> Self {
        Self {
            category: category_to_text(&payload.category),
            price_minor: payload.price_minor,
            currency: payload.currency,
        }
    }
}

/// Refuses what must not get into the file.
pub(super) fn validate(point: &Point) -> Result<(), VectorError> {
    let reason = if point.key.is_empty() {
        "the key is empty"
    } else if point.key.len() > MAX_KEY_BYTES {
        "the key is longer than 1,024 bytes"
    } else if point.content_hash.len() > MAX_HASH_BYTES {
        "the content hash is longer than 256 bytes"
    } else {
        return validate_vector(&point.key, &point.vector);
    };
    Err(VectorError::Invalid { what: point.key.chars().take(100).collect(), reason })
}

pub(super) fn validate_vector(what: &str, vector: &[f32]) -> Result<(), VectorError> {
    let reason = if vector.is_empty() {
        "the vector has no dimensions"
    } else if vector.len() > MAX_DIMENSIONS {
        "the vector has more than 65,536 dimensions"
    } else if vector.iter().any(|v| !v.is_finite()) {
        "the vector holds a number that is not finite"
    } else {
        return Ok(());
    };
    Err(VectorError::Invalid { what: what.to_owned(), reason })
}

pub(super) fn keys_json<'a>(keys: impl IntoIterator<Item = &'a str>) -> String {
    serde_json::Value::from(keys.into_iter().collect::<Vec<_>>()).to_string()
}
