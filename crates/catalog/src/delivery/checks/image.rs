//! Image links: `http(s)` and `s3` URLs, or paths below the images folder.

/// Most links kept.
pub(crate) const MAX_LINKS: usize = 20;
const MAX_LINK_BYTES: usize = 2_048;

/// The link to keep; a path without leading slashes. `None`: not a link that may be followed.
pub(crate) fn parse(link: &str) -> Option<String> {
    let link = link.trim();
    if link.is_empty() || link.len() > MAX_LINK_BYTES || link.chars().any(char::is_control) {
        return None;
    }
    if let Some(rest) = strip_scheme(link) {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let plausible = !host.is_empty()
            && !host.starts_with([':', '.'])
            && !host.contains(['@', '\\', '<', '>', '"'])
            && !link.contains(char::is_whitespace);
        return plausible.then(|| link.to_owned());
    }
    relative(link)
}

fn strip_scheme(link: &str) -> Option<&str> {
    ["https://", "http://", "s3://"].iter().find_map(|scheme| {
        let head = link.get(..scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then(|| &link[scheme.len()..])
    })
}

/// A path that stays below the folder and whose last part looks like a file.
fn relative(link: &str) -> Option<String> {
    if link.starts_with("//") || link.contains(['\\', ':', '?', '#', '<', '>', '"', '|', '*']) {
        return None;
    }
    let path = link.strip_prefix("./").unwrap_or(link).trim_start_matches('/');
    if path.split('/').any(|part| part.is_empty() || part == "." || part == ".." || part.trim() != part) {
        return None;
    }
    let (stem, extension) = path.rsplit('/').next()?.rsplit_once('.')?;
    let is_file = !stem.is_empty()
        && (2..=5).contains(&extension.len())
        && extension.bytes().all(|b| b.is_ascii_alphanumeric());
    is_file.then(|| path.to_owned())
}

/// The links of a list cell. A comma parts URLs only where the next one begins, because URLs may contain commas.
pub(crate) fn split_list(cell: &str) -> impl Iterator<Item = &str> {
    let mut rest = cell;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let is_url = strip_scheme(rest.trim_start()).is_some();
            let cut = rest.char_indices().find(|(at, c)| match c {
                '\n' | '|' => true,
                ',' => {
                    !is_url || {
                        let next = rest[at + 1..].trim_start();
                        strip_scheme(next).is_some() || next.starts_with('/') || next.is_empty()
                    }
                }
                _ => false,
            });
            let (item, after) = cut.map_or((rest, ""), |(at, _)| (&rest[..at], &rest[at + 1..]));
            rest = after;
            if !item.trim().is_empty() {
                return Some(item.trim());
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_addresses_and_paths_below_the_folder_are_taken() {
        for (link, kept) in [
            ("https://img.example.test/a b", None),
            ("https://img.example.test/a,b.jpg?x=1", Some("https://img.example.test/a,b.jpg?x=1")),
            ("HTTP://x.test/a", Some("HTTP://x.test/a")),
            ("s3://pictures/m/h/mh01.jpg", Some("s3://pictures/m/h/mh01.jpg")),
            ("/m/h/mh01.jpg", Some("m/h/mh01.jpg")),
            ("./photos/my shoe.jpeg", Some("photos/my shoe.jpeg")),
        ] {
            assert_eq!(parse(link).as_deref(), kept, "{link}");
        }
    }

    #[test]
    fn other_schemes_and_ways_out_of_the_folder_are_refused() {
        for link in [
            "not a url",
            "ftp://x/y.jpg",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "data:image/png;base64,AA",
            "",
            "//host/a.jpg",
            "../a.jpg",
            "a/../../b.jpg",
            "a/./b.jpg",
            "c:\\a.jpg",
            "https://",
            "https:///a.jpg",
            "http://user@host/a.jpg",
            "a/.jpg",
            "a\u{0}.jpg",
            "a//b.jpg",
        ] {
            assert_eq!(parse(link), None, "{link}");
        }
    }

    #[test]
    fn lists_are_cut_where_a_link_begins() {
        let cell = "https://a.test/w_300,h_200/a.jpg, https://a.test/b.jpg\n/m/c.jpg,/m/d.jpg,";
        let links: Vec<_> = split_list(cell).collect();
        assert_eq!(
            links,
            ["https://a.test/w_300,h_200/a.jpg", "https://a.test/b.jpg", "/m/c.jpg", "/m/d.jpg"]
        );
    }
}
