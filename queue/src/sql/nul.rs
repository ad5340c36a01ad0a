//! PostgreSQL's texts cannot hold the character NUL. Names and errors may: it is hidden behind another that hardly anybody
//! uses, so that different texts stay different and every one reads back.

use std::borrow::Cow;

const MARK: char = '\u{1}';
/// After the mark: a NUL.
const NUL: char = '\u{2}';

/// As PostgreSQL can store it.
pub(super) fn hide(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', MARK]) {
        return Cow::Borrowed(text);
    }
    let mut hidden = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\0' => hidden.extend([MARK, NUL]),
            MARK => hidden.extend([MARK, MARK]),
            c => hidden.push(c),
        }
    }
    hidden.into()
}

/// As it was.
pub(super) fn show(text: &str) -> Cow<'_, str> {
    if !text.contains(MARK) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == MARK) {
            (_, true) => shown.push(if chars.next() == Some(NUL) { '\0' } else { MARK }),
            (c, false) => shown.push(c),
        }
    }
    shown.into()
}

/// [`hide`] in every text of a JSON document as `serde_json` writes it: control characters stand in it as `\u00..`.
pub(super) fn hide_in_json(json: &str) -> Cow<'_, str> {
    in_json(json, |escape| match escape {
        "\\u0000" => Some("\\u0001\\u0002"),
        "\\u0001" => Some("\\u0001\\u0001"),
        _ => None,
    })
}

/// [`show`] in every text of a JSON document as PostgreSQL writes it: in the same way.
pub(super) fn show_in_json(json: &str) -> Cow<'_, str> {
    let mut marked = false;
    in_json(json, move |escape| {
        if !std::mem::take(&mut marked) {
            marked = escape == "\\u0001";
            return marked.then_some("");
        }
        Some(if escape == "\\u0002" { "\\u0000" } else { "\\u0001" })
    })
}

/// Replaces escapes of control characters.
fn in_json(json: &str, mut replace: impl FnMut(&str) -> Option<&'static str>) -> Cow<'_, str> {
    if !json.contains("\\u000") {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        // An escape is a backslash and one character, or six characters.
        let len = if rest.as_bytes().get(1) == Some(&b'u') { 6 } else { 2 };
        let (escape, after) = rest.split_at_checked(len).unwrap_or((rest, ""));
        out.push_str(replace(escape).unwrap_or(escape));
        rest = after;
    }
    out.push_str(rest);
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_text_reads_back_and_holds_no_nul(text in "[\0\u{1}\u{2}ab\\\\\"ü]{0,12}") {
            let hidden = hide(&text);
            prop_assert!(!hidden.contains('\0'));
            prop_assert_eq!(show(&hidden), text.as_str());
        }

        #[test]
        fn a_text_in_json_is_hidden_as_it_is_alone(text in "[\0\u{1}\u{2}au0\\\\\"ü\n]{0,12}") {
            let json = serde_json::to_string(&[&text, "x"]).unwrap();
            let read: Vec<String> = serde_json::from_str(&hide_in_json(&json)).unwrap();
            prop_assert_eq!(&*read[0], &*hide(&text));
            let read: Vec<String> = serde_json::from_str(&show_in_json(&hide_in_json(&json))).unwrap();
            prop_assert_eq!(&read[0], &text);
        }
    }
}
