//! Between rows and values.

use crate::Payload;

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
pub(super) fn keys_json<'a>(keys: impl IntoIterator<Item = &'a str>) -> String {
    serde_json::Value::from(keys.into_iter().collect::<Vec<_>>()).to_string()
}
