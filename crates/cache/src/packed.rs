//! A value as processes pass it on through level 2: compressed where that pays, and readable without anything else.

use bytes::Bytes;

use crate::{Tags, Value};

/// Compression that gains less than this part is not worth its time.
const GAIN: usize = 10;

/// Whether so many bytes are worth unpacking instead of keeping `before`.
pub(crate) fn pays(packed: usize, before: usize) -> bool {
    packed <= before - before / GAIN
}

/// A value, perhaps compressed (lz4, one block), with its tags. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    bytes: Bytes,
    /// Length before compression; `None`: it is not compressed.
    unpacked: Option<u32>,
    tags: Tags,
}

/// The bytes are no block of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a compressed value of the length it claims")]
pub struct Damaged;

impl Packed {
    /// Compresses a value longer than `above` bytes if that gains a tenth.
    pub fn new(value: Value, above: usize) -> Self {
        let Value { bytes, tags } = value;
        if let Ok(length) = u32::try_from(bytes.len())
            && bytes.len() > above
        {
            let packed = lz4_flex::block::compress(&bytes);
            if pays(packed.len(), bytes.len()) {
                return Self { bytes: packed.into(), unpacked: Some(length), tags };
            }
        }
        Self { bytes, unpacked: None, tags }
    }

    /// What another process packed; `unpacked` is the length before compression.
    ///
    /// # Errors
    /// [`Damaged`] when it does not unpack to that length, or the length is above `max_bytes`.
    pub fn from_parts(
        bytes: Bytes,
        unpacked: Option<u32>,
        tags: Tags,
        max_bytes: usize,
    ) -> Result<Self, Damaged> {
        let length = unpacked.map_or(bytes.len(), |length| length as usize);
        // A block of lz4 grows at most 255 times.
        if length > max_bytes || length / 256 > bytes.len() {
            return Err(Damaged);
        }
        let fits = || lz4_flex::block::decompress(&bytes, length).is_ok_and(|bytes| bytes.len() == length);
        if unpacked.is_some() && !fits() {
            return Err(Damaged);
        }
        Ok(Self { bytes, unpacked, tags })
    }

    /// As it was before.
    ///
    /// # Panics
    /// Never: what is not packed here is checked when it comes in.
    pub fn unpack(&self) -> Bytes {
        match self.unpacked {
            None => self.bytes.clone(),
            Some(length) => lz4_flex::block::decompress(&self.bytes, length as usize)
                .expect("it was packed here or unpacked once before")
                .into(),
        }
    }

    /// As it was before, with its tags.
    pub fn into_value(self) -> Value {
        Value { bytes: self.unpack(), tags: self.tags }
    }

    /// As it is kept.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Its length in bytes as it was before.
    pub fn length(&self) -> usize {
        self.unpacked.map_or(self.bytes.len(), |length| length as usize)
    }

    /// Its length before compression, if it is compressed.
    pub fn unpacked(&self) -> Option<u32> {
        self.unpacked
    }

    /// What it is forgotten with.
    pub fn tags(&self) -> &Tags {
        &self.tags
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KIB: usize = 1024;

    fn text(length: usize) -> Value {
        b"sturdy and waterproof ".repeat(length.div_ceil(22))[..length].to_vec().into()
    }

    #[test]
    fn what_repeats_is_compressed_above_the_threshold_and_only_there() {
        assert_eq!(Packed::new(text(KIB), KIB).bytes().len(), KIB);
        assert!(Packed::new(text(KIB + 1), KIB).bytes().len() < 200);
    }

    #[test]
    fn what_does_not_get_smaller_stays_as_it_is() {
        let noise: Vec<u8> =
            (0..4096u16).map(|n| xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes()) as u8).collect();
        let packed = Packed::new(noise.clone().into(), KIB);
        assert_eq!((packed.unpacked(), packed.bytes().len()), (None, noise.len()));
    }

    #[test]
    fn what_claims_too_much_is_not_unpacked() {
        let packed = Packed::new(text(100_000), KIB);
        let again = |max| Packed::from_parts(packed.bytes().clone(), packed.unpacked(), Tags::default(), max);
        assert_eq!(again(99_999), Err(Damaged));
        assert_eq!(again(100_000), Ok(packed.clone()));
        let bomb = Packed::from_parts(vec![0; 100].into(), Some(u32::MAX), Tags::default(), usize::MAX);
        assert_eq!(bomb, Err(Damaged));
    }

    proptest! {
        #[test]
        fn what_is_packed_unpacks(bytes in prop::collection::vec(0u8..4, 0..3000), above in 0usize..2000) {
            let packed = Packed::new(bytes.clone().into(), above);
            prop_assert_eq!(packed.unpack(), bytes);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), length in 0u32..4000) {
            if let Ok(packed) = Packed::from_parts(bytes.into(), Some(length), Tags::default(), 1 << 20) {
                prop_assert_eq!(packed.unpack().len(), length as usize);
            }
        }
    }
}
