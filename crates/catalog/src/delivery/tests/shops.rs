//! Exports of shops, read by their own column names.

use super::*;
use crate::delivery::Preset;
use crate::{Availability, Status};

fn preset(text: &str) -> Preset {
    Delivery::open(&file(text).path, &ReadOptions::default()).unwrap().summary().preset
}

#[test]
fn foreign_headers_are_understood_and_a_mapping_wins() {
    let text = "Handle SKU,EAN,Product Name,Body (HTML),Vendor,Type,Variant Price,Currency,Qty,Image Src\nA,4006381333931,Chair,<p>x</p>,V,Home > Chairs,1.97,EUR,81,https://x.test/a.jpg\n";
    let product = read(text).rows.remove(0).product;
    assert_eq!((product.sku.as_str(), product.title.as_str(), product.stock), ("A", "Chair", Some(81)));
    assert_eq!((product.brand.as_deref(), product.category.len()), (Some("V"), 2));
    let options = ReadOptions {
        mapping: [("Vendor".to_owned(), "title".to_owned()), ("product name".to_owned(), "brand".to_owned())]
            .into(),
        ..ReadOptions::default()
    };
    let product = read_with(text, &options).rows.remove(0).product;
    assert_eq!((product.title.as_str(), product.brand.as_deref()), ("V", Some("Chair")));
}

#[test]
fn magento_parents_and_variants_find_each_other() {
    let text = concat!(
        "sku,product_type,categories,name,weight,product_online,price,special_price,base_image,additional_images,",
        "additional_attributes,qty,is_in_stock,website_id,configurable_variations\n",
        "H-S,simple,\"Default Category/Men/Tops,Default Category/Sale\",Hoodie S,1,1,52.0000,,/m/h.jpg,,\"size=S,note=soft, warm\",100.0000,1,0,\n",
        "H,configurable,Default Category/Men/Tops,Hoodie,,2,,,/m/h.jpg,\"/m/h.jpg,/m/i.jpg\",has_options=1,0,1,0,\"sku=H-S,size=S|sku=H-M,size=M\"\n",
        "X,simple,,No price,,1,,,,,,1,1,0,\n",
    );
    let batch = read(text);
    assert_eq!(preset(text), Preset::Magento);
    assert_eq!(codes(&batch), [(3, "missing_price")], "only a parent may lack its price");
    let [variant, parent] = [&batch.rows[0].product, &batch.rows[1].product];
    assert_eq!((variant.parent_sku.as_deref(), parent.parent_sku.as_deref()), (Some("H"), None));
    assert_eq!((variant.category.join("/"), variant.stock), ("Men/Tops".to_owned(), Some(100)));
    assert_eq!(variant.attributes["note"], "soft, warm");
    assert_eq!(
        (variant.weight_g, variant.attributes["weight"].as_str()),
        (None, Some("1")),
        "no unit, no guess"
    );
    assert_eq!(
        (parent.price.as_ref(), parent.stock, parent.availability),
        (None, None, Availability::InStock)
    );
    assert_eq!((parent.image_links.join(" "), parent.status), ("m/h.jpg m/i.jpg".to_owned(), Status::Draft));
}

#[test]
fn shopify_variants_share_the_first_row_of_their_product() {
    let text = concat!(
        "Handle,Title,Body (HTML),Vendor,Type,Published,Option1 Name,Option1 Value,Variant SKU,Variant Grams,",
        "Variant Inventory Qty,Variant Price,Image Src,Image Position,Status\n",
        "tee,Tee,<p>Soft</p>,Acme,Shirts,true,Size,S,T-S,150,3,19.00,https://x.test/1.jpg,1,active\n",
        "tee,,,,,,,M,T-M,160,0,19.00,,,\n",
        "tee,,,,,,,,,,,,https://x.test/2.jpg,2,\n",
        "mug,Mug,,Acme,Mugs,false,Title,Default Title,M-1,300,5,9.00,,,draft\n",
    );
    let batch = read(text);
    assert_eq!((preset(text), codes(&batch), batch.skipped), (Preset::Shopify, vec![], 1));
    assert_eq!(titles(&batch), ["Tee - S", "Tee - M", "Mug"]);
    let second = &batch.rows[1].product;
    assert_eq!((second.brand.as_deref(), second.parent_sku.as_deref()), (Some("Acme"), Some("tee")));
    assert_eq!(
        (second.availability, second.attributes["Size"].as_str()),
        (Availability::OutOfStock, Some("M"))
    );
    assert_eq!(
        (batch.rows[2].product.parent_sku.as_deref(), batch.rows[2].product.status),
        (None, Status::Draft)
    );
    assert_eq!(warnings(&batch), [(3, "image_row_skipped")]);
}

#[test]
fn woocommerce_variations_name_their_parent() {
    let text = concat!(
        "ID,Type,SKU,Name,Published,In stock?,Stock,Weight (kg),Sale price,Regular price,Categories,Images,Parent,",
        "Attribute 1 name,Attribute 1 value(s)\n",
        "1,variable,V,Vase,1,1,,,,,\"Home > Vases, Sale\",\"https://x.test/1.jpg, https://x.test/2.jpg\",,Color,\"Red, Blue\"\n",
        "2,variation,V-R,Vase - Red,1,backorder,4,0.5,8,10,,,V,Color,Red\n",
        "3,simple,S,Soap,-1,0,,,12,10,,,id:1,,\n",
    );
    let batch = read(text);
    assert_eq!((preset(text), codes(&batch)), (Preset::WooCommerce, vec![(3, "sale_price_not_lower")]));
    let [parent, variant] = [&batch.rows[0].product, &batch.rows[1].product];
    assert_eq!((parent.category.join("/"), parent.image_links.len()), ("Home/Vases".to_owned(), 2));
    assert_eq!((variant.parent_sku.as_deref(), variant.weight_g), (Some("V"), Some(500)));
    assert_eq!((variant.sale_price_minor, variant.availability), (Some(800), Availability::Backorder));
}

#[test]
fn unknown_columns_become_attributes() {
    let text = "sku,title,price,Material,_note\nA,a,1,Oak,x\nB,b,1,,x\n";
    let batch = read(text);
    assert_eq!(batch.rows[0].product.attributes["Material"], "Oak");
    assert!(batch.rows[1].product.attributes.is_empty());
    let delivery = Delivery::open(&file(text).path, &ReadOptions::default()).unwrap();
    assert_eq!(
        (&delivery.summary().attributes[..], &delivery.summary().ignored[..]),
        (&["Material".to_owned()][..], &["_note".to_owned()][..])
    );
}
