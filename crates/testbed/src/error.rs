//! Why a server of the laboratory could not be had.

use std::fmt;
use std::path::Path;

/// Why a server could not be started or reached. `Debug` prints the same sentence as `Display`, so that `unwrap` in a
/// test says what to do.
#[derive(thiserror::Error)]
pub enum TestbedError {
    /// The program is not installed.
    #[error(
        "{program} is missing: install the package {package} (apt-get install -y --no-install-recommends {package})"
    )]
    Missing {
        /// What was looked for.
        program: String,
        /// The Debian package that brings it.
        package: &'static str,
    },
    /// The server ended instead of serving.
    #[error("{server} ended while it started ({status}); the end of its log:\n{log}")]
    Ended {
        /// Which server.
        server: &'static str,
        /// Its exit status.
        status: String,
        /// The last lines that it wrote.
        log: String,
    },
    /// The server did not become ready in time.
    #[error("{server} was not ready after {seconds} s; the end of its log:\n{log}")]
    TooSlow {
        /// Which server.
        server: &'static str,
        /// How long it was waited for.
        seconds: u64,
        /// The last lines that it wrote.
        log: String,
    },
    /// The server answered with an error.
    #[error("{server} refused {request}: {answer}")]
    Refused {
        /// Which server.
        server: &'static str,
        /// What it was asked.
        request: String,
        /// What it said.
        answer: String,
    },
    /// A file, a process or a socket failed.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl fmt::Debug for TestbedError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Adds to an error of the system what was being done.
pub(crate) trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, TestbedError>;
}

impl<T, E: Into<std::io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, TestbedError> {
        self.map_err(|error| TestbedError::Io { doing: what(), source: error.into() })
    }
}

/// The last lines of a log file, or why there are none.
pub(crate) fn end_of(log: &Path) -> String {
    match std::fs::read(log) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let lines: Vec<_> = text.lines().collect();
            lines[lines.len().saturating_sub(15)..].join("\n")
        }
        Err(error) => format!("({}: {error})", log.display()),
    }
}
