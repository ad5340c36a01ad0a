//! Every job kind is registered.
//!
//! A check of the text: for each `impl Job for Payload` there is a handler with `type Work = One<Payload>` or
//! `Batch<Payload>`, and the name of that handler stands in a `register(…)` call.

use super::{files, root, shown};

/// The source without its tests and comments.
fn production(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The identifier at the start of `text`, the last of a path.
fn identifier(text: &str) -> &str {
    let text = text.trim_start();
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != ':');
    let path = &text[..end.unwrap_or(text.len())];
    path.rsplit("::").next().unwrap_or(path)
}

/// What follows each `marker` that stands by itself or after a path.
fn after<'t>(text: &'t str, marker: &'t str) -> impl Iterator<Item = &'t str> {
    text.match_indices(marker)
        .filter(|(at, _)| !text[..*at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_'))
        .map(|(at, _)| &text[at + marker.len()..])
}

/// Everything inside the parentheses of calls to `register`.
fn registered(text: &str) -> String {
    let argument = |rest: &str| {
        let mut depth = 1;
        let end = rest.find(|letter| {
            depth += i32::from(letter == '(') - i32::from(letter == ')');
            depth == 0
        });
        rest[..end.unwrap_or(rest.len())].to_owned()
    };
    after(text, "register(").map(argument).collect::<Vec<_>>().join("\n")
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(|found| found == word)
}

/// Payloads without a registered handler. `sources` are paths and texts.
fn forgotten(sources: &[(String, String)]) -> Vec<String> {
    let sources: Vec<_> = sources.iter().map(|(path, text)| (path, production(text))).collect();
    let registered: String = sources.iter().map(|(_, text)| registered(text) + "\n").collect();
    let mut handlers = Vec::new(); // payload, handler
    for (_, text) in &sources {
        for implementation in after(text, "Handler for ") {
            let work = after(implementation, "type Work").next().unwrap_or_default();
            let payload = work.split_once('<').map_or("", |(_, rest)| identifier(rest));
            handlers.push((payload, identifier(implementation)));
        }
    }
    let mut missing = Vec::new();
    for (path, text) in &sources {
        for payload in after(text, "Job for ").map(identifier) {
            let mut own = handlers.iter().filter(|(handled, _)| *handled == payload);
            if !own.any(|(_, handler)| has_word(&registered, handler)) {
                missing.push(format!(
                    "{path}: no handler of {payload} is registered; add `.register(…)` to the list"
                ));
            }
        }
    }
    missing
}

#[test]
fn every_job_kind_is_registered() {
    let folder = root().join("jobs/src");
    let sources = files(&folder, &[".rs"]).into_iter().filter(|path| !path.ends_with("tests.rs"));
    let sources: Vec<_> =
        sources.map(|path| (shown(&path), std::fs::read_to_string(path).unwrap())).collect();
    assert!(!sources.is_empty(), "the sources are found");
    let missing = forgotten(&sources);
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}

#[test]
fn a_forgotten_kind_is_seen() {
    let module = "pub struct Cut;\nimpl Job for Cut {}\npub struct Cutter;\nimpl backstock_queue::Handler for Cutter {\n\
                  type Work = Batch<Cut>;\n}\n#[cfg(test)]\nmod tests { impl Job for Fake {} }\n";
    let seen = |list: &str| {
        let source = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        forgotten(&[source("cut.rs", module), source("lib.rs", list)]).len()
    };
    assert_eq!(seen("Registry::default().register(cut::Cutter { dir: dir() })"), 0);
    assert_eq!(seen("Registry::default()\n    .register(\n        Cutter::new(a(), b()),\n    )"), 0);
    assert_eq!(seen("Registry::default().register(Cutters)"), 1);
    assert_eq!(seen("Registry::default() // .register(Cutter)"), 1);
    assert_eq!(seen("let unused = Cutter; Registry::default().register(other())"), 1);
    assert_eq!(seen("Registry::default().unregister(Cutter)"), 1);
}
