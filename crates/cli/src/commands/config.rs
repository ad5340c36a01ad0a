//! `backstock config`: check and show.

use crate::args::Config as Args;
use crate::failure::Failure;
use crate::show::{self, Table};
use backstock_config::{Config, Schedule};
use serde_json::json;

/// Slots shown for each cron entry.
const SLOTS: usize = 3;

/// Runs the command.
pub fn run(args: &Args, config: &Config, as_json: bool) -> Result<(), Failure> {
    match args {
        Args::Show if as_json => show::json(&shown(config)),
        Args::Show => show::line(shown(config).to_toml().trim_end()),
        Args::Check => {
            let schedule = Schedule::load(&config.scheduler.schedule_file).map_err(Failure::usage)?;
            let entries = crate::app::cron::entries(&schedule)?;
            crate::app::check(config)?;
            if as_json {
                show::json(&json!({ "ok": true, "cron_entries": entries.len() }));
            } else {
                show::line(format!("configuration is valid, {} cron entries", entries.len()));
            }
        }
        Args::Schedule => schedule(config, as_json)?,
    }
    Ok(())
}

/// As it is in force, without passwords.
fn shown(config: &Config) -> Config {
    let mut config = config.clone();
    config.catalog.url = without_password(&config.catalog.url);
    config
}

/// `postgres://shop:secret@host/db` as `postgres://shop:***@host/db`.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority = rest.find(['/', '?']).unwrap_or(rest.len());
    let Some(at) = rest[..authority].rfind('@') else { return url.to_owned() };
    match rest[..at].split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:***{}", &rest[at..]),
        None => url.to_owned(),
    }
}

fn schedule(config: &Config, as_json: bool) -> Result<(), Failure> {
    let schedule = Schedule::load(&config.scheduler.schedule_file).map_err(Failure::usage)?;
    let slots = crate::app::cron::next_slots(&schedule, SLOTS)?;
    if as_json {
        show::json(&json!({ "entries": schedule.entries, "next": slots }));
        return Ok(());
    }
    let mut table = Table::new(&["ENTRY", "CRON", "ZONE", "JOB", "NEXT"]);
    for entry in &schedule.entries {
        let next = slots.get(&entry.name).map_or_else(|| "disabled".to_owned(), |slots| slots.join(", "));
        table.row([entry.name.clone(), entry.cron.clone(), entry.time_zone.clone(), entry.job.clone(), next]);
    }
    show::line(table);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let shown = without_password("postgres://shop:se@cret@db.example:5432/catalog?sslmode=require");
        assert_eq!(shown, "postgres://shop:***@db.example:5432/catalog?sslmode=require");
        assert_eq!(without_password("postgres://shop@db/catalog"), "postgres://shop@db/catalog");
        assert_eq!(without_password("sqlite"), "sqlite");
    }
}
