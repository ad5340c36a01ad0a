//! How a value lies in Redis: a byte that says how, the tags, and the bytes, compressed where that pays.
//!
//! | byte | meaning |
//! |---|---|
//! | 0 | form: 0 raw, 1 lz4 (block), 2 there is no such thing |
//! | 1 | number of tags, each a byte of length and its text |
//! | | form 1: length of the value as 4 bytes, little endian |
//! | | the value |

use bytes::Bytes;

use crate::value::{MAX_TAGS, Tags, Value};

const RAW: u8 = 0;
const LZ4: u8 = 1;
const ABSENT: u8 = 2;

/// Compression that gains less than this part is not worth its time.
const GAIN: usize = 10;

/// Why a frame cannot be read: another program's, or a later release's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// Values longer than `compress_above` bytes are compressed if that gains a tenth.
pub(super) fn encode(value: Option<&Value>, compress_above: usize) -> Vec<u8> {
    let Some(value) = value else { return vec![ABSENT, 0] };
    let packed = if value.bytes.len() > compress_above { pack(&value.bytes) } else { None };
    let mut frame = Vec::with_capacity(64 + packed.as_ref().map_or(value.bytes.len(), Vec::len));
    frame.push(if packed.is_some() { LZ4 } else { RAW });
    frame.push(value.tags.iter().len() as u8);
    for tag in value.tags.iter() {
        frame.push(tag.len() as u8);
        frame.extend_from_slice(tag.as_bytes());
    }
    match packed {
        Some(packed) => {
            frame.extend_from_slice(&(value.bytes.len() as u32).to_le_bytes());
            frame.extend_from_slice(&packed);
        }
        None => frame.extend_from_slice(&value.bytes),
    }
    frame
}

fn pack(bytes: &[u8]) -> Option<Vec<u8>> {
    // The length is written as 4 bytes.
    u32::try_from(bytes.len()).ok()?;
    let packed = lz4_flex::block::compress(bytes);
    (packed.len() <= bytes.len() - bytes.len() / GAIN).then_some(packed)
}

/// The value, `None` where there is no such thing. A value that claims to be larger than `max_bytes` is not unpacked.
pub(super) fn decode(frame: &Bytes, max_bytes: usize) -> Result<Option<Value>, Unreadable> {
    let (&form, rest) = frame.split_first().ok_or(Unreadable)?;
    let (tags, rest) = tags(rest)?;
    let bytes = match form {
        ABSENT => return Ok(None),
        RAW if rest.len() <= max_bytes => frame.slice_ref(rest),
        LZ4 => {
            let (length, packed) = rest.split_first_chunk::<4>().ok_or(Unreadable)?;
            let length = u32::from_le_bytes(*length) as usize;
            // A block of lz4 grows at most 255 times.
            if length > max_bytes || length / 256 > packed.len() {
                return Err(Unreadable);
            }
            let bytes = lz4_flex::block::decompress(packed, length).map_err(|_| Unreadable)?;
            if bytes.len() != length {
                return Err(Unreadable);
            }
            bytes.into()
        }
        _ => return Err(Unreadable),
    };
    Ok(Some(Value { bytes, tags }))
}

fn tags(bytes: &[u8]) -> Result<(Tags, &[u8]), Unreadable> {
    let (&number, mut rest) = bytes.split_first().ok_or(Unreadable)?;
    if usize::from(number) > MAX_TAGS {
        return Err(Unreadable);
    }
    let mut names = Vec::with_capacity(number.into());
    for _ in 0..number {
        let (&length, after) = rest.split_first().ok_or(Unreadable)?;
        let (name, after) = after.split_at_checked(length.into()).ok_or(Unreadable)?;
        names.push(std::str::from_utf8(name).map_err(|_| Unreadable)?);
        rest = after;
    }
    Ok((Tags::new(names), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KIB: usize = 1024;

    #[test]
    fn what_repeats_is_compressed_above_the_threshold_and_only_there() {
        let value = |length: usize| Value::from(b"sturdy and waterproof ".repeat(length.div_ceil(22))[..length].to_vec());
        assert_eq!(encode(Some(&value(KIB)), KIB).len(), KIB + 2);
        assert!(encode(Some(&value(KIB + 1)), KIB).len() < 200);
    }

    #[test]
    fn what_does_not_get_smaller_stays_as_it_is() {
        let noise: Vec<u8> = (0..4096u16).map(|n| xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes()) as u8).collect();
        let frame = encode(Some(&noise.clone().into()), KIB);
        assert_eq!((frame[0], frame.len()), (RAW, noise.len() + 2));
    }

    #[test]
    fn a_frame_that_claims_too_much_is_not_unpacked() {
        let frame = Bytes::from(encode(Some(&vec![7; 100_000].into()), KIB));
        assert_eq!(decode(&frame, 99_999), Err(Unreadable));
        assert!(decode(&frame, 100_000).is_ok());
        let bomb = [&[LZ4, 0][..], &u32::MAX.to_le_bytes(), &[0; 100]].concat();
        assert_eq!(decode(&bomb.into(), usize::MAX), Err(Unreadable));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            bytes in prop::collection::vec(0u8..4, 0..3000),
            tags in prop::collection::vec(".{0,100}", 0..MAX_TAGS),
            compress_above in 0usize..2000,
        ) {
            let value = Value::from(bytes).tagged(tags);
            let frame = encode(Some(&value), compress_above);
            prop_assert_eq!(decode(&frame.into(), 4096), Ok(Some(value)));
            prop_assert_eq!(decode(&encode(None, compress_above).into(), 4096), Ok(None));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes.into(), 1 << 20);
        }

        #[test]
        fn a_cut_frame_is_refused_or_shorter(cut in 0usize..60) {
            let value = Value::from(vec![7; 2000]).tagged(["brand:acme", "category:tents"]);
            let frame = Bytes::from(encode(Some(&value), KIB));
            let cut = cut.min(frame.len() - 1);
            prop_assert_ne!(decode(&frame.slice(..cut), 1 << 20), Ok(Some(value)));
        }
    }
}
