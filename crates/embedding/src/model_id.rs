//! Which model made a vector.

use std::fmt;

/// Name and revision of a model. Vectors of different ids must never be compared: when the id changes,
/// everything is embedded again. Written `name@revision`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelId {
    name: String,
    revision: String,
}

impl ModelId {
    /// An id of a name and a revision (for weights: the start of their SHA-256).
    pub fn new(name: impl Into<String>, revision: impl Into<String>) -> Self {
        Self { name: name.into(), revision: revision.into() }
    }

    /// Name of the model.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Changes whenever the same text may get another vector.
    pub fn revision(&self) -> &str {
        &self.revision
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.revision)
    }
}
