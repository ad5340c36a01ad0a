//! `backstock doctor`: checks, one after the other.

use crate::args::Doctor;
use crate::failure::Failure;
use crate::show::{self, Table};
use backstock_config::Config;
use backstock_media::Engine;
use backstock_queue::{Examined, Remedy, Store};
use serde_json::{Value, json};

/// What one check found.
struct Report {
    name: &'static str,
    sound: bool,
    /// In one line.
    told: String,
    /// What is wrong, one row each.
    table: Option<Table>,
    details: Value,
}

/// Runs all checks.
pub async fn run(args: &Doctor, config: &Config, store: &dyn Store, as_json: bool) -> Result<(), Failure> {
    let reports = [queue(store, args.repair).await?, images(config)];
    let sound = reports.iter().all(|report| report.sound);
    if as_json {
        let checks: Vec<Value> = reports.into_iter().map(|report| report.details).collect();
        show::json(&json!({ "sound": sound, "checks": checks }));
    } else {
        for report in reports {
            show::line(format!("{}: {}", report.name, report.told));
            if let Some(table) = report.table {
                show::line(table);
            }
        }
    }
    if sound { Ok(()) } else { Err(Failure::failed("doctor found flaws that are not healed")) }
}

/// Which codecs cut pictures. Never a flaw: both do.
fn images(config: &Config) -> Report {
    let engine = crate::app::recipe(config).engine;
    let told = match engine {
        Engine::Turbo => "turbo: libjpeg-turbo and libwebp, with Rust for the rest",
        Engine::Rust if Engine::Turbo.is_available() => {
            "rust, as configured; `media.engine = \"auto\"` takes about two thirds of the time"
        }
        Engine::Rust => {
            "rust; a build with `--features turbo` (needs cmake and nasm) is faster and writes lossy WebP"
        }
    };
    let details = json!({
        "check": "images", "sound": true, "engine": engine.name(), "avif": cfg!(feature = "avif"), "told": told,
    });
    Report { name: "images", sound: true, told: told.to_owned(), table: None, details }
}

/// The queue's store against itself.
async fn queue(store: &dyn Store, repair: bool) -> Result<Report, Failure> {
    let seen = store.examine(repair).await.map_err(Failure::data)?;
    let details =
        json!({ "check": "queue", "store": store.name(), "sound": seen.is_sound(), "examined": seen });
    let table = (!seen.findings.is_empty()).then(|| table(&seen));
    Ok(Report { name: "queue", sound: seen.is_sound(), told: in_words(store.name(), &seen), table, details })
}

fn in_words(store: &str, seen: &Examined) -> String {
    if seen.parts.is_empty() {
        return format!("{store} has no checks of its own");
    }
    let count = |remedy| seen.findings.iter().filter(|finding| finding.remedy == remedy).count() as u64;
    let mut words = vec![format!("{store}, {} jobs: {}", show::count(seen.jobs), seen.parts.join(", "))];
    for (remedy, meaning) in [
        (Remedy::Healed, "healed"),
        (Remedy::Healable, "can be healed with --repair"),
        (Remedy::None, "left to you"),
    ] {
        if count(remedy) > 0 {
            words.push(format!("{} {meaning}", show::count(count(remedy))));
        }
    }
    if seen.more > 0 {
        words.push(format!("{} more not listed, run it again", show::count(seen.more)));
    }
    if seen.findings.is_empty() {
        words.push("sound".to_owned());
    }
    words.extend(seen.unsure.iter().cloned());
    if seen.set_aside > 0 {
        words.push(format!("{} damaged records are set aside", show::count(seen.set_aside)));
    }
    words.join("; ")
}

fn table(seen: &Examined) -> Table {
    let mut table = Table::new(&["FLAW", "WHERE", "WHAT", "REMEDY"]);
    for finding in &seen.findings {
        let remedy = match finding.remedy {
            Remedy::Healed => "healed",
            Remedy::Healable => "--repair",
            Remedy::None => "",
        };
        let flaw = match serde_json::to_value(finding.flaw) {
            Ok(Value::String(name)) => name.replace('_', " "),
            _ => String::new(),
        };
        table.row([flaw, finding.subject.clone(), finding.told.clone(), remedy.to_owned()]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use backstock_queue::{Finding, Flaw};

    #[test]
    fn what_was_found_is_told_by_what_can_be_done() {
        let finding = |remedy| Finding {
            flaw: Flaw::UniqueKey,
            subject: "k".into(),
            told: "is held by nobody".into(),
            remedy,
        };
        let mut seen = Examined { parts: vec!["records".into()], jobs: 1200, ..Examined::default() };
        assert_eq!(in_words("redis", &seen), "redis, 1,200 jobs: records; sound");
        seen.findings = vec![finding(Remedy::Healable), finding(Remedy::None)];
        let told = in_words("redis", &seen);
        assert!(told.ends_with("; 1 can be healed with --repair; 1 left to you"), "{told}");
        assert!(table(&seen).to_string().contains("unique key"));
        assert_eq!(in_words("sqlite", &Examined::default()), "sqlite has no checks of its own");
    }
}
