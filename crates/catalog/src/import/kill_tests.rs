//! An importing process that is killed again and again, for real (`kill -9`), on PostgreSQL.

use std::fmt::Write as _;
use std::future::pending;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use backstock_testbed::SharedPostgres;

use super::*;
use crate::store::PostgresOptions;

/// Kills; `BACKSTOCK_KILLS` raises it.
const KILLS: u64 = 10;
const ROWS: usize = 8_000;
const URL: &str = "BACKSTOCK_TEST_IMPORT_INTO";
const FILE: &str = "BACKSTOCK_TEST_IMPORT_FROM";

/// Says after every batch that it is stored.
struct Tell;

impl ImportObserver for Tell {
    async fn on_batch(&mut self, _: &Progress, _: &DirtyKeys) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut out = std::io::stdout();
        writeln!(out, "stored")?;
        Ok(out.flush()?)
    }
}

async fn import(url: &str, file: &Path) -> (Catalog, Result<ImportReport, ImportError>) {
    let catalog = Catalog::connect(&PostgresOptions::new(url)).await.unwrap();
    let request = ImportRequest { batch_rows: 250, ..ImportRequest::new("killed", file, || 7) };
    let report = import_delivery(&catalog, &request, &mut Tell, pending()).await;
    (catalog, report)
}

/// The importing process: this test binary, told to run only this.
#[tokio::test]
#[ignore = "is run by the test below, as a process of its own"]
async fn the_importing_process() {
    let (url, file) = (std::env::var(URL).unwrap(), std::env::var(FILE).unwrap());
    import(&url, Path::new(&file)).await.1.unwrap();
}

fn start(url: &str, file: &Path) -> Child {
    let name = "import::kill_tests::the_importing_process";
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--ignored", "--nocapture"]).env(URL, url).env(FILE, file);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// Lets it store some batches, then kills it a moment later. `false` when it was done before.
fn kill_in_the_middle(mut child: Child, batches: u64, later: Duration) -> bool {
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let stored = stdout.lines().map_while(Result::ok).filter(|line| line.contains("stored"));
    let met = stored.take(batches as usize).count() as u64;
    // What is awaited is time itself: the kill is meant to be random.
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    let _ = receiver.recv_timeout(later);
    drop(sender);
    child.kill().unwrap();
    child.wait().unwrap();
    met == batches
}

#[tokio::test]
async fn an_import_killed_at_random_moments_leaves_what_an_undisturbed_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("products.csv");
    let mut text = "sku,title,price,category,brand,image_link\n".to_owned();
    for number in 0..ROWS {
        let price = if number % 50 == 7 { "none".to_owned() } else { format!("{}.99", number % 300) };
        writeln!(
            text,
            "S-{number},Title {number},{price},Shelf {},Brand {},{}.jpg",
            number % 40,
            number % 9,
            number / 2
        )
        .unwrap();
    }
    std::fs::write(&file, text).unwrap();
    let server = SharedPostgres::get().unwrap();
    let calm = import(&server.new_database().unwrap(), &file).await;
    let expected = (calm.1.unwrap().counters, calm.0.dump().await);
    let url = server.new_database().unwrap();
    let kills = std::env::var("BACKSTOCK_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let seed = u64::from(std::process::id());
    let mut state = seed;
    let mut interrupted = 0;
    for _ in 0..kills {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (child, moment) = (start(&url, &file), Duration::from_micros((state >> 33) % 60_000));
        let batches = (state >> 60) % 4;
        let killed = tokio::task::spawn_blocking(move || kill_in_the_middle(child, batches, moment));
        interrupted += u64::from(killed.await.unwrap());
    }
    assert!(interrupted > kills / 2, "only {interrupted} kills hit the import, seed {seed}");
    let (catalog, report) = import(&url, &file).await;
    assert_eq!(report.unwrap().counters, expected.0, "seed {seed}");
    assert_eq!(catalog.dump().await, expected.1, "seed {seed}");
}
