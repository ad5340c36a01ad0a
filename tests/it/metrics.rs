//! What the metrics say is what happened.

use crate::support::Shop;
use backstock_telemetry::{MetricsFolder, Sample};
use std::collections::BTreeMap;

type ByQueue = BTreeMap<String, u64>;

fn demo_catalog(shop: &Shop) -> backstock_demo::Catalog {
    backstock_demo::write_catalog(shop.path("delivery"), &backstock_demo::Options::default()).unwrap()
}

/// Sums of the samples of `name` with this label, by queue.
fn sums(samples: &[Sample], name: &str, (label, value): (&str, &str)) -> ByQueue {
    let mut sums = ByQueue::new();
    for sample in samples.iter().filter(|sample| sample.name == name && sample.label(label) == value) {
        *sums.entry(sample.label("queue").to_owned()).or_default() += sample.value as u64;
    }
    sums.retain(|_, number| *number > 0);
    sums
}

#[test]
fn the_counts_in_the_metrics_file_are_those_of_the_ledger() {
    let shop = Shop::new();
    let made = demo_catalog(&shop);
    let (csv, images) = (made.csv.to_str().unwrap(), made.images.to_str().unwrap());
    shop.run(&["import", csv, "--images", images, "--json"]).ok();
    shop.run(&["import", csv, "--images", images, "--json"]).ok();

    let files = MetricsFolder::new(shop.data().join("metrics")).read().unwrap();
    assert_eq!(files.len(), 2, "one a process");
    let samples: Vec<Sample> = files.iter().flat_map(|file| Sample::parse(&file.text).unwrap()).collect();
    let queues = shop.run(&["queues", "list", "--json"]).ok().json();
    let ledger: ByQueue = queues
        .as_array()
        .unwrap()
        .iter()
        .map(|queue| {
            (queue["name"].as_str().unwrap().to_owned(), queue["counts"]["completed"].as_u64().unwrap())
        })
        .collect();
    let of = |name: &str| sums(&samples, name, ("", ""));
    assert!(ledger["images"] > 0 && ledger["embeddings"] > 0 && ledger["imports"] == 2, "{ledger:?}");
    assert_eq!(sums(&samples, "backstock_jobs_settled_total", ("outcome", "completed")), ledger);
    assert_eq!(of("backstock_call_jobs_total"), ledger, "no job ran twice");
    assert_eq!(of("backstock_job_pickup_seconds_count"), ledger);
    let claimed = of("backstock_jobs_claimed_total");
    assert_eq!(claimed, of("backstock_jobs_settled_total"), "what was claimed was settled");
    let last = Sample::parse(&files[1].text).unwrap();
    assert_eq!(sums(&last, "backstock_jobs", ("state", "completed")), ledger, "the depths after the end");
    assert_eq!(sums(&last, "backstock_jobs", ("state", "running")), ByQueue::new());

    let shown = shop.run(&["status", "--json"]).ok().json();
    for (queue, completed) in &ledger {
        assert_eq!(shown["measured"]["queues"][queue]["settled"]["completed"].as_u64(), Some(*completed));
    }
    let text = shop.run(&["status"]).ok().stdout();
    assert!(text.contains("measured by 2 processes of the last hour"), "{text}");
}

#[test]
fn no_metrics_are_written_when_that_is_switched_off() {
    let shop = Shop::new().with("BACKSTOCK__TELEMETRY__METRICS_FILE", "false");
    let file = shop.file("few.csv", "sku,title,price\n1,One,1.00\n");
    shop.run(&["import", file.to_str().unwrap(), "--json"]).ok();
    assert!(!shop.data().join("metrics").exists());
    assert!(!shop.run(&["status"]).ok().stdout().contains("measured"));
}
