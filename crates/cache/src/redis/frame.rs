//! How a value lies in Redis: a byte that says how, the tags, and the bytes, compressed where that pays.
//!
//! | byte | meaning |
//! |---|---|
//! | 0 | form: 0 raw, 1 lz4 (block), 2 there is no such thing |
//! | 1 | number of tags, each a byte of length and its text |
//! | | form 1: length of the value as 4 bytes, little endian |
//! | | the value |

use bytes::Bytes;

use crate::value::{MAX_TAGS, Tags};
use crate::{Damaged, Packed};

const RAW: u8 = 0;
const LZ4: u8 = 1;
const ABSENT: u8 = 2;

pub(super) fn encode(value: Option<&Packed>) -> Vec<u8> {
    let Some(value) = value else { return vec![ABSENT, 0] };
    let mut frame = Vec::with_capacity(64 + value.bytes().len());
    frame.push(if value.unpacked().is_some() { LZ4 } else { RAW });
    frame.push(value.tags().iter().len() as u8);
    for tag in value.tags().iter() {
        frame.push(tag.len() as u8);
        frame.extend_from_slice(tag.as_bytes());
    }
    if let Some(length) = value.unpacked() {
        frame.extend_from_slice(&length.to_le_bytes());
    }
    frame.extend_from_slice(value.bytes());
    frame
}

/// The value, `None` where there is no such thing. One that claims to be larger than `max_bytes` is not unpacked.
/// Damaged is what another program wrote, or a later release.
pub(super) fn decode(frame: &Bytes, max_bytes: usize) -> Result<Option<Packed>, Damaged> {
    let (&form, rest) = frame.split_first().ok_or(Damaged)?;
    let (tags, rest) = tags(rest)?;
    let (unpacked, rest) = match form {
        ABSENT => return Ok(None),
        RAW => (None, rest),
        LZ4 => {
            let (length, packed) = rest.split_first_chunk::<4>().ok_or(Damaged)?;
            (Some(u32::from_le_bytes(*length)), packed)
        }
        _ => return Err(Damaged),
    };
    Packed::from_parts(frame.slice_ref(rest), unpacked, tags, max_bytes).map(Some)
}

fn tags(bytes: &[u8]) -> Result<(Tags, &[u8]), Damaged> {
    let (&number, mut rest) = bytes.split_first().ok_or(Damaged)?;
    if usize::from(number) > MAX_TAGS {
        return Err(Damaged);
    }
    let mut names = Vec::with_capacity(number.into());
    for _ in 0..number {
        let (&length, after) = rest.split_first().ok_or(Damaged)?;
        let (name, after) = after.split_at_checked(length.into()).ok_or(Damaged)?;
        names.push(std::str::from_utf8(name).map_err(|_| Damaged)?);
        rest = after;
    }
    Ok((Tags::new(names), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Value;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            bytes in prop::collection::vec(0u8..4, 0..3000),
            tags in prop::collection::vec(".{0,100}", 0..MAX_TAGS),
            above in 0usize..2000,
        ) {
            let value = Packed::new(Value::from(bytes).tagged(tags), above);
            prop_assert_eq!(decode(&encode(Some(&value)).into(), 4096), Ok(Some(value)));
            prop_assert_eq!(decode(&encode(None).into(), 4096), Ok(None));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes.into(), 1 << 20);
        }

        #[test]
        fn a_cut_frame_is_refused_or_shorter(cut in 0usize..60) {
            let value = Packed::new(Value::from(vec![7; 2000]).tagged(["brand:acme", "category:tents"]), 1024);
            let frame = Bytes::from(encode(Some(&value)));
            let cut = cut.min(frame.len() - 1);
            prop_assert_ne!(decode(&frame.slice(..cut), 1 << 20), Ok(Some(value)));
        }
    }
}
