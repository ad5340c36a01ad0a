//! The keys that seal and open payloads.

use super::envelope::{self, Binding, Envelope, NONCE};
use crate::JobId;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use std::fmt;

/// Several named keys: the first seals, all open. To rotate, put a new one in front everywhere as the second, then as
/// the first, and drop an old one when no job is left that it sealed.
#[derive(Clone)]
pub struct SealingKeys(Vec<(String, XChaCha20Poly1305)>);

/// Names only.
impl fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// Why a text is no list of keys. Never repeats a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not `NAME=KEY`.
    #[error("key {0}: expected NAME=KEY, with a name of 1 to 32 letters, digits, '-', '_' or '.'")]
    Shape(usize),
    /// Not 64 hexadecimal digits.
    #[error("key {0:?}: a key is 64 hexadecimal digits (openssl rand -hex 32)")]
    Digits(String),
    /// Twice the same name.
    #[error("key {0:?} is there twice")]
    Twice(String),
}

/// Why a sealed payload cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Its key is not at hand.
    #[error("sealed with the key {0:?}, which is not among queue.encryption.keys; add it there")]
    UnknownKey(String),
    /// Changed, moved from another job, or the key under that name is another one.
    #[error("sealed with the key {0:?}, but changed since, of another job, or that key is another one now")]
    Refused(String),
    /// Cut off.
    #[error("a damaged sealed payload")]
    Damaged,
}

impl SealingKeys {
    /// `NAME=KEY,NAME=KEY…`, each key 64 hexadecimal digits. `None` for an empty text.
    ///
    /// # Errors
    /// The text is something else; the message names the key that is wrong, never shows it.
    pub fn parse(text: &str) -> Result<Option<Self>, KeyError> {
        let mut keys: Vec<(String, XChaCha20Poly1305)> = Vec::new();
        if text.trim().is_empty() {
            return Ok(None);
        }
        for (at, part) in text.split(',').enumerate() {
            let (name, key) = part.trim().split_once('=').ok_or(KeyError::Shape(at + 1))?;
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            if name.is_empty() || name.len() > 32 || !name.bytes().all(allowed) {
                return Err(KeyError::Shape(at + 1));
            }
            let key = digits(key).ok_or_else(|| KeyError::Digits(name.to_owned()))?;
            if keys.iter().any(|(known, _)| known == name) {
                return Err(KeyError::Twice(name.to_owned()));
            }
            keys.push((name.to_owned(), XChaCha20Poly1305::new(&key.into())));
        }
        Ok(Some(Self(keys)))
    }

    /// Seals `payload` under a random nonce: 24 bytes, so that no two are ever the same. `None` when the system has no
    /// randomness.
    pub(super) fn seal(&self, binding: &Binding<'_>, payload: &[u8]) -> Option<Vec<u8>> {
        let (name, cipher) = self.0.first()?;
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).ok()?;
        let aad = envelope::associated(name, binding);
        let text = cipher.encrypt(&XNonce::from(nonce), Payload { msg: payload, aad: &aad }).ok()?;
        Some([envelope::head(name, binding, &nonce), text].concat())
    }

    /// The payload of `job`; one that is not sealed is left as it is.
    pub(super) fn open(&self, kind: &str, job: JobId, payload: Vec<u8>) -> Result<Vec<u8>, OpenError> {
        if !envelope::is_sealed(&payload) {
            return Ok(payload);
        }
        let sealed = Envelope::read(&payload).ok_or(OpenError::Damaged)?;
        let known = self.0.iter().find(|(name, _)| name == sealed.key);
        let (name, cipher) = known.ok_or_else(|| OpenError::UnknownKey(sealed.key.to_owned()))?;
        let aad = sealed.claimed(kind, job);
        let nonce = XNonce::from(*sealed.nonce);
        let opened = cipher.decrypt(&nonce, Payload { msg: sealed.ciphertext, aad: &aad });
        opened.map_err(|_| OpenError::Refused(name.clone()))
    }
}

/// 32 bytes from 64 hexadecimal digits.
fn digits(text: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(key)
}
