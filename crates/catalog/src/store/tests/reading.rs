//! Documents, texts, images.

use super::*;

fn skus(numbers: &[usize]) -> Vec<String> {
    numbers.iter().map(|n| product(*n).sku).collect()
}

pub(super) async fn a_product_reads_back_as_it_was_delivered(bed: &Bed) {
    let shop = bed.shop().await;
    let whole = Product {
        gtin: Some("4006381333931".into()),
        parent_sku: Some("P".into()),
        description: Some("<p>Text</p>".into()),
        sale_price_minor: Some(400),
        weight_g: Some(12),
        image_links: vec!["b.jpg".into(), "a.jpg".into(), "b.jpg".into()],
        attributes: serde_json::from_str(r#"{"b":[1,null],"a":"x\"y"}"#).unwrap(),
        source_updated_at_ms: Some(5),
        ..product(1)
    };
    let bare = Product { sku: "bare".into(), title: "t".into(), ..Product::default() };
    shop.merge("i1", &[whole.clone(), bare.clone()]).await;
    assert_eq!(shop.catalog.product_by_sku("SKU-00001").await.unwrap(), Some(whole));
    assert_eq!(shop.catalog.product_by_sku("bare").await.unwrap(), Some(bare));
    assert_eq!(shop.catalog.product_by_sku("none").await.unwrap(), None);
}

pub(super) async fn documents_come_in_the_order_asked_for(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(30)).await;
    let asked = [skus(&[20, 3]), vec!["unknown".into()], skus(&[11])].concat();
    let docs = shop.catalog.product_docs(&asked).await.unwrap();
    let found: Vec<&str> = docs.iter().map(|doc| doc.product.sku.as_str()).collect();
    assert_eq!(found, ["SKU-00020", "SKU-00003", "SKU-00011"]);
    let texts = shop.catalog.product_texts(&skus(&[7])).await.unwrap();
    assert_eq!(texts[0].text, "Product 7. Brand 1. Shop, Shelf 2");
    assert_eq!(texts[0].category, "Shop > Shelf 2");
    assert_eq!(texts[0].text_hash.len(), 32);
}

pub(super) async fn an_image_result_is_stored_once_and_marks_its_products(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(4)).await;
    let link = "https://img.example/0.jpg";
    assert_eq!(shop.catalog.images_pending(None, 10).await.unwrap().len(), 2);
    assert_eq!(shop.catalog.image_usage(link).await.unwrap(), skus(&[0, 1]));
    shop.settle().await;
    let done = ImageResult::Done { content_hash: "abc".into(), manifest: serde_json::json!({"sizes": [1]}) };
    assert!(shop.catalog.set_image_result(link, &done).await.unwrap());
    assert!(!shop.catalog.set_image_result(link, &done).await.unwrap());
    assert!(!shop.catalog.set_image_result("unknown", &done).await.unwrap());
    assert_eq!(shop.keys(DirtyKind::Cache).await, skus(&[0, 1]));
    let doc = shop.catalog.product_docs(&skus(&[1])).await.unwrap().pop().unwrap();
    assert_eq!(doc.images[0].thumbnails, Some(serde_json::json!({"sizes": [1]})));
    assert!(doc.warnings.is_empty());
}

pub(super) async fn a_failed_image_is_a_warning_and_is_tried_again_only_when_linked_anew(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(2)).await;
    let link = "https://img.example/0.jpg";
    let failed = ImageResult::Failed { code: "image_truncated".into() };
    shop.catalog.set_image_result(link, &failed).await.unwrap();
    shop.settle().await;
    let doc = shop.catalog.product_docs(&skus(&[1])).await.unwrap().pop().unwrap();
    assert_eq!(doc.warnings, ["image_truncated"]);
    shop.merge("i2", &products(2)).await;
    assert!(shop.catalog.images_pending(None, 10).await.unwrap().is_empty());
    let newcomer = Product { image_links: vec![link.into()], ..product(9) };
    shop.merge("i3", &[newcomer]).await;
    let pending = PendingImage { link: link.into(), images: Some("/photos".into()) };
    assert_eq!(shop.catalog.images_pending(None, 10).await.unwrap(), [pending]);
}

pub(super) async fn a_known_image_is_not_cut_again_for_another_product(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(1)).await;
    let done = ImageResult::Done { content_hash: "abc".into(), manifest: serde_json::json!({}) };
    shop.catalog.set_image_result("https://img.example/0.jpg", &done).await.unwrap();
    shop.settle().await;
    let outcome = shop.merge("i2", &[product(1)]).await;
    assert!(outcome.dirty.image.is_empty());
}

pub(super) async fn texts_of_active_products_can_be_marked_again(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(5)).await;
    shop.merge("i2", &[Product { status: crate::product::Status::Draft, ..product(5) }]).await;
    shop.settle().await;
    assert_eq!(shop.catalog.active_count().await.unwrap(), 5);
    let first = shop.catalog.active_skus(None, 3).await.unwrap();
    assert_eq!(first, skus(&[0, 1, 2]));
    let rest = shop.catalog.active_skus(first.last().map(String::as_str), 3).await.unwrap();
    assert_eq!(rest, skus(&[3, 4]));
    for _ in 0..2 {
        shop.catalog.mark_texts(&rest).await.unwrap();
    }
    shop.catalog.mark_texts(&[]).await.unwrap();
    let marked = shop.catalog.dirty(DirtyKind::Text, None, 10).await.unwrap();
    assert_eq!(marked.into_iter().map(|mark| mark.key).collect::<Vec<_>>(), rest);
}

pub(super) async fn a_version_is_published_once_and_never_taken_back(bed: &Bed) {
    let shop = bed.shop().await;
    let catalog = &shop.catalog;
    assert_eq!((catalog.version().await.unwrap(), catalog.published_version().await.unwrap()), (0, 0));
    shop.merge("a", &products(2)).await;
    let version = catalog.version().await.unwrap();
    assert!(version > 0);
    catalog.publish(version).await.unwrap();
    catalog.publish(version - 1).await.unwrap();
    assert_eq!(catalog.published_version().await.unwrap(), version);
    assert!(catalog.dirty(DirtyKind::Cache, None, 10).await.unwrap().is_empty());
}

pub(super) async fn dirty_marks_are_found_by_key(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("a", &products(3)).await;
    let all = shop.catalog.dirty(DirtyKind::Text, None, 10).await.unwrap();
    let asked = [all[1].key.clone(), "unknown".to_owned()];
    assert_eq!(shop.catalog.dirty_of(DirtyKind::Text, &asked).await.unwrap(), [all[1].clone()]);
}

pub(super) async fn a_product_is_found_by_number_and_by_words(bed: &Bed) {
    let shop = bed.shop().await;
    let boxed =
        Product { gtin: Some("4006381333931".into()), title: "Garden 100%_lamp".into(), ..product(3) };
    let draft = Product { status: crate::product::Status::Draft, ..product(4) };
    shop.merge("i1", &[product(1), product(2), boxed, draft]).await;
    shop.catalog.refresh_views(RefreshMode::Incremental).await.unwrap();
    let found = async |text: &str| -> Vec<String> {
        let docs = shop.catalog.find(text, 10).await.unwrap();
        docs.into_iter().map(|doc| doc.product.sku).collect()
    };
    assert_eq!(found("SKU-00002").await, skus(&[2]));
    assert_eq!(found("4006381333931").await, skus(&[3]));
    assert_eq!(found("product shelf").await, skus(&[1, 2]));
    assert_eq!(found("lamp garden").await, skus(&[3]));
    assert_eq!(found("SKU-00004").await, skus(&[]), "a draft is not shown");
    for odd in ["", "  ", "'; DROP TABLE product; --", "\\ % _ \" & | ! ( )", "\u{0}"] {
        assert_eq!(found(odd).await, skus(&[]), "{odd:?}");
    }
    assert_eq!(shop.catalog.find("product", 1).await.unwrap().len(), 1);
}
