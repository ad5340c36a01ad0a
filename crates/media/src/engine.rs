//! Which codecs do the work.

use serde::{Deserialize, Serialize};

/// A set of codecs. Both make the same sizes of the same sources; bytes differ, so the engine is part of
/// [`Recipe::id`](crate::Recipe::id).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Rust alone: needs nothing to build, and damaged bytes meet no C. WebP is written without loss.
    Rust,
    /// libjpeg-turbo writes JPEG, libwebp reads and writes WebP: less than half the processor time of other thumbnailers,
    /// and WebP with loss. Needs the cargo feature `turbo`.
    Turbo,
}

impl Engine {
    /// The engines of this build, best first.
    pub const AVAILABLE: &[Self] =
        if cfg!(feature = "turbo") { &[Self::Turbo, Self::Rust] } else { &[Self::Rust] };

    /// Whether this build has it.
    pub fn is_available(self) -> bool {
        Self::AVAILABLE.contains(&self)
    }

    /// Stable name, as in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Turbo => "turbo",
        }
    }
}

impl Default for Engine {
    /// The best of this build.
    fn default() -> Self {
        Self::AVAILABLE[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_is_always_there_and_turbo_goes_first_where_it_is_built_in() {
        assert!(Engine::Rust.is_available());
        assert_eq!(Engine::Turbo.is_available(), cfg!(feature = "turbo"));
        assert_eq!(Engine::default() == Engine::Turbo, cfg!(feature = "turbo"));
    }
}
