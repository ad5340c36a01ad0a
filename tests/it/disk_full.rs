//! No room left, for each of the stores alone: said on one line with exit code 4, nothing lost, and work goes on once
//! there is room.
//!
//! Each test needs a small file system of its own. It mounts one in a mount namespace, which root may do, and others where
//! user namespaces are allowed; `tests/run` looks whether that is so, and says loudly when these tests cannot run.

use crate::support::{Shop, binary};
use std::path::Path;
use std::process::{Command, Output};

/// Runs in the namespace with `$SMALL` (where the small file system goes), `$LARGE` (what lies there already), `$CSV`,
/// `$IMAGES` and `$BACKSTOCK`. The import meets the full disk; then there is room, and whatever waits is done.
const SCRIPT: &str = r#"
mount -t tmpfs -o size=$SIZE none "$SMALL" || exit 90
"$BACKSTOCK" import "$CSV" --images "$IMAGES" --json
echo "code=$?"
mount -o remount,size=512m none "$SMALL" || exit 91
"$BACKSTOCK" up --until-done || exit 92
"$BACKSTOCK" jobs retry --state discarded --limit 500 --json
"$BACKSTOCK" up --until-done || exit 93
cp -a "$SMALL/." "$KEPT" || exit 94
"#;

/// Imports the demo's catalog while `part` of the data folder lies on a file system of this size.
async fn import_with_little_room(part: &str, size: &str, said: &str) {
    let calm = Shop::new();
    let options = backstock_demo::Options::default();
    let made = backstock_demo::write_catalog(calm.path("delivery"), &options).unwrap();
    let (csv, images) = (made.csv.to_str().unwrap(), made.images.to_str().unwrap());
    calm.run(&["import", csv, "--images", images, "--json"]).ok();
    let expected = calm.picture().await;

    let shop = Shop::new();
    let (small, kept, data) = (shop.path("small"), shop.path("kept"), shop.data());
    for folder in [&small, &kept, &data] {
        std::fs::create_dir(folder).unwrap();
    }
    let there = small.join(part);
    std::os::unix::fs::symlink(&there, data.join(part)).unwrap();
    let mut script = SCRIPT.to_owned();
    if part == "thumbnails" {
        script =
            script.replacen("\"$BACKSTOCK\" import", "mkdir \"$SMALL/thumbnails\"\n\"$BACKSTOCK\" import", 1);
    }
    let ran =
        in_namespace(&shop, &script, &[("SIZE", size), ("CSV", csv), ("IMAGES", images)], (&small, &kept));
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{:?}\n{out}\n{err}", ran.status);
    assert!(out.lines().any(|line| line == "code=4"), "{out}\n{err}");
    let failures: Vec<&str> = err.lines().filter(|line| line.starts_with("backstock: ")).collect();
    assert_eq!(failures.len(), 1, "one line: {err}");
    assert!(failures[0].contains(said) && failures[0].contains("room"), "{failures:?}");
    assert!(!err.contains("panicked"), "{err}");

    std::fs::remove_file(data.join(part)).unwrap();
    for entry in std::fs::read_dir(&kept).unwrap() {
        let entry = entry.unwrap();
        std::fs::rename(entry.path(), data.join(entry.file_name())).unwrap();
    }
    let difference = expected.difference(&shop.picture().await, 1.0);
    assert_eq!(difference, "");
    assert_eq!(shop.ledger().keys().collect::<Vec<_>>(), ["completed"]);
}

fn in_namespace(
    shop: &Shop,
    script: &str,
    settings: &[(&str, &str)],
    (small, kept): (&Path, &Path),
) -> Output {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]);
    let own = shop.command();
    let inherited = own.get_envs().filter_map(|(name, value)| Some((name, value?)));
    command.current_dir(shop.dir.path()).envs(inherited).envs(settings.iter().copied());
    command.env("SMALL", small).env("KEPT", kept).env("BACKSTOCK", binary());
    command.output().expect("unshare (of util-linux) starts")
}

#[tokio::test]
#[ignore = "needs mount namespaces: tests/run runs this where they are allowed"]
async fn a_full_disk_under_the_queue_loses_nothing() {
    import_with_little_room("queue.db", "700k", "no room left").await;
}

#[tokio::test]
#[ignore = "needs mount namespaces: tests/run runs this where they are allowed"]
async fn a_full_disk_under_the_catalog_loses_nothing() {
    import_with_little_room("catalog.db", "1200k", "catalog.db").await;
}

#[tokio::test]
#[ignore = "needs mount namespaces: tests/run runs this where they are allowed"]
async fn a_full_disk_under_the_vectors_loses_nothing() {
    import_with_little_room("vectors.db", "700k", "vectors.db").await;
}

#[tokio::test]
#[ignore = "needs mount namespaces: tests/run runs this where they are allowed"]
async fn a_full_disk_under_the_thumbnails_loses_nothing() {
    import_with_little_room("thumbnails", "700k", "thumbnails").await;
}
