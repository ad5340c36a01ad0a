//! A sealed payload as bytes, and what it is bound to.
//!
//! ```text
//! 0xE5 0x01   what it is bound to (1)   length, name of the key   nonce (24)   ciphertext, tag (16)
//! ```
//!
//! The first byte begins no JSON text, so sealed and plain payloads can stand side by side.

use crate::{JobId, NewJob};

const MAGIC: [u8; 2] = [0xE5, 0x01];
pub(super) const NONCE: usize = 24;
const TAG: usize = 16;
const KIND: u8 = 1;
const JOB: u8 = 2;

/// What a payload may be opened for: of this kind, of this job. Whoever may write to the store cannot move it elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binding<'a> {
    pub(super) kind: Option<&'a str>,
    pub(super) job: Option<JobId>,
}

impl<'a> Binding<'a> {
    /// For a job under `id`. A request that may replace another job's payload is bound to its kind alone, because it will
    /// stand under that job's id.
    pub(super) fn of(job: &'a NewJob, id: JobId) -> Self {
        use crate::OnConflict::Replace;
        let replaces = job.unique.as_ref().is_some_and(|unique| unique.on_conflict == Replace);
        Self { kind: Some(&job.kind), job: (!replaces).then_some(id) }
    }

    fn code(&self) -> u8 {
        u8::from(self.kind.is_some()) * KIND + u8::from(self.job.is_some()) * JOB
    }
}

/// The parts of a sealed payload.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Envelope<'a> {
    bound: u8,
    pub(super) key: &'a str,
    pub(super) nonce: &'a [u8; NONCE],
    pub(super) ciphertext: &'a [u8],
}

/// Whether the bytes are a sealed payload.
pub(super) fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

impl<'a> Envelope<'a> {
    /// `None` when the bytes are cut off or not ours.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (bound, rest) = bytes.strip_prefix(&MAGIC)?.split_first()?;
        let (length, rest) = rest.split_first()?;
        let (key, rest) = rest.split_at_checked(usize::from(*length))?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE>()?;
        let sealed = ciphertext.len() >= TAG && *bound <= KIND + JOB;
        sealed.then_some(Self { bound: *bound, key: std::str::from_utf8(key).ok()?, nonce, ciphertext })
    }

    /// What authenticates beside the ciphertext, if it is opened for `kind` and `job`.
    pub(super) fn claimed(&self, kind: &str, job: JobId) -> Vec<u8> {
        let bound = Binding {
            kind: (self.bound & KIND != 0).then_some(kind),
            job: (self.bound & JOB != 0).then_some(job),
        };
        associated(self.key, &bound)
    }
}

/// The bytes before the ciphertext.
pub(super) fn head(key: &str, binding: &Binding<'_>, nonce: &[u8; NONCE]) -> Vec<u8> {
    [MAGIC.as_slice(), &[binding.code(), key.len() as u8], key.as_bytes(), nonce].concat()
}

/// What is authenticated beside the ciphertext.
pub(super) fn associated(key: &str, binding: &Binding<'_>) -> Vec<u8> {
    let kind = binding.kind.unwrap_or_default();
    let job = binding.job.map(|job| job.0.into_bytes());
    let lengths = [binding.code(), key.len() as u8, kind.len() as u8];
    [
        MAGIC.as_slice(),
        &lengths,
        key.as_bytes(),
        kind.as_bytes(),
        job.as_ref().map_or(&[][..], |id| id.as_slice()),
    ]
    .concat()
}

/// Bytes of a payload without its envelope.
pub(crate) fn plain_len(bytes: &[u8]) -> usize {
    Envelope::read(bytes).map_or(bytes.len(), |envelope| envelope.ciphertext.len() - TAG)
}
