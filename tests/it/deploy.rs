//! What `deploy/` sets is understood by the program it starts.

use crate::support::Shop;
use std::path::Path;

fn file(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The lines `BACKSTOCK__NAME: "value"`, with a word for what the operator fills in.
fn settings(text: &str) -> Vec<(&str, String)> {
    let pairs = text.lines().filter_map(|line| line.trim().split_once(": \""));
    pairs
        .filter(|(name, _)| name.starts_with("BACKSTOCK__"))
        .map(|(name, value)| {
            let value = value.trim_end_matches('"');
            (name, value.replace("${BACKSTOCK_PASSWORD:?set it}", "word"))
        })
        .collect()
}

#[test]
fn settings_of_deployments_are_understood() {
    for (name, least) in [("compose.yaml", 5), ("kubernetes.yaml", 7)] {
        let text = file(name);
        let settings = settings(&text);
        assert!(settings.len() >= least, "{name}: {settings:?}");
        let shop = Shop::new();
        let ran = shop.command().envs(settings).args(["config", "check"]).output().unwrap();
        assert!(ran.status.success(), "{name}: {}", String::from_utf8_lossy(&ran.stderr));
    }
}

#[test]
fn deployments_wait_longer_for_a_stop_than_running_jobs_are_given() {
    let shown = Shop::new().run(&["config", "show"]).ok().stdout();
    let grace = number(&shown, "shutdown_grace_seconds = ");
    assert!(number(&file("kubernetes.yaml"), "terminationGracePeriodSeconds: ") > grace);
    assert!(number(&file("compose.yaml"), "stop_grace_period: ") > grace);
}

/// The number behind the first `name`.
fn number(text: &str, name: &str) -> u32 {
    let (_, rest) = text.split_once(name).unwrap_or_else(|| panic!("{name:?} is missing"));
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}
