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
            crate::app::keys(config)?;
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

/// As it is in force, without passwords. Keys hide themselves.
fn shown(config: &Config) -> Config {
    let mut config = config.clone();
    config.catalog.url = without_passwords(&config.catalog.url);
    config.queue.url = without_passwords(&config.queue.url);
    config.cache.url = without_passwords(&config.cache.url);
    config.queue.rabbitmq.ledger_url = without_passwords(&config.queue.rabbitmq.ledger_url);
    config.vectors.url = without_passwords(&config.vectors.url);
    config
}

/// `postgres://shop:secret@host/db` as `postgres://shop:***@host/db`; so each of several URLs separated by commas, and
/// `?password=secret`, too.
fn without_passwords(urls: &str) -> String {
    // A comma may stand in a password: only one before a scheme separates.
    let mut shown = String::new();
    let mut rest = urls;
    while let Some(at) =
        rest.find("://").and_then(|first| rest[first + 3..].find("://").map(|at| first + 3 + at))
    {
        let Some(comma) = rest[..at].rfind(',') else { break };
        shown.push_str(&without_password(&rest[..comma]));
        shown.push(',');
        rest = &rest[comma + 1..];
    }
    shown + &without_password(rest)
}

fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
    // A password may hold a slash or an at sign: what stands before the last at sign of the place is the user.
    let mut shown = match place.rfind('@') {
        Some(at) => match place[..at].split_once(':') {
            Some((user, _)) => format!("{scheme}://{user}:***{}", &place[at..]),
            None => format!("{scheme}://{place}"),
        },
        None => format!("{scheme}://{place}"),
    };
    let secret =
        |name: &str| ["password", "pass", "pwd", "sslpassword"].contains(&name.to_ascii_lowercase().as_str());
    for (at, pair) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        shown.push(if at == 0 { '?' } else { '&' });
        shown.push_str(if secret(name) { name } else { pair });
        if secret(name) {
            shown.push_str("=***");
        }
    }
    shown
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
        let shown = without_passwords("postgres://shop:se@cret@db.example:5432/catalog?sslmode=require");
        assert_eq!(shown, "postgres://shop:***@db.example:5432/catalog?sslmode=require");
        assert_eq!(without_passwords("postgres://shop@db/catalog"), "postgres://shop@db/catalog");
        assert_eq!(
            without_passwords("postgres://db/x?user=a&password=b"),
            "postgres://db/x?user=a&password=***"
        );
        assert_eq!(without_passwords("sqlite"), "sqlite");
        let cluster = "redis://u:se,cret@one:7000,rediss://:p@two:7001/0,redis://three:7002";
        assert_eq!(
            without_passwords(cluster),
            "redis://u:***@one:7000,rediss://:***@two:7001/0,redis://three:7002"
        );
    }

    #[test]
    fn a_key_is_not_shown() {
        let environment = vec![("BACKSTOCK__QUEUE__ENCRYPTION__KEYS".to_owned(), "a=5eC".to_owned())];
        let config = Config::load(&backstock_config::Sources { environment, ..Default::default() }).unwrap();
        assert_eq!(config.queue.encryption.keys.reveal(), "a=5eC");
        for text in [shown(&config).to_toml(), format!("{config:?}"), serde_json::to_string(&config).unwrap()]
        {
            assert!(!text.contains("5eC") && text.contains("***"), "{text}");
        }
    }
}
