//! The queue against itself.

use super::Report;
use crate::app;
use crate::failure::Failure;
use crate::show::{self, Table};
use backstock_config::Config;
use backstock_queue::{Examined, Remedy};
use serde_json::{Value, json};

/// The queue's store against itself.
pub async fn check(config: &Config, repair: bool) -> Result<Report, Failure> {
    let store = app::store(config).await?;
    let seen = store.examine(repair).await.map_err(Failure::data)?;
    let details = json!({ "store": store.name(), "examined": seen });
    let table = (!seen.findings.is_empty()).then(|| table(&seen));
    Ok(Report { sound: seen.is_sound(), told: in_words(store.name(), &seen), table, details })
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
