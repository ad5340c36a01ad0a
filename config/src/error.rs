//! What can be wrong with a configuration; every message says where and what to do.

use std::path::PathBuf;

/// Why a configuration was refused. None of these passes by itself.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// It is not TOML.
    #[error("{origin}: line {line}: {message}")]
    Syntax {
        /// File or layer.
        origin: String,
        /// From 1.
        line: usize,
        /// The parser's words.
        message: String,
    },
    /// No such key.
    #[error("{place}: unknown key `{key}`{}", suggestion(.meant.as_deref()))]
    UnknownKey {
        /// File and line, or variable.
        place: String,
        /// Dotted path.
        key: String,
        /// The closest key there is.
        meant: Option<String>,
    },
    /// The value does not fit the key.
    #[error("{place}: `{key}` must be {expected}, not {found}")]
    WrongType {
        /// File and line, or variable.
        place: String,
        /// Dotted path.
        key: String,
        /// What fits.
        expected: &'static str,
        /// What was there.
        found: String,
    },
    /// The value is of the right type but not allowed.
    #[error("`{key}`: {message}")]
    Value {
        /// Dotted path.
        key: String,
        /// What is allowed.
        message: String,
    },
    /// No such profile.
    #[error("unknown profile `{0}`: there are `default` and `production`")]
    Profile(String),
}

fn suggestion(meant: Option<&str>) -> String {
    meant.map_or_else(
        || "; `backstock config show` lists every key".to_owned(),
        |meant| format!("; did you mean `{meant}`?"),
    )
}
