//! Recognises descriptions that the HTML sanitiser would return unchanged, because parsing them costs more than
//! everything else that is done to a record.

/// Whether `text` is a sequence of paragraphs, flat lists and text, with simple emphasis, without attributes and
/// without entities other than the three that the sanitiser writes itself. When in doubt: false.
pub(crate) fn is_clean(text: &str) -> bool {
    memchr::memchr2(b'<', b'&', text.as_bytes()).is_none() || Scanner::default().run(text)
}

/// What is open: at most one block, one list item in it and one emphasis inside.
#[derive(Default)]
struct Scanner {
    block: Option<&'static str>,
    item: bool,
    emphasis: Option<&'static str>,
}

const BLOCKS: [&str; 3] = ["p", "ul", "ol"];
const EMPHASES: [&str; 4] = ["b", "strong", "i", "em"];

impl Scanner {
    fn run(&mut self, text: &str) -> bool {
        // The parser reads NUL, carriage returns and byte order marks differently and writes no-break spaces as an entity.
        if text.contains(['\0', '\r', '\u{a0}', '\u{feff}']) {
            return false;
        }
        let mut rest = text;
        while let Some(at) = rest.find(['<', '&', '>']) {
            if !self.takes_text(&rest[..at]) {
                return false;
            }
            rest = &rest[at..];
            let Some(length) = (match rest.as_bytes()[0] {
                b'&' if self.takes_text("&") => {
                    ["&amp;", "&lt;", "&gt;"].iter().find(|e| rest.starts_with(**e)).map(|e| e.len())
                }
                b'<' => self.tag(rest),
                _ => None,
            }) else {
                return false;
            };
            rest = &rest[length..];
        }
        self.takes_text(rest) && self.block.is_none() && self.emphasis.is_none()
    }

    /// Lists hold items; only white space may stand between those.
    fn takes_text(&self, text: &str) -> bool {
        !matches!(self.block, Some("ul" | "ol"))
            || self.item
            || text.bytes().all(|b| matches!(b, b' ' | b'\n' | b'\t'))
    }

    /// The length of the tag at the beginning of `rest`, if it may stand here.
    fn tag(&mut self, rest: &str) -> Option<usize> {
        let end = rest.find('>')?;
        let name = &rest[1..end];
        let open = |names: &[&'static str], name: &str| names.iter().copied().find(|n| *n == name);
        let allowed = match name.strip_prefix('/') {
            Some(name) if self.emphasis == Some(name) => self.emphasis.take().is_some(),
            Some(_) if self.emphasis.is_some() => false,
            Some("li") => std::mem::take(&mut self.item),
            Some(name) => !self.item && self.block.take_if(|block| *block == name).is_some(),
            None if name == "br" => self.takes_text("x"),
            None if name == "li" => {
                matches!(self.block, Some("ul" | "ol")) && !std::mem::replace(&mut self.item, true)
            }
            None => match (open(&BLOCKS, name), open(&EMPHASES, name)) {
                (Some(block), _) => self.emphasis.is_none() && self.block.replace(block).is_none(),
                (_, Some(emphasis)) => self.takes_text("x") && self.emphasis.replace(emphasis).is_none(),
                _ => false,
            },
        };
        allowed.then_some(end + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_descriptions_need_no_parser() {
        assert!(is_clean("plain > \"quoted\""));
        let text = "<p>Blue &amp; green</p>\n<ul><li>One</li> <li><b>Two</b><br>x</li></ul> end";
        assert!(is_clean(text));
        assert_eq!(ammonia::clean(text), text);
    }

    #[test]
    fn anything_else_goes_through_the_parser() {
        for text in [
            "<p onclick=x>a</p>",
            "<b>open",
            "<p><p>a</p></p>",
            "a &nbsp; b",
            "<b>a > b</b>",
            "<P>a</P>",
            "<ul>a</ul>",
            "<script>",
        ] {
            assert!(!is_clean(text), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn what_is_called_clean_is_what_the_sanitiser_returns(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "<p>", "</p>", "<ul>", "</ul>", "<ol>", "</ol>", "<li>", "</li>", "<b>", "</b>", "<i>", "</i>", "<em>",
                    "</em>", "<strong>", "</strong>", "<br>", " ", "\n", "text", "ü", "&amp;", "&lt;", "&", "\"", "'", "\u{a0}",
                    "\t", "\r", "\u{c}", "x", "<!-- -->", "<p >", "<pre>", "\n\n", "\u{feff}", "\u{1}",
                ]),
                0..10,
            )
        ) {
            let text = parts.concat();
            if text.contains(['<', '&']) && is_clean(&text) {
                prop_assert_eq!(ammonia::clean(&text), text);
            }
        }

        #[test]
        fn nested_structures_called_clean_are_what_the_sanitiser_returns(
            blocks in prop::collection::vec(
                ("(<p>|<ul>|<ol>|<ul><li>|)", "[a-z <>&;\\n]{0,6}", "(<b>x</b>|<em>y</em>|<br>|)", "(</p>|</ul>|</ol>|</li></ul>|)"), 0..5),
        ) {
            let text: String = blocks.into_iter().flat_map(|(a, b, c, d)| [a, b, c, d]).collect();
            if text.contains(['<', '&']) && is_clean(&text) {
                prop_assert_eq!(ammonia::clean(&text), text);
            }
        }
    }
}
