//! A value as level 1 keeps it.

use std::sync::Arc;

use bytes::Bytes;

use crate::dictionary::Dictionary;
use crate::packed::pays;

/// What the allocator takes for a block of so many bytes: a header, and a multiple of sixteen.
pub(crate) fn block(bytes: usize) -> u64 {
    (bytes as u64 + 8).next_multiple_of(16).max(32)
}

/// With a dictionary short values gain, too: an eighth of what is worth compressing alone.
pub(crate) fn shortest(above: usize) -> usize {
    above / 8
}

/// The bytes of a value, compressed where that pays.
#[derive(Debug)]
pub(crate) enum Held {
    Raw(Bytes),
    /// One frame of zstd where there is a dictionary, else one block of lz4.
    Packed {
        bytes: Box<[u8]>,
        /// Before.
        length: u32,
        dictionary: Option<Arc<Dictionary>>,
    },
}

impl Held {
    /// Compresses what is longer than `above` bytes if that gains a tenth; with a dictionary, what is longer than
    /// [`shortest`].
    pub(crate) fn pack(bytes: &Bytes, above: usize, dictionary: Option<&Arc<Dictionary>>) -> Self {
        if let Ok(length) = u32::try_from(bytes.len())
            && bytes.len() > dictionary.map_or(above, |_| shortest(above))
        {
            let packed = match dictionary {
                Some(dictionary) => dictionary.pack(bytes),
                None => Some(lz4_flex::block::compress(bytes)),
            };
            if let Some(packed) = packed.filter(|packed| pays(packed.len(), bytes.len())) {
                return Self::Packed { bytes: packed.into(), length, dictionary: dictionary.cloned() };
            }
        }
        Self::Raw(bytes.clone())
    }

    /// As it was before.
    ///
    /// # Panics
    /// Never: it was packed here.
    pub(crate) fn bytes(&self) -> Bytes {
        match self {
            Self::Raw(bytes) => bytes.clone(),
            Self::Packed { bytes, length, dictionary } => {
                let length = *length as usize;
                let unpacked = match dictionary {
                    Some(dictionary) => dictionary.unpack(bytes, length).ok(),
                    None => lz4_flex::block::decompress(bytes, length).ok(),
                };
                unpacked.expect("it was packed here, with the same dictionary").into()
            }
        }
    }

    /// What it takes of memory beside its own few words, in bytes.
    pub(crate) fn weight(&self) -> u64 {
        match self {
            // The second block counts who shares the first.
            Self::Raw(bytes) => block(bytes.len()) + block(24),
            Self::Packed { bytes, .. } => block(bytes.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dictionary() -> Arc<Dictionary> {
        let words = ["sturdy", "waterproof", "tent", "poles", "bag", "wind", "rain", "made for", "with two"];
        let value =
            |n: usize| (0..20).map(|at| words[(n * 7 + at * n) % words.len()]).collect::<Vec<_>>().join(" ");
        let samples: Vec<Bytes> = (0..300).map(|n| value(n).into()).collect();
        Arc::new(Dictionary::learn(&samples, 16 << 10).unwrap())
    }

    #[test]
    fn a_dictionary_makes_short_values_smaller_than_they_are_alone() {
        let value = Bytes::from_static(b"waterproof bag with two poles, made for a tent and rain; sturdy");
        let alone = Held::pack(&value, 0, None);
        let with = Held::pack(&value, 0, Some(&dictionary()));
        assert!(matches!(alone, Held::Raw(_)), "{alone:?}");
        let Held::Packed { bytes, .. } = &with else { panic!("{with:?}") };
        assert!(bytes.len() < value.len() * 3 / 4, "{}", bytes.len());
        assert_eq!(with.bytes(), value);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_held_comes_back(
            bytes in prop::collection::vec(prop_oneof![Just(b'a'), Just(b' '), any::<u8>()], 0..3000),
            above in 0usize..2000,
            alone: bool,
        ) {
            let bytes = Bytes::from(bytes);
            let held = Held::pack(&bytes, above, (!alone).then(dictionary).as_ref());
            prop_assert_eq!(held.bytes(), bytes);
        }
    }
}
