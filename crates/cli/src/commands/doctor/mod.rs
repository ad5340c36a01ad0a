//! `backstock doctor`: everything the configuration names is opened and looked at, one after the other.

mod engines;
mod queue;
mod sources;
mod stores;

use crate::args::Doctor;
use crate::failure::Failure;
use crate::show::{self, Table};
use backstock_config::Config;
use serde_json::{Value, json};

/// What one check found.
struct Report {
    sound: bool,
    /// In one line.
    told: String,
    /// What is wrong, one row each.
    table: Option<Table>,
    /// For programs: an object, to which `check`, `sound` and `told` are added.
    details: Value,
}

impl Report {
    fn sound(told: impl Into<String>, details: Value) -> Self {
        Self { sound: true, told: told.into(), table: None, details }
    }

    fn flawed(told: impl Into<String>) -> Self {
        Self { sound: false, told: told.into(), table: None, details: json!({}) }
    }

    fn json(self, name: &str) -> Value {
        let mut object = self.details;
        object["check"] = name.into();
        object["sound"] = self.sound.into();
        object["told"] = self.told.into();
        object
    }
}

/// Runs all checks: one that fails keeps no other from being made.
pub async fn run(args: &Doctor, config: &Config, as_json: bool) -> Result<(), Failure> {
    crate::app::check(config)?;
    crate::app::require_data(config)?;
    let checks = [
        ("queue", queue::check(config, args.repair).await),
        ("catalog", stores::catalog(config).await),
        ("vectors", stores::vectors(config).await),
        ("cache", stores::cache(config).await),
        ("model", engines::model(config).await),
        ("images", Ok(engines::images(config))),
        ("sources", sources::check(config).await),
    ];
    let mut sound = true;
    let mut objects = Vec::new();
    for (name, outcome) in checks {
        let report = outcome.unwrap_or_else(|failure| Report::flawed(failure.to_string()));
        sound &= report.sound;
        if as_json {
            objects.push(report.json(name));
            continue;
        }
        let flaw = if report.sound { "" } else { "FLAW: " };
        show::line(format!("{name}: {flaw}{}", report.told));
        if let Some(table) = report.table {
            show::line(table);
        }
    }
    if as_json {
        show::json(&json!({ "sound": sound, "checks": objects }));
    }
    if sound { Ok(()) } else { Err(Failure::failed("doctor found flaws that are not healed")) }
}
