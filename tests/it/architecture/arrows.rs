//! Which crate may depend on which.

use super::{files, root, shown};
use std::collections::{BTreeMap, BTreeSet};

/// What each crate of the workspace may use of the others, without the prefix `backstock-`. Arrows point down only:
/// `worker` and `jobs` never see each other, `queue` and the engines know nothing of the rest, nobody below the
/// command line reads the configuration.
const ALLOWED: [(&str, &[&str]); 20] = [
    ("config", &[]),
    ("service", &[]),
    ("telemetry", &[]),
    ("cpu", &[]),
    ("sqlite", &[]),
    ("queue", &[]),
    ("worker", &["queue", "service"]),
    ("scheduler", &["queue", "service"]),
    ("catalog", &["sqlite"]),
    ("media", &["cpu"]),
    ("media-fuzz", &["media"]),
    ("embedding", &["cpu"]),
    ("vectors", &["cpu", "sqlite"]),
    ("cache", &[]),
    ("search", &["catalog", "embedding", "vectors", "cache", "cpu"]),
    ("demo", &[]),
    ("testbed", &[]),
    ("jobs", &["queue", "catalog", "media", "embedding", "vectors", "cache", "cpu"]),
    ("server", &["queue", "worker", "scheduler", "jobs", "catalog", "service", "telemetry", "vectors"]),
    ("cli", EVERYTHING),
];
/// Measures from outside.
const BENCH: (&str, &[&str]) = ("bench", EVERYTHING);
/// Every crate, named by a star.
const EVERYTHING: &[&str] = &["*"];

/// Libraries that stay behind the crates that own them. A name that ends in `-` stands for all that begin so.
const OWNED: [(&str, &[&str]); 14] = [
    ("sqlx", &["sqlite", "queue", "catalog", "vectors", "bench"]),
    ("redis", &["queue", "cache", "bench"]),
    ("lapin", &["queue", "bench"]),
    ("qdrant-client", &["vectors"]),
    ("tonic", &["vectors"]),
    ("apalis", &["worker", "bench"]),
    ("apalis-", &["worker", "bench"]),
    // The demonstration draws its pictures itself, so that there are none in the repository.
    ("image", &["media", "demo", "bench"]),
    ("fast_image_resize", &["media", "bench"]),
    ("object_store", &["media"]),
    ("candle-", &["embedding"]),
    ("tokenizers", &["embedding"]),
    ("croner", &["scheduler"]),
    ("tracing-subscriber", &["telemetry"]),
];

struct Manifest {
    name: String,
    path: String,
    /// Normal and build dependencies, by their real names.
    uses: BTreeSet<String>,
}

fn parse(path: String, text: &str) -> Option<Manifest> {
    let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
    let name = table.get("package")?.get("name")?.as_str()?;
    let name = name.strip_prefix("backstock-").unwrap_or(name).to_owned();
    let mut uses = BTreeSet::new();
    collect(&table, &mut uses);
    for target in
        table.get("target").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::values)
    {
        collect(target.as_table()?, &mut uses);
    }
    Some(Manifest { name, path, uses })
}

fn collect(table: &toml::Table, uses: &mut BTreeSet<String>) {
    for section in ["dependencies", "build-dependencies"] {
        for (name, details) in table.get(section).and_then(toml::Value::as_table).into_iter().flatten() {
            let real = details.get("package").and_then(toml::Value::as_str);
            uses.insert(real.unwrap_or(name).to_owned());
        }
    }
}

fn violations(manifests: &[Manifest]) -> Vec<String> {
    let allowed: BTreeMap<_, _> = ALLOWED.into_iter().chain([BENCH]).collect();
    let mut wrong = Vec::new();
    for Manifest { name, path, uses } in manifests {
        let Some(may_use) = allowed.get(name.as_str()) else {
            wrong.push(format!("{path}: say in the table of this test which crates {name} may use"));
            continue;
        };
        for used in uses {
            if let Some(inner) = used.strip_prefix("backstock-")
                && *may_use != EVERYTHING
                && !may_use.contains(&inner)
            {
                wrong.push(format!("{path}: {name} must not use {inner}; it may use {may_use:?}"));
            }
            for (library, owners) in OWNED {
                let meant = used == library || (library.ends_with('-') && used.starts_with(library));
                if meant && !owners.contains(&name.as_str()) {
                    wrong.push(format!("{path}: {name} must not use {used}; it stays behind {owners:?}"));
                }
            }
        }
    }
    wrong
}

#[test]
fn dependencies_between_crates_point_down_and_libraries_stay_behind_their_owners() {
    let read = |path: std::path::PathBuf| (shown(&path), std::fs::read_to_string(path).unwrap());
    let manifests = files(root(), &["Cargo.toml"]).into_iter().map(read);
    let manifests: Vec<_> = manifests.filter_map(|(path, text)| parse(path, &text)).collect();
    assert!(manifests.iter().any(|manifest| manifest.name == "queue"), "the manifests are found");
    let wrong = violations(&manifests);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_kind_of_forbidden_arrow_is_seen() {
    let wrong = |text: &str| {
        let manifest = parse("x/Cargo.toml".into(), text).unwrap();
        violations(&[manifest]).join("\n")
    };
    let worker = "[package]\nname = \"backstock-worker\"\n";
    assert_eq!(wrong(&format!("{worker}[dependencies]\nbackstock-queue = {{}}\ntokio = \"1\"\n")), "");
    assert_eq!(
        wrong(&format!("{worker}[dev-dependencies]\nbackstock-jobs = {{}}\n")),
        "",
        "tests may look around"
    );
    for (section, used) in [
        ("[dependencies]", "backstock-jobs = {}"),
        ("[build-dependencies]", "backstock-jobs = {}"),
        ("[dependencies]", "engine = { package = \"backstock-media\" }"),
        ("[target.'cfg(unix)'.dependencies]", "backstock-config = {}"),
        ("[dependencies]", "sqlx = {}"),
        ("[dependencies]", "candle-core = {}"),
    ] {
        assert!(wrong(&format!("{worker}{section}\n{used}\n")).contains("must not use"), "{section} {used}");
    }
    assert!(wrong("[package]\nname = \"backstock-new\"\n").contains("say in the table"));
    assert_eq!(wrong("[package]\nname = \"backstock-cli\"\n[dependencies]\nbackstock-jobs = {}\n"), "");
}
