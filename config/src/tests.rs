use super::*;

fn file(text: &str) -> (tempfile::TempDir, Sources) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("backstock.toml");
    std::fs::write(&path, text).unwrap();
    (dir, Sources { file: Some(path), ..Sources::default() })
}

fn environment(name: &str, value: &str) -> Sources {
    Sources { environment: vec![(name.to_owned(), value.to_owned())], ..Sources::default() }
}

#[test]
fn the_defaults_are_complete_and_within_bounds() {
    let config = Config::load(&Sources::default()).unwrap();
    assert_eq!(config.media.sizes, [1200, 600, 300, 100]);
    assert_eq!(config.queue.durability, Durability::Normal);
}

#[test]
fn what_is_shown_can_be_loaded_again() {
    let config = Config::load(&Sources::default()).unwrap();
    let (_dir, sources) = file(&config.to_toml());
    assert_eq!(Config::load(&sources).unwrap(), config);
}

#[test]
fn the_environment_lies_over_the_file_and_the_file_over_the_profile() {
    let (_dir, mut sources) = file("[queue]\nurl = \"sqlite:other.db\"\n[log]\nformat = \"plain\"\n");
    sources.profile = Some("production".into());
    sources.environment = vec![("BACKSTOCK__QUEUE__URL".into(), "sqlite:third.db".into())];
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.queue.url, "sqlite:third.db");
    assert_eq!(config.log.format, LogFormat::Plain);
    assert_eq!(config.queue.durability, Durability::Full);
}

#[test]
fn the_environment_is_read_by_the_type_of_the_default() {
    let config = Config::load(&environment("BACKSTOCK__MEDIA__SIZES", "800, 200")).unwrap();
    assert_eq!(config.media.sizes, [800, 200]);
    let config = Config::load(&environment("BACKSTOCK__MEDIA__S3__BUCKETS", "pictures, more")).unwrap();
    assert_eq!(config.media.s3.buckets, ["pictures", "more"]);
    let config = Config::load(&environment("BACKSTOCK__MEDIA__S3__BUCKETS", "")).unwrap();
    assert!(config.media.s3.buckets.is_empty());
    let config = Config::load(&environment("BACKSTOCK__EMBEDDING__DOWNLOAD", "false")).unwrap();
    assert!(!config.embedding.download);
    let config = Config::load(&environment("BACKSTOCK__WORKER__CONCURRENCY__MAILS", "7")).unwrap();
    assert_eq!(config.worker.concurrency["mails"], 7);
    let config = Config::load(&environment("BACKSTOCK__QUEUE__LIMITS__RUNNING__IMAGES", "4")).unwrap();
    assert_eq!(config.queue.limits.running["images"].get(), 4);
    let config = Config::load(&environment("BACKSTOCK__QUEUE__LIMITS__RATE__IMAGES", "5/10m")).unwrap();
    assert_eq!(config.queue.limits.rate["images"], "5/10m");
}

#[test]
fn every_mistake_says_what_and_where() {
    let message = |sources: &Sources| Config::load(sources).unwrap_err().to_string();
    let (dir, sources) = file("[queue]\nurll = \"x\"\n");
    let path = dir.path().join("backstock.toml").display().to_string();
    assert_eq!(
        message(&sources),
        format!("{path}: line 2: unknown key `queue.urll`; did you mean `queue.url`?")
    );
    let (dir, sources) = file("\n\n[import]\nbatch_rows = \"many\"\n");
    let path = dir.path().join("backstock.toml").display().to_string();
    assert_eq!(
        message(&sources),
        format!("{path}: line 4: `import.batch_rows` must be a whole number, not \"many\"")
    );
    let (dir, sources) = file("[queue\n");
    let path = dir.path().join("backstock.toml").display().to_string();
    assert!(message(&sources).starts_with(&format!("{path}: line 1: ")), "{}", message(&sources));
    assert_eq!(
        message(&environment("BACKSTOCK__MEDIA__QUALITY", "101")),
        "`media.quality`: 101 is not within 1 to 100"
    );
    assert_eq!(
        message(&environment("BACKSTOCK__QUEUE__DURABILITY", "ful")),
        "`durability`: unknown variant `ful`, expected `normal` or `full`"
    );
    assert_eq!(
        message(&environment("BACKSTOCK__NOPE", "1")),
        "BACKSTOCK__NOPE: unknown key `nope`; `backstock config show` lists every key"
    );
    let missing = Sources { file: Some("/nowhere/at/all.toml".into()), ..Sources::default() };
    assert!(message(&missing).starts_with("cannot read /nowhere/at/all.toml: "));
}

#[test]
fn the_built_in_schedule_is_valid() {
    assert_eq!(Schedule::load("").unwrap().entries.len(), 5);
}

#[test]
fn a_schedule_with_an_unknown_field_or_a_repeated_name_is_refused() {
    let unknown = "[[entry]]\nname = \"a\"\ncron = \"* * * * *\"\njob = \"x\"\nzone = \"UTC\"\n";
    let message = Schedule::parse(unknown, "s.toml").unwrap_err().to_string();
    assert!(message.starts_with("s.toml: line 5: unknown field `zone`"), "{message}");
    let entry = "[[entry]]\nname = \"a\"\ncron = \"* * * * *\"\njob = \"x\"\n";
    let message = Schedule::parse(&format!("{entry}{entry}"), "s.toml").unwrap_err().to_string();
    assert_eq!(message, "`a`: two entries have this name; names must differ");
}
