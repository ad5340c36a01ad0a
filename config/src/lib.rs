//! One typed configuration tree.
//!
//! `default.toml` holds every key with its default; a profile, a file and the environment lie over it, in this order.
//! Because the defaults name every key, a key that no default has is a mistake and is refused with a suggestion.
//! This crate is plain data: it opens nothing but the file it is told to read.

mod cache;
mod error;
mod layer;
mod popularity;
mod schedule;
mod secret;
mod tree;

pub use cache::{Cache, Eviction, MemoryPolicy};
pub use error::ConfigError;
pub use popularity::Popularity;
pub use schedule::{CronEntry, Misfire, Schedule};
pub use secret::Secret;
pub use tree::{
    Catalog, Config, Duplicates, Durability, Embedding, EmbeddingModel, Encryption, Fetch, ImageEngine,
    ImageFit, ImageFormat, Import, Log, LogFormat, Media, Quantization, Queue, QueueType, Rabbitmq, Record,
    Retention, S3, Scheduler, Telemetry, Vectors, Worker,
};

use layer::Layer;
use std::path::{Path, PathBuf};

const DEFAULTS: &str = include_str!("../default.toml");
const PRODUCTION: &str = include_str!("../profiles/production.toml");

/// Where configuration comes from besides the defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `default` or `production`; `None` is `default`.
    pub profile: Option<String>,
    /// A file; it must exist.
    pub file: Option<PathBuf>,
    /// Environment variables (name, value); only those that start with `BACKSTOCK__` count.
    pub environment: Vec<(String, String)>,
}

impl Config {
    /// The defaults under a profile, a file and the environment, the later ones on top.
    ///
    /// # Errors
    /// The file cannot be read or parsed, a key is unknown, a value has the wrong type or is out of bounds. Each error
    /// names the key and where it stands. None passes by itself.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let mut tree = Layer::parse(DEFAULTS, "the built-in defaults")?;
        match sources.profile.as_deref() {
            None | Some("default") => {}
            Some("production") => tree.overlay(Layer::parse(PRODUCTION, "profile production")?)?,
            Some(other) => return Err(ConfigError::Profile(other.to_owned())),
        }
        if let Some(path) = &sources.file {
            tree.overlay(Layer::parse(&read(path)?, &path.display().to_string())?)?;
        }
        for (name, value) in &sources.environment {
            if let Some(key) = name.strip_prefix("BACKSTOCK__") {
                tree.set(key, value, name)?;
            }
        }
        let config: Self = tree.into_typed()?;
        config.check()?;
        Ok(config)
    }

    /// The tree as TOML, every key included.
    ///
    /// # Panics
    /// Never: the tree holds nothing TOML cannot express.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a configuration tree is valid TOML")
    }
}

/// The built-in cron entries, with their comments.
pub const DEFAULT_SCHEDULE: &str = include_str!("../schedule.toml");

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
