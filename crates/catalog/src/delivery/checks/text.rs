//! Text: trimmed, NFC, without control characters; HTML sanitised.

use std::borrow::Cow;
use std::sync::LazyLock;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Descriptions above this are not even sanitised.
const MAX_HTML_BYTES: usize = 256 << 10;
/// Nested tags cost the parser time in the square of their number.
const MAX_HTML_TAGS: usize = 4_000;
/// Largest description kept.
pub(crate) const MAX_DESCRIPTION_BYTES: usize = 64 << 10;

/// Trimmed and NFC, borrowed when it was so before.
pub(crate) fn normal(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.nfc().collect())
}

/// [`normal`] on one line: each control character (line breaks too) becomes a space.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    let text = normal(text);
    if text.bytes().any(|b| b < 0x20 || b == 0x7f) {
        let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        return Cow::Owned(clean);
    }
    text
}

/// At most `max` characters?
pub(crate) fn fits(text: &str, max: usize) -> bool {
    text.len() <= max || text.chars().count() <= max
}

/// A description as HTML without scripts, handlers, forms and styles; `None` when too large to treat.
pub(crate) fn html(text: &str) -> Option<Cow<'_, str>> {
    static SANITISER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(ammonia::Builder::default);
    if text.len() > MAX_HTML_BYTES {
        return None;
    }
    let text = normal(text);
    let clean = if super::plain_html::is_clean(&text) {
        text
    } else if memchr::memchr_iter(b'<', text.as_bytes()).count() > MAX_HTML_TAGS {
        return None;
    } else {
        match normal(&SANITISER.clean(&text).to_string()) {
            Cow::Borrowed(clean) => Cow::Owned(clean.to_owned()),
            Cow::Owned(clean) => Cow::Owned(clean),
        }
    };
    (clean.len() <= MAX_DESCRIPTION_BYTES).then_some(clean)
}
