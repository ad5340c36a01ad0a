//! How long a file may be.

use super::{files, root, shown};

/// A longer one has become two things.
const MAX_LINES: usize = 500;

#[test]
fn no_source_file_is_above_500_lines() {
    let sources = files(root(), &[".rs", ".sql"]);
    assert!(sources.len() > 50, "the sources are found: {}", sources.len());
    let length = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().count()
    };
    let long: Vec<_> = sources
        .iter()
        .map(|path| (shown(path), length(path)))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(path, lines)| format!("{path}: {lines} lines; ask what second thing it has become"))
        .collect();
    assert!(long.is_empty(), "\n{}", long.join("\n"));
}
