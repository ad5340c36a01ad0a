use super::*;
use crate::import_products::ImportProducts;
use crate::testing::{GIF, answer, perform, tools};
use backstock_media::{HttpImages, HttpOptions};
use backstock_queue::{NewJob, Outcome, Settlement, StoreExt};
use backstock_testbed::HttpServer;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Everything, with a folder of pictures.
async fn shop() -> (tempfile::TempDir, Tools) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("photos")).unwrap();
    let tools = tools(dir.path()).await;
    (dir, tools)
}

/// That fetches from this machine, too.
fn fetching(tools: Tools) -> Tools {
    let options = HttpOptions { allow_private_addresses: true, ..HttpOptions::default() };
    Tools { remote: Arc::new(RemoteImages::default().with_http(HttpImages::new(options))), ..tools }
}

/// Enqueues the links and performs them in one call; what came of each.
async fn make(tools: &Tools, links: &[String]) -> BTreeMap<String, Settlement> {
    let mut names = BTreeMap::new();
    for link in links {
        let job = NewJob::of(&MakeThumbnails { link: link.clone(), images: PathBuf::new() }).unwrap();
        names.insert(job.id, link.clone());
        tools.store.enqueue(vec![job]).await.unwrap();
    }
    let settlements = perform::<MakeThumbnails>(tools, links.len()).await;
    settlements.into_iter().map(|settlement| (names[&settlement.lease.job].clone(), settlement)).collect()
}

fn tallied(settlement: &Settlement, counter: &str) -> i64 {
    settlement.tally.iter().filter(|(name, _)| name == counter).map(|(_, amount)| amount).sum()
}

#[tokio::test]
async fn a_bad_picture_is_a_warning_on_its_product_and_harms_no_other() {
    let (dir, tools) = shop().await;
    let photos = dir.path().join("photos");
    std::fs::write(photos.join("good.gif"), GIF).unwrap();
    std::fs::write(photos.join("cut.gif"), &GIF[..20]).unwrap();
    std::fs::write(photos.join("page.jpg"), "<html>").unwrap();
    let file = dir.path().join("products.csv");
    let rows = "good,A,1.00,good.gif\ncut,B,1.00,cut.gif\npage,C,1.00,page.jpg\ngone,D,1.00,gone.jpg\n";
    std::fs::write(&file, format!("sku,title,price,image_link\n{rows}")).unwrap();
    let import = ImportProducts {
        import: Uuid::now_v7(),
        file,
        images: Some(photos),
        mapping: BTreeMap::default(),
        full_sync: false,
        rejects: dir.path().join("rejects.csv"),
        supplier: None,
    };
    tools.store.push(&import).await.unwrap();
    perform::<ImportProducts>(&tools, 1).await;

    let settlements = perform::<MakeThumbnails>(&tools, 10).await;
    assert_eq!(settlements.len(), 4);
    assert!(settlements.iter().all(|settlement| settlement.outcome == Outcome::Complete), "{settlements:?}");
    let sum = |counter| settlements.iter().map(|settlement| tallied(settlement, counter)).sum::<i64>();
    assert_eq!((sum(IMAGES), sum(THUMBNAILS), sum(IMAGES_FAILED), sum(PIXELS)), (4, 1, 3, 1));
    let report = tools.catalog.import_report(&import.import.to_string()).await.unwrap();
    assert_eq!((report.counters.created, report.counters.rejected), (4, 0));
    let skus = ["good", "cut", "page", "gone"].map(str::to_owned);
    let docs = tools.catalog.product_docs(&skus).await.unwrap();
    let warnings: BTreeMap<_, _> =
        docs.iter().map(|doc| (doc.product.sku.as_str(), doc.warnings.join(" "))).collect();
    assert_eq!(warnings["good"], "");
    assert!(docs.iter().any(|doc| doc.product.sku == "good" && doc.images[0].thumbnails.is_some()));
    assert!(warnings["cut"].contains("truncated") || warnings["cut"].contains("corrupt"), "{warnings:?}");
    assert!(warnings["page"].contains("unsupported_format"), "{warnings:?}");
    assert!(warnings["gone"].contains("not_found"), "{warnings:?}");
}

#[tokio::test]
async fn what_may_pass_is_retried_alone_and_what_stays_is_not() {
    let (_dir, tools) = shop().await;
    let tools = fetching(tools);
    let server = HttpServer::answering(|head| match head.split(' ').nth(1) {
        Some("/good.gif") => answer("200 OK", "Content-Type: image/gif\r\n", GIF),
        Some("/sick.gif") => answer("502 Bad Gateway", "", b""),
        _ => answer("404 Not Found", "", b""),
    });
    let [good, sick, gone] = ["good.gif", "sick.gif", "gone.gif"].map(|path| server.url(path));
    let made = make(&tools, &[good.clone(), sick.clone(), gone.clone()]).await;
    assert_eq!((&made[&good].outcome, &made[&gone].outcome), (&Outcome::Complete, &Outcome::Complete));
    assert_eq!((tallied(&made[&good], THUMBNAILS), tallied(&made[&gone], IMAGES_FAILED)), (1, 1));
    assert!(matches!(made[&sick].outcome, Outcome::Retry { .. }), "{:?}", made[&sick]);
}

#[tokio::test]
async fn a_server_that_asks_for_peace_gets_it_and_no_attempt_is_burnt() {
    let (_dir, tools) = shop().await;
    let tools = fetching(tools);
    let server = HttpServer::answering(|_| answer("429 Too Many Requests", "Retry-After: 7\r\n", b""));
    let link = server.url("a.gif");
    let made = make(&tools, std::slice::from_ref(&link)).await;
    assert!(matches!(made[&link].outcome, Outcome::Snooze { .. }), "{made:?}");
    let made = make(&tools, &[server.url("b.gif")]).await;
    assert!(made.values().all(|settlement| matches!(settlement.outcome, Outcome::Snooze { .. })), "{made:?}");
    assert_eq!(server.heads.try_iter().count(), 1, "the second was not even asked for");
}

#[tokio::test]
async fn an_unchanged_picture_costs_one_conditional_request_and_no_pixels() {
    let (_dir, tools) = shop().await;
    let tools = fetching(tools);
    let server = HttpServer::answering(|head| {
        if head.to_ascii_lowercase().contains("if-none-match: \"v1\"") {
            return b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n".to_vec();
        }
        answer("200 OK", "Content-Type: image/gif\r\nETag: \"v1\"\r\n", GIF)
    });
    let link = server.url("a.gif");
    let first = make(&tools, std::slice::from_ref(&link)).await;
    assert_eq!((tallied(&first[&link], PIXELS), tallied(&first[&link], THUMBNAILS)), (1, 1));
    let second = make(&tools, std::slice::from_ref(&link)).await;
    assert_eq!(second[&link].outcome, Outcome::Complete);
    assert_eq!((tallied(&second[&link], PIXELS), tallied(&second[&link], THUMBNAILS)), (0, 1));
    assert_eq!(server.heads.try_iter().count(), 2);
}

#[tokio::test]
async fn what_is_not_fetched_is_unusable_with_a_reason() {
    let (_dir, tools) = shop().await;
    let links = ["https://pictures.example/a.jpg".to_owned(), "s3://pictures/a.jpg".to_owned()];
    for settlement in make(&tools, &links).await.into_values() {
        assert_eq!((&settlement.outcome, tallied(&settlement, IMAGES_FAILED)), (&Outcome::Complete, 1));
    }
}
