//! Which products are asked for most, from a file to a warm cache.

use crate::support::Shop;

const PRODUCTS: &str =
    "sku,title,price,currency\nA,Lamp,1.00,EUR\nB,Chair,2.00,EUR\nC,Table,3.00,EUR\nD,Rug,4.00,EUR\n";
const ORDERS: &str = "order,product_id,quantity,ordered_at\n1,A,6,2026-11-20\n2,B,3,2026-11-20\n3,E,90,2026-11-20\n\
                      4,B,many,2026-11-20\n";

fn shop() -> Shop {
    let shop = Shop::new();
    let file = shop.file("products.csv", PRODUCTS);
    shop.run(&["import", file.to_str().unwrap(), "--json"]).ok();
    shop
}

#[test]
fn a_file_of_orders_is_counted_once_and_says_which_rows_were_not() {
    let shop = shop();
    let file = shop.file("orders.csv", ORDERS);
    let import = |more: &[&str]| {
        let args = ["popularity", "import", file.to_str().unwrap(), "--at", "2026-11-21"];
        shop.run(&[&args[..], more].concat()).ok()
    };
    let tried = import(&["--dry-run"]).stdout();
    assert!(
        tried.contains("nothing was counted") && tried.contains("line 5: \"many\" is no number"),
        "{tried}"
    );
    assert!(
        tried.contains("count from \"quantity\", sku from \"product_id\", time from \"ordered_at\""),
        "{tried}"
    );
    let said = import(&["--json"]).json();
    assert_eq!(said["counted"]["requests"], 99);
    assert_eq!(said["counted"]["unknown"], 1);
    assert_eq!(said["file"]["bad_rows"][0]["line"], 5);
    assert_eq!(import(&["--json"]).json()["counted"]["repeated"], true);

    let list = shop.run(&["popularity", "list", "--json"]).ok().json();
    let shares: Vec<_> = list["products"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["sku"].as_str().unwrap(), p["requests"].as_u64().unwrap()))
        .collect();
    assert_eq!(shares, [("A", 6), ("B", 3)]);
    assert!((list["products"][0]["share"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-9);
    let text = shop.run(&["popularity", "list"]).ok().stdout();
    assert!(text.contains("66.67 %") && text.contains("orders.csv"), "{text}");
}

#[test]
fn a_file_without_a_row_that_can_be_counted_is_refused() {
    let shop = shop();
    let file = shop.file("orders.csv", "sku,count\nA,x\n,1\n");
    let ran = shop.run(&["popularity", "import", file.to_str().unwrap()]);
    assert_eq!(ran.code(), 3);
    assert!(ran.stderr().contains("none of 2 rows could be counted; line 2"), "{}", ran.stderr());
    let ran = shop.run(&["popularity", "import", "nowhere.csv"]);
    assert!(ran.code() == 3 && ran.stderr().contains("[not_found]"), "{}", ran.stderr());
    let ran = shop.run(&["popularity", "import", file.to_str().unwrap(), "--map", "x=price"]);
    assert!(ran.code() == 3 && ran.stderr().contains("use sku, count or time"), "{}", ran.stderr());
    let ran = shop.run(&["popularity", "import", file.to_str().unwrap(), "--at", "soon"]);
    assert!(ran.code() == 2 && ran.stderr().contains("2026-11-21"), "{}", ran.stderr());
}

#[test]
fn warming_begins_with_what_was_asked_for_and_says_what_to_expect() {
    let shop = shop().with("BACKSTOCK__CACHE__WARM_PRODUCTS", "1").with("BACKSTOCK__LOG__FILTER", "info");
    let orders = shop.file("orders.csv", ORDERS);
    shop.run(&["popularity", "import", orders.to_str().unwrap()]).ok();
    let file = shop.file("products.csv", format!("{PRODUCTS}F,Stool,5.00,EUR\n"));
    let said = shop.run(&["import", file.to_str().unwrap(), "--json"]).ok().stderr();
    assert!(said.contains("warmed=1") && said.contains("expected_hit_rate=0.66"), "{said}");
    let cache = shop.run(&["status", "--json"]).ok().json()["measured"]["cache"].clone();
    // Two processes warmed: four products before anything was counted, and one after.
    assert_eq!(
        (&cache["warmed"], &cache["contents"]["product"]["entries"]),
        (&5.into(), &4.into()),
        "{cache}"
    );
    assert!((cache["expected_hit_rate"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-6, "{cache}");
    let text = shop.run(&["status"]).ok().stdout();
    assert!(text.contains("hit rate for products expected 66.7 %, measured since unknown"), "{text}");
}

#[test]
fn a_table_of_orders_needs_a_catalog_on_postgresql() {
    let shop = Shop::new().with("BACKSTOCK__POPULARITY__TABLE", "orders");
    let ran = shop.run(&["config", "check"]);
    assert!(ran.code() == 2 && ran.stderr().contains("popularity.table"), "{}", ran.stderr());
}
