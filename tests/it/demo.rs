//! The demonstration does what it says.

use crate::support::{Ran, Shop};
use serde_json::Value;

fn number(report: &Value, key: &str) -> u64 {
    report[key].as_u64().unwrap_or_else(|| panic!("{key} is missing in {report}"))
}

#[test]
fn the_demo_imports_everything_once_and_only_what_changed_after() {
    check_demo(&Shop::new(), 3);
}

/// Runs the demonstration and reads its reports. The catalog keeps so many summaries.
pub fn check_demo(shop: &Shop, summaries: u64) {
    let dir = shop.path("demo");
    let shown = shop.run(&["demo", "--json", "--dir", dir.to_str().unwrap()]).ok().json();
    let imports = shown["imports"].as_array().unwrap();
    assert_eq!(imports.len(), 3);
    for report in imports {
        let sum: u64 = ["created", "updated", "unchanged", "rejected", "skipped"]
            .map(|key| number(report, key))
            .iter()
            .sum();
        assert_eq!(number(report, "rows"), sum, "{report}");
        assert_eq!(number(report, "failed_jobs"), 0, "{report}");
    }
    let [first, again, prices] = &imports[..] else { panic!() };
    assert!(number(first, "created") >= 300 && number(first, "rejected") >= 8, "{first}");
    assert!(number(first, "thumbnails") > 300 && number(first, "views_refreshed") == summaries, "{first}");
    assert_eq!(number(first, "embeddings"), number(first, "created"));
    assert_eq!(number(first, "images_failed"), 1, "the broken image is a warning: {first}");
    for key in ["created", "updated", "thumbnails", "embeddings", "views_refreshed", "cache_warmed"] {
        assert_eq!(number(again, key), 0, "{key}: {again}");
    }
    for key in ["created", "thumbnails", "embeddings"] {
        assert_eq!(number(prices, key), 0, "{key}: {prices}");
    }
    let changed = number(prices, "updated");
    assert_eq!(changed, number(first, "created") / 20, "5 % of the prices changed");
    assert!(number(prices, "views_refreshed") >= 1 && number(prices, "cache_warmed") > 0, "{prices}");
    assert_eq!(shown["searches"].as_array().unwrap().len(), 3);
    let mut look = shop.command();
    for setting in shown["environment"].as_array().unwrap() {
        let (name, value) = setting.as_str().unwrap().split_once('=').unwrap();
        look.env(name, value);
    }
    let data = dir.join("data");
    look.args(["--data-dir", data.to_str().unwrap(), "images", "duplicates", "--json"]);
    let alike = Ran(look.output().unwrap()).ok().json();
    assert!(number(&alike, "pictures") > 50, "every picture has a hash: {alike}");
    for group in alike["groups"].as_array().unwrap() {
        assert!(group.as_array().unwrap().len() > 1 && group[0]["products"][0].is_string(), "{group}");
    }
}

#[test]
#[ignore = "needs the language model: tests/run fetches it and runs this"]
fn searches_of_the_demo_find_the_expected_category_first() {
    let model = std::env::var("BACKSTOCK_TEST_MODEL_DIR")
        .expect("BACKSTOCK_TEST_MODEL_DIR is not set; tests/fetch-model FOLDER fetches the model");
    let shop =
        Shop::new().with("BACKSTOCK__EMBEDDING__MODEL", "minilm").with("BACKSTOCK__EMBEDDING__PATH", &model);
    let dir = shop.path("demo");
    let shown = shop.run(&["demo", "--json", "--dir", dir.to_str().unwrap()]).ok().json();
    for search in shown["searches"].as_array().unwrap() {
        let first: Vec<&str> =
            search["results"][0]["category"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let expected = search["expected_category"].as_str().unwrap();
        assert!(first.contains(&expected) || first.join(" > ").contains(expected), "{search}");
    }
}
