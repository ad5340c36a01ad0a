//! Why the catalog could not be written.

use std::io;
use std::path::PathBuf;

/// Why the catalog could not be written.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file or folder could not be written. May pass, for example when space is made.
    #[error("writing {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A picture could not be drawn or encoded. Does not pass.
    #[error("drawing {name}: {reason}")]
    Picture {
        /// Path of the picture below the images folder.
        name: String,
        /// What was refused.
        reason: String,
    },
}
