//! What is asked for most.

use std::time::Duration;

use super::*;
use crate::requests::RequestCounts;
use crate::store::{CountOutcome, CountedSource};

const DAY: i64 = 86_400_000;
const NOW: i64 = 20_000 * DAY;
const WEEK: Duration = Duration::from_hours(7 * 24);

fn counts(at_ms: i64, requests: &[(&str, u64, i64)]) -> RequestCounts {
    let mut counts = RequestCounts::new(at_ms, WEEK);
    for (sku, number, time_ms) in requests {
        counts.add(sku, *number, *time_ms).unwrap();
    }
    counts
}

fn source(id: &str) -> CountedSource {
    CountedSource { id: id.into(), name: format!("{id}.csv"), replaces: false }
}

/// Counts requests of one moment.
pub(crate) async fn asked(catalog: &Catalog, requests: &[(String, u64)]) {
    let requests: Vec<_> = requests.iter().map(|(sku, number)| (sku.as_str(), *number, NOW)).collect();
    let id = format!("{:?} of {}", requests.first(), requests.len());
    let outcome = catalog.count_requests(&source(&id), &counts(NOW, &requests)).await.unwrap();
    assert!(!outcome.repeated);
}

/// SKUs with their shares of all requests, in thousandths.
async fn shares(catalog: &Catalog) -> Vec<(String, u64)> {
    let total = catalog.popularity().await.unwrap();
    let popular = catalog.popular(4).await.unwrap().into_iter();
    popular.map(|popular| (popular.sku, (popular.weight / total * 1000.0).round() as u64)).collect()
}

fn expected(shares: &[(usize, u64)]) -> Vec<(String, u64)> {
    shares.iter().map(|(number, share)| (product(*number).sku, *share)).collect()
}

pub(super) async fn popular_products_come_first_then_the_latest(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(5)).await;
    let first = [("SKU-00001", 3, NOW), ("SKU-00003", 2, NOW), ("gone", 99, NOW)];
    let outcome = shop.catalog.count_requests(&source("a"), &counts(NOW, &first)).await.unwrap();
    assert_eq!(outcome, CountOutcome { repeated: false, products: 3, unknown: 1, requests: 104 });
    let second = counts(NOW, &[("SKU-00003", 2, NOW)]);
    shop.catalog.count_requests(&source("b"), &second).await.unwrap();
    let mut changed = product(0);
    changed.title = "New".into();
    shop.merge("i2", &[changed]).await;
    let popular = shop.catalog.popular(4).await.unwrap();
    let found: Vec<_> = popular.iter().map(|p| (p.sku.as_str(), p.requests, p.weight)).collect();
    let expected =
        [("SKU-00003", 4, 4.0), ("SKU-00001", 3, 3.0), ("SKU-00000", 0, 0.0), ("SKU-00004", 0, 0.0)];
    assert_eq!(found, expected);
    assert_eq!(shop.catalog.popular(1).await.unwrap(), popular[..1]);
    let total = shop.catalog.popularity().await.unwrap();
    assert!((total - 7.0).abs() < 1e-9, "only of products that are there: {total}");
}

pub(super) async fn the_same_content_is_counted_once(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(2)).await;
    let once = counts(NOW, &[("SKU-00001", 3, NOW)]);
    assert!(!shop.catalog.count_requests(&source("a"), &once).await.unwrap().repeated);
    let shop = shop.reopened().await;
    let later = counts(NOW + DAY, &[("SKU-00001", 3, NOW)]);
    let again = shop.catalog.count_requests(&source("a"), &later).await.unwrap();
    assert_eq!(again, CountOutcome { repeated: true, ..CountOutcome::default() });
    assert_eq!(shop.catalog.popular(1).await.unwrap()[0].requests, 3);
    let counted = shop.catalog.counted(5).await.unwrap();
    let counted: Vec<_> =
        counted.iter().map(|c| (c.name.as_str(), c.counted_ms, c.products, c.requests)).collect();
    assert_eq!(counted, [("a.csv", NOW, 1, 3)]);
}

pub(super) async fn requests_fade_by_their_time_whenever_they_are_counted(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(3)).await;
    // The same requests: a week ago one product, two weeks ago another, today a third.
    let (old, older) = (NOW - 7 * DAY, NOW - 14 * DAY);
    let all = [("SKU-00000", 40, older), ("SKU-00001", 40, old), ("SKU-00002", 25, NOW)];
    shop.catalog.count_requests(&source("all"), &counts(NOW, &all)).await.unwrap();
    assert_eq!(shares(&shop.catalog).await, expected(&[(2, 455), (1, 364), (0, 182)]));

    let other = bed.shop().await;
    other.merge("i1", &products(3)).await;
    for (id, at, requests) in [("c", NOW, &all[2..]), ("a", older, &all[..1]), ("b", old, &all[1..2])] {
        other.catalog.count_requests(&source(id), &counts(at, requests)).await.unwrap();
    }
    assert_eq!(shares(&other.catalog).await, shares(&shop.catalog).await, "in whatever order they came");

    // Years later: the numbers have been brought back to a size, and the ratios hold.
    let much_later = NOW + 7 * DAY * 300;
    let new = counts(much_later, &[("SKU-00000", 1, much_later)]);
    shop.catalog.count_requests(&source("later"), &new).await.unwrap();
    assert_eq!(shares(&shop.catalog).await, expected(&[(0, 1000), (2, 0), (1, 0)]));
    let total = shop.catalog.popularity().await.unwrap();
    assert!((total - 1.0).abs() < 1e-6, "{total}");
}

pub(super) async fn a_file_that_replaces_takes_the_place_of_all_before(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(3)).await;
    asked(&shop.catalog, &[("SKU-00000".into(), 7)]).await;
    let whole = CountedSource { replaces: true, ..source("whole") };
    let new = counts(NOW, &[("SKU-00001", 3, NOW), ("SKU-00002", 1, NOW)]);
    assert!(!shop.catalog.count_requests(&whole, &new).await.unwrap().repeated);
    assert_eq!(shares(&shop.catalog).await, expected(&[(1, 750), (2, 250), (0, 0)]));
    assert_eq!(shop.catalog.counted(5).await.unwrap().len(), 1);
    assert!(shop.catalog.count_requests(&whole, &new).await.unwrap().repeated);
}

pub(super) async fn a_count_that_breaks_off_leaves_nothing(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(3)).await;
    let new = counts(NOW, &[("SKU-00001", 3, NOW)]);
    shop.catalog.faults().fail_after(0);
    shop.catalog.count_requests(&source("a"), &new).await.unwrap_err();
    shop.catalog.faults().never();
    assert!(shop.catalog.popularity().await.unwrap().abs() < f64::EPSILON);
    assert!(!shop.catalog.count_requests(&source("a"), &new).await.unwrap().repeated);
    assert_eq!(shop.catalog.popular(1).await.unwrap()[0].requests, 3);
}
