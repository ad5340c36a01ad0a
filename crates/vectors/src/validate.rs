//! What may be stored, whatever the store.

use crate::{MAX_DIMENSIONS, MAX_KEY_BYTES, Point, VectorError};

/// Longest content hash in bytes.
const MAX_HASH_BYTES: usize = 256;

pub(crate) fn validate(point: &Point) -> Result<(), VectorError> {
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

pub(crate) fn validate_vector(what: &str, vector: &[f32]) -> Result<(), VectorError> {
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

pub(crate) fn same_dimensions(
    model: &str,
    what: &str,
    expected: usize,
    got: usize,
) -> Result<(), VectorError> {
    if expected == got {
        return Ok(());
    }
    Err(VectorError::WrongDimension { model: model.to_owned(), what: what.to_owned(), expected, got })
}
