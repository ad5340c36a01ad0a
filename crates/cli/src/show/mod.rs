//! What people see: tables, progress, numbers.

mod cached;
pub mod measured;
mod number;
pub mod progress;
pub mod report;
mod table;

pub use number::{count, duration, money};
pub use table::Table;

use std::io::{self, Write};

/// Writes one line to standard output. A closed pipe (`backstock … | head`) ends the program quietly.
pub fn line(text: impl std::fmt::Display) {
    let mut out = io::stdout().lock();
    if writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    {
        std::process::exit(0);
    }
}

/// Writes one JSON value on one line to standard output.
pub fn json(value: &impl serde::Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => line(text),
        Err(error) => line(format!("{{\"error\":{:?}}}", error.to_string())),
    }
}

/// Says something to the person at the terminal, beside the output proper.
pub fn note(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Says why the command failed, on one line.
pub fn error(failure: &crate::failure::Failure) {
    note(format_args!("backstock: {failure}"));
}
