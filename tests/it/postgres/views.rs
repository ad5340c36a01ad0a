//! `backstock views` and `search --words`, on both catalogs.

use super::{database, execute, on};
use crate::support::Shop;

const FILE: &str = "sku,title,price,currency,stock,brand,category,gtin
A-1,Brass lamp,19.90,EUR,3,Lumen,Home > Lamps,4006381333931
A-2,Oak chair,149.00,EUR,0,Grove,Home > Chairs,
A-3,Garden lamp,39.50,EUR,7,Lumen,Garden,
";

fn filled(shop: Shop) -> Shop {
    shop.file("good.csv", FILE);
    shop.run(&["import", "good.csv"]).ok();
    shop
}

/// Without what differs from run to run: times, and the spaces that columns need for them.
fn steady(text: &str) -> Vec<String> {
    let word = |word: &str| {
        let digits = word.starts_with(|c: char| c.is_ascii_digit());
        if digits && (word.contains(':') || word.contains('-')) {
            "TIME".to_owned()
        } else if digits && word.contains('.') {
            "N".to_owned()
        } else {
            word.to_owned()
        }
    };
    let line = |line: &str| line.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect()
}

#[test]
fn views_of_an_empty_data_folder_are_refused_and_nothing_is_made() {
    let shop = Shop::new();
    let ran = shop.run(&["views", "list"]);
    assert_eq!(ran.code(), 4);
    assert!(ran.stderr().contains("there is nothing in"), "{}", ran.stderr());
    assert!(!shop.data().exists());
}

#[test]
fn the_views_of_sqlite_are_listed_and_refreshed() {
    let shop = filled(Shop::new());
    let listed = shop.run(&["views", "list"]).ok().stdout();
    let expected = [
        "VIEW KIND LEVEL STATE COST REFRESHED DUE AGAIN NOTE",
        "category summary 0 fresh",
        "brand summary 0 fresh",
        "price summary 0 fresh",
    ];
    assert_eq!(steady(&listed), expected);
    let refreshed = shop.run(&["views", "refresh", "all"]).ok().stdout();
    assert_eq!(refreshed, "category: fresh\nbrand: fresh\nprice: fresh\n");
    let full = shop.run(&["views", "refresh", "brand", "--full"]).ok().stdout();
    assert_eq!(steady(&full), ["brand: 2 groups computed again in N s"]);
    let json = shop.run(&["views", "refresh", "brand", "--json"]).ok().json();
    assert_eq!((json[0]["view"].as_str(), json[0]["done"].as_str()), (Some("brand"), Some("fresh")));
}

#[tokio::test]
async fn the_views_of_postgres_are_listed_and_refreshed_and_say_why_not() {
    let url = database();
    let shop = filled(on(&url));
    execute(
        &url,
        "CREATE MATERIALIZED VIEW broken AS SELECT 1 / (1990 - price_minor) AS x FROM product WITH NO DATA;
         CREATE MATERIALIZED VIEW keyless AS SELECT sku FROM product;
         CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS products FROM keyless WITH NO DATA",
    )
    .await;
    let listed = steady(&shop.run(&["views", "list"]).ok().stdout());
    for line in [
        "VIEW KIND LEVEL STATE COST REFRESHED DUE AGAIN NOTE",
        "category summary 0 fresh",
        "product summary 0 fresh",
        "broken materialized 0 stale holds no rows yet",
        "keyless materialized 0 stale a refresh shuts readers out: it has no unique index",
        "totals materialized 1 stale holds no rows yet",
    ] {
        assert!(listed.iter().any(|found| found == line), "{line:?} is not in {listed:#?}");
    }
    let ran = shop.run(&["views", "refresh", "all", "--full"]);
    let (told, said) = (steady(&ran.stdout()), ran.stderr());
    for line in [
        "category: 3 groups computed again in N s",
        "product: 3 products computed again in N s",
        "keyless: refreshed in N s, readers waited: it has no unique index",
        "totals: filled for the first time in N s",
        "broken: failed, its query fails",
    ] {
        assert!(told.iter().any(|found| found.starts_with(line)), "{line:?} is not in {told:#?}");
    }
    assert_eq!(ran.code(), 4, "{said}");
    let last = said.lines().last().unwrap();
    assert!(last.starts_with("backstock: the view broken was not refreshed: "), "{said}");
    assert!(last.contains("division by zero") && last.contains("mend its definition"), "{said}");
    let listed = shop.run(&["views", "list"]).ok().stdout();
    let broken = listed.lines().find(|line| line.starts_with("broken")).unwrap();
    assert!(
        broken.contains("stale") && broken.contains("failed: ") && broken.contains("division by zero"),
        "{broken}"
    );
    // A view that fails holds nobody up.
    shop.file("more.csv", format!("{FILE}A-4,Pine shelf,80.00,EUR,1,Grove,Home,\n"));
    let report = shop.run(&["import", "more.csv", "--json"]).ok().json();
    assert_eq!((report["created"].as_u64(), report["failed_jobs"].as_u64()), (Some(1), Some(0)), "{report}");
    let unknown = shop.run(&["views", "refresh", "nope"]);
    assert_eq!(unknown.code(), 2, "{}", unknown.stderr());
    for part in ["no view named nope", "product_performance", "keyless"] {
        assert!(unknown.stderr().contains(part), "{part}: {}", unknown.stderr());
    }
}

fn words_are_found(shop: &Shop) {
    let skus = |text: &str| -> Vec<String> {
        let found = shop.run(&["search", "--words", text, "--json"]).ok().json();
        found.as_array().unwrap().iter().map(|doc| doc["sku"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(skus("A-2"), ["A-2"], "a SKU");
    assert_eq!(skus("4006381333931"), ["A-1"], "the number on the box");
    assert_eq!(skus("lamp"), ["A-1", "A-3"]);
    assert_eq!(skus("LAMP garden"), ["A-3"], "all words, whatever their case");
    assert_eq!(skus("grove chairs"), ["A-2"], "brand and category");
    assert!(skus("submarine").is_empty());
    let shown = shop.run(&["search", "--words", "garden lamp"]).ok().stdout();
    assert_eq!(steady(&shown), ["SKU PRICE TITLE CATEGORY", "A-3 N EUR Garden lamp Garden"]);
    let none = shop.run(&["search", "--words", "submarine"]).ok().stdout();
    assert_eq!(none, "no product has all of these words; without --words the search is by meaning\n");
}

#[test]
fn words_are_found_on_sqlite() {
    words_are_found(&filled(Shop::new()));
}

#[test]
fn words_are_found_on_postgres_and_misspelt_ones_too() {
    let shop = filled(on(&database()));
    words_are_found(&shop);
    let found = shop.run(&["search", "--words", "gardn lamp", "--json"]).ok().json();
    assert_eq!(found[0]["sku"], "A-3");
}

#[test]
fn help_says_what_words_and_views_are() {
    let shop = Shop::new();
    let help = shop.run(&["search", "--help"]).ok().stdout();
    assert!(help.contains("By SKU, number on the box or all words of title, brand and category"), "{help}");
    let help = shop.run(&["views", "refresh", "--help"]).ok().stdout();
    for part in ["`all`: every one that is stale and due", "Compute everything again, stale or not"] {
        assert!(help.contains(part), "{part:?} is not in {help}");
    }
}
