//! How a command ends badly: one line for people, one exit code for scripts.

use std::fmt;
use std::process::ExitCode;

/// Why a command did not do what it was asked. The code is documented in `--help` and the README.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// Exit code of a process that was interrupted, as shells have it: 128 and the number of the signal.
    pub const INTERRUPTED: u8 = 130;

    /// 1: something failed while it ran.
    pub fn failed(error: impl fmt::Display) -> Self {
        Self::new(1, error)
    }

    /// 2: wrong usage or configuration.
    pub fn usage(error: impl fmt::Display) -> Self {
        Self::new(2, error)
    }

    /// 3: the input was refused.
    pub fn input(error: impl fmt::Display) -> Self {
        Self::new(3, error)
    }

    /// 4: the data folder or a store in it cannot be used.
    pub fn data(error: impl fmt::Display) -> Self {
        Self::new(4, error)
    }

    /// Whether a store cannot be used: then waiting for it to take last words is in vain.
    pub const fn is_data(&self) -> bool {
        self.code == 4
    }

    /// 130: somebody pressed Ctrl-C.
    pub fn interrupted(message: impl fmt::Display) -> Self {
        Self::new(Self::INTERRUPTED, message)
    }

    fn new(code: u8, error: impl fmt::Display) -> Self {
        // One line, whatever a library put into its message.
        let message = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        Self { code, message }
    }

    /// The process's exit code.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
