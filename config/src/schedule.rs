//! Cron entries as plain data; the scheduler checks expression and zone, the wiring checks the job kind.

use crate::{ConfigError, layer::Layer};
use serde::{Deserialize, Serialize};

/// All cron entries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// In the order of the file.
    #[serde(default, rename = "entry")]
    pub entries: Vec<CronEntry>,
}

/// One cron entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CronEntry {
    /// Unique; part of the identity of every job it enqueues.
    pub name: String,
    /// Five or six fields.
    pub cron: String,
    /// IANA name; default UTC.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// A job kind.
    pub job: String,
    /// Its payload; default empty.
    #[serde(default = "empty")]
    pub payload: serde_json::Value,
    /// What happens to missed slots; default once.
    #[serde(default)]
    pub misfire: Misfire,
    /// Each slot is delayed by up to this many seconds, drawn from its identity. Default 0.
    #[serde(default)]
    pub jitter_seconds: u32,
    /// Default true.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// What happens to slots that passed while no scheduler ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Misfire {
    /// Nothing.
    Skip,
    /// The last of them runs.
    #[default]
    Once,
    /// All of them run (at most 100, at most a day old).
    All,
}

impl Schedule {
    /// Parses a schedule; `origin` names it in messages.
    ///
    /// # Errors
    /// Not TOML, an unknown or missing field, or two entries of one name.
    pub fn parse(text: &str, origin: &str) -> Result<Self, ConfigError> {
        Layer::parse(text, origin)?;
        let schedule: Self = toml::from_str(text).map_err(|error| ConfigError::Syntax {
            origin: origin.to_owned(),
            line: error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1),
            message: error.message().replace('\n', " "),
        })?;
        for (position, entry) in schedule.entries.iter().enumerate() {
            if schedule.entries[..position].iter().any(|earlier| earlier.name == entry.name) {
                let message = "two entries have this name; names must differ".to_owned();
                return Err(ConfigError::Value { key: entry.name.clone(), message });
            }
        }
        Ok(schedule)
    }

    /// The entries of `path`, or the built-in ones when it is empty.
    ///
    /// # Errors
    /// As [`Schedule::parse`], and when the file cannot be read.
    pub fn load(path: &str) -> Result<Self, ConfigError> {
        if path.is_empty() {
            return Self::parse(crate::DEFAULT_SCHEDULE, "the built-in schedule");
        }
        Self::parse(&crate::read(path.as_ref())?, path)
    }
}

fn utc() -> String {
    "UTC".to_owned()
}

fn empty() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}

const fn yes() -> bool {
    true
}
