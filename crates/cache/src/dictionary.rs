//! What the values of a kind have in common, so that each is kept as what is its own.
//!
//! Documents of two kilobytes say little twice within themselves and much that all others say, too. So the first values
//! of a kind are looked at, and what recurs among them becomes a dictionary that later ones refer to. It stays in this
//! process: level 2 holds values that anybody can read.

use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use zstd_safe::{CCtx, CDict, DCtx, DDict};

use crate::packed::{Damaged, pays};
use crate::{Kind, Packed};

/// Values looked at before a kind gets its dictionary, at most so many bytes of them.
const SAMPLES: usize = 256;
const SAMPLE_BYTES: usize = 1 << 20;
/// Longer values say enough twice within themselves, and would make the packers grow.
const LONGEST: usize = 16 << 10;
/// Bytes of a dictionary: this part of level 1. Made ready it takes 400 KiB more, so a small level 1 has none.
const LEAST: usize = 32 << 10;
const MOST: usize = 64 << 10;
const PART: u64 = 512;
/// Of zstd: a higher one takes three times as long and gains 2 %.
const LEVEL: i32 = 3;

thread_local! {
    /// What packing and unpacking work with: together 0.2 MiB a thread.
    static PACKER: RefCell<CCtx<'static>> = RefCell::new(CCtx::create());
    static UNPACKER: RefCell<DCtx<'static>> = RefCell::new(DCtx::create());
}

/// Words that packed values refer to, made ready for packing and unpacking.
pub(crate) struct Dictionary {
    packing: CDict<'static>,
    unpacking: DDict<'static>,
}

impl Dictionary {
    /// Of trained words. `None` when there is no memory for it.
    fn of(words: &[u8]) -> Option<Self> {
        Some(Self { packing: CDict::try_create(words, LEVEL)?, unpacking: DDict::try_create(words)? })
    }

    /// What recurs in `samples`, if it makes other values smaller: half of them say what recurs, the other half is
    /// packed with it and must gain a tenth on being packed alone.
    pub(crate) fn learn(samples: &[Bytes], max_bytes: usize) -> Option<Self> {
        let (shown, held_back) = samples.split_at(samples.len() / 2);
        let mut words = vec![0; max_bytes];
        let lengths: Vec<usize> = shown.iter().map(Bytes::len).collect();
        let length = zstd_safe::train_from_buffer(&mut words, &shown.concat(), &lengths).ok()?;
        let dictionary = Self::of(&words[..length])?;
        let (mut with, mut alone) = (0, 0);
        for sample in held_back {
            with += dictionary.pack(sample)?.len();
            alone += Packed::new(sample.clone().into(), 0).bytes().len();
        }
        pays(with, alone).then_some(dictionary)
    }

    /// What it takes of memory, in bytes.
    pub(crate) fn size(&self) -> u64 {
        (self.packing.sizeof() + self.unpacking.sizeof()) as u64
    }

    /// `None` when there is no memory for it.
    pub(crate) fn pack(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut packed = Vec::with_capacity(zstd_safe::compress_bound(bytes.len()));
        let pack = |packer: &RefCell<CCtx<'_>>| {
            packer.borrow_mut().compress_using_cdict(&mut packed, bytes, &self.packing)
        };
        PACKER.with(pack).ok()?;
        Some(packed)
    }

    /// What was packed with it; `length` is what it was before, and no more is written.
    ///
    /// # Errors
    /// [`Damaged`] when it was not packed with it, or is longer.
    pub(crate) fn unpack(&self, packed: &[u8], length: usize) -> Result<Vec<u8>, Damaged> {
        let mut bytes = Vec::with_capacity(length);
        let unpack = |unpacker: &RefCell<DCtx<'_>>| {
            unpacker.borrow_mut().decompress_using_ddict(&mut bytes, packed, &self.unpacking)
        };
        UNPACKER.with(unpack).map_err(|_| Damaged)?;
        if bytes.len() == length { Ok(bytes) } else { Err(Damaged) }
    }
}

impl fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dictionary").field("bytes", &self.size()).finish()
    }
}

/// The dictionaries of all kinds.
pub(crate) struct Dictionaries {
    kinds: [OfKind; Kind::ALL.len()],
    max_bytes: usize,
}

#[derive(Default)]
struct OfKind {
    /// `Some(None)`: nothing recurs.
    learnt: OnceLock<Option<Arc<Dictionary>>>,
    samples: Mutex<Samples>,
}

#[derive(Default)]
struct Samples {
    values: Vec<Bytes>,
    bytes: usize,
    /// Somebody looks at them.
    taken: bool,
}

impl Dictionaries {
    /// For a level 1 of `max_bytes`. A small one has no room for dictionaries.
    pub(crate) fn new(max_bytes: u64) -> Self {
        let room = usize::try_from(max_bytes / PART).map_or(MOST, |room| room.min(MOST));
        Self { kinds: Default::default(), max_bytes: room }
    }

    /// That for values of a kind and length, once there is one.
    pub(crate) fn of(&self, kind: Kind, length: usize) -> Option<&Arc<Dictionary>> {
        self.kinds[kind.index()].learnt.get()?.as_ref().filter(|_| length <= LONGEST)
    }

    /// Takes a value as a sample. Once there are enough, returns them: then [`learn`](Self::learn) is due.
    pub(crate) fn show(&self, kind: Kind, value: &Bytes) -> Option<Vec<Bytes>> {
        let of_kind = &self.kinds[kind.index()];
        if self.max_bytes < LEAST || value.len() > LONGEST || of_kind.learnt.get().is_some() {
            return None;
        }
        let mut samples = of_kind.samples.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.taken {
            return None;
        }
        samples.bytes += value.len();
        samples.values.push(value.clone());
        samples.taken = samples.values.len() >= SAMPLES || samples.bytes >= SAMPLE_BYTES;
        samples.taken.then(|| std::mem::take(&mut samples.values))
    }

    /// Makes the dictionary of a kind; takes some tens of milliseconds. Returns what it takes of memory, in bytes.
    pub(crate) fn learn(&self, kind: Kind, samples: &[Bytes]) -> u64 {
        let learnt = Dictionary::learn(samples, self.max_bytes).map(Arc::new);
        let bytes = learnt.as_deref().map_or(0, Dictionary::size);
        // A kind is learnt once: the samples are handed out once.
        let _ = self.kinds[kind.index()].learnt.set(learnt);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn document(number: u64) -> Bytes {
        let noise = |n: u64| xxhash_rust::xxh3::xxh3_64(&(number * 100 + n).to_le_bytes());
        let words = ["tent", "jacket", "boots", "sturdy", "waterproof", "light", "warm", "for children"];
        let text: Vec<&str> = (0..40).map(|n| words[noise(n) as usize % words.len()]).collect();
        format!(
            r#"{{"product":{{"sku":"{:x}","title":"{}","availability":"in_stock","currency":"EUR"}}}}"#,
            noise(50),
            text.join(" ")
        )
        .into()
    }

    #[test]
    fn what_documents_have_in_common_is_learnt_from_the_first_of_them() {
        let dictionaries = Dictionaries::new(64 << 20);
        let mut shown = (0..).map(|number| dictionaries.show(Kind::Product, &document(number)));
        let samples = shown.find_map(|samples| samples).unwrap();
        assert_eq!(samples.len(), SAMPLES);
        assert_eq!(dictionaries.show(Kind::Product, &document(0)), None, "they are handed out once");
        assert!(dictionaries.of(Kind::Product, 500).is_none());
        let bytes = dictionaries.learn(Kind::Product, &samples);
        assert!((1..=8 * MOST as u64).contains(&bytes), "{bytes}");
        let dictionary = dictionaries.of(Kind::Product, 500).unwrap();
        assert!(dictionaries.of(Kind::Product, LONGEST + 1).is_none());
        let other = document(100_000);
        let (with, alone) = (dictionary.pack(&other).unwrap(), lz4_flex::block::compress(&other));
        assert!(with.len() * 2 < alone.len(), "{} and {}", with.len(), alone.len());
        assert_eq!(dictionary.unpack(&with, other.len()).unwrap(), other);
        assert!(dictionaries.of(Kind::Search, 500).is_none());
    }

    #[test]
    fn where_nothing_recurs_there_is_no_dictionary() {
        let dictionaries = Dictionaries::new(64 << 20);
        let noise = |number: u64| {
            (0..1000u64)
                .map(|n| xxhash_rust::xxh3::xxh3_64(&(number * 1000 + n).to_le_bytes()) as u8)
                .collect()
        };
        let samples: Vec<Bytes> = (0..100).map(noise).collect();
        assert_eq!(dictionaries.learn(Kind::QueryVector, &samples), 0);
        assert!(dictionaries.of(Kind::QueryVector, 500).is_none());
        assert_eq!(dictionaries.show(Kind::QueryVector, &samples[0]), None, "nor is it tried again");
    }

    #[test]
    fn a_small_cache_has_no_room_for_dictionaries() {
        let dictionaries = Dictionaries::new(100_000);
        assert!((0..1000).all(|number| dictionaries.show(Kind::Product, &document(number)).is_none()));
    }

    #[test]
    fn what_is_longer_than_it_says_is_not_unpacked() {
        let samples: Vec<Bytes> = (0..200).map(document).collect();
        let dictionary = Dictionary::learn(&samples, MOST).unwrap();
        let value = document(7);
        let packed = dictionary.pack(&value).unwrap();
        assert_eq!(dictionary.unpack(&packed, value.len() - 1), Err(Damaged));
        assert_eq!(dictionary.unpack(&packed, value.len() + 1), Err(Damaged));
        assert_eq!(dictionary.unpack(&packed, value.len()).unwrap(), value);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), length in 0usize..4000) {
            let samples: Vec<Bytes> = (0..50).map(document).collect();
            let dictionary = Dictionary::learn(&samples, MOST).unwrap();
            let mut packed = dictionary.pack(&document(1)).unwrap();
            prop_assert!(dictionary.unpack(&bytes, length).is_err());
            for (at, byte) in bytes.iter().enumerate().skip(4) {
                let at = at % packed.len();
                packed[at] ^= byte;
            }
            if let Ok(unpacked) = dictionary.unpack(&packed, length) {
                prop_assert_eq!(unpacked.len(), length);
            }
        }
    }
}
