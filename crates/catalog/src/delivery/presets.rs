//! Whose column names mean what. To add an alias, add a line; to add a vendor, add a table and list it in `Preset`.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::field::Field::{
    self, AdditionalAttributes, AdditionalImageLinks, Attributes, Availability, Brand, Category, Currency,
    Description, Gtin, Handle, ImageLink, Option1Name, Option1Value, Option2Name, Option2Value, Option3Name,
    Option3Value, ParentSku, Price, ProductKind, Published, SalePrice, ShortDescription, Sku, Status, Stock,
    Title, UpdatedAt, Variations, Weight, WeightG, WeightKg,
};
use super::header::normalise;

/// Whose column names a delivery uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// The catalog's own names.
    #[default]
    Canonical,
    /// Google Merchant feeds.
    GoogleMerchant,
    /// Shopify product export.
    Shopify,
    /// `WooCommerce` product export.
    WooCommerce,
    /// Magento / Adobe Commerce product export.
    Magento,
}

/// What a delivered column is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Fills a field.
    Field(Field),
    /// Kept under its own name.
    Attribute,
    /// Read by nobody.
    Ignore,
}

type Table = &'static [(&'static str, Field)];

/// Names understood in any file, where the preset says nothing else.
#[rustfmt::skip]
const ANY: Table = &[
    ("id", Sku), ("handle sku", Sku), ("product sku", Sku), ("item number", Sku), ("article number", Sku),
    ("artikelnummer", Sku), ("product id", Sku), ("variant sku", Sku), ("mpn sku", Sku),
    ("ean", Gtin), ("ean13", Gtin), ("upc", Gtin), ("barcode", Gtin), ("gtin13", Gtin), ("gtin14", Gtin),
    ("item group id", ParentSku), ("parent", ParentSku), ("parent id", ParentSku), ("group id", ParentSku),
    ("name", Title), ("product name", Title), ("product title", Title), ("bezeichnung", Title), ("titel", Title),
    ("body", Description), ("body html", Description), ("long description", Description),
    ("beschreibung", Description), ("vendor", Brand), ("manufacturer", Brand), ("marke", Brand),
    ("hersteller", Brand), ("brands", Brand), ("product category", Category), ("category path", Category),
    ("kategorie", Category), ("categories", Category), ("price currency", Currency), ("currency code", Currency),
    ("währung", Currency), ("variant price", Price), ("regular price", Price), ("list price", Price),
    ("unit price", Price), ("preis", Price), ("special price", SalePrice), ("discount price", SalePrice),
    ("qty", Stock), ("quantity", Stock), ("inventory", Stock), ("stock quantity", Stock), ("bestand", Stock),
    ("lagerbestand", Stock), ("inventory quantity", Stock), ("in stock", Availability),
    ("stock status", Availability), ("image", ImageLink), ("image url", ImageLink), ("image src", ImageLink),
    ("main image", ImageLink), ("bild", ImageLink), ("picture", ImageLink), ("image links", AdditionalImageLinks),
    ("images", AdditionalImageLinks), ("additional images", AdditionalImageLinks),
    ("additional image links", AdditionalImageLinks), ("weight grams", WeightG), ("grams", WeightG),
    ("gewicht", Weight), ("last modified", UpdatedAt), ("modified at", UpdatedAt), ("last updated", UpdatedAt),
];

#[rustfmt::skip]
const CANONICAL: Table = &[
    ("sku", Sku), ("gtin", Gtin), ("parent_sku", ParentSku), ("title", Title), ("description", Description),
    ("short_description", ShortDescription), ("brand", Brand), ("category", Category), ("currency", Currency),
    ("price", Price), ("sale_price", SalePrice), ("availability", Availability), ("stock", Stock),
    ("weight_g", WeightG), ("weight_kg", WeightKg), ("weight", Weight), ("image_link", ImageLink),
    ("additional_image_link", AdditionalImageLinks), ("attributes", Attributes),
    ("additional_attributes", AdditionalAttributes), ("status", Status), ("published", Published),
    ("updated_at", UpdatedAt), ("product_kind", ProductKind), ("variations", Variations), ("handle", Handle),
    ("option1_name", Option1Name), ("option1_value", Option1Value), ("option2_name", Option2Name),
    ("option2_value", Option2Value), ("option3_name", Option3Name), ("option3_value", Option3Value),
];

#[rustfmt::skip]
const GOOGLE: Table = &[
    ("id", Sku), ("title", Title), ("description", Description), ("image link", ImageLink),
    ("additional image link", AdditionalImageLinks), ("availability", Availability), ("price", Price),
    ("sale price", SalePrice), ("brand", Brand), ("gtin", Gtin), ("item group id", ParentSku),
    ("product type", Category), ("shipping weight", Weight), ("quantity", Stock),
    ("sell on google quantity", Stock),
];

#[rustfmt::skip]
const SHOPIFY: Table = &[
    ("Handle", Handle), ("Title", Title), ("Body (HTML)", Description), ("Vendor", Brand), ("Type", Category),
    ("Published", Published), ("Status", Status), ("Option1 Name", Option1Name), ("Option1 Value", Option1Value),
    ("Option2 Name", Option2Name), ("Option2 Value", Option2Value), ("Option3 Name", Option3Name),
    ("Option3 Value", Option3Value), ("Variant SKU", Sku), ("Variant Grams", WeightG),
    ("Variant Inventory Qty", Stock), ("Variant Price", Price), ("Variant Barcode", Gtin), ("Image Src", ImageLink),
];

#[rustfmt::skip]
const WOOCOMMERCE: Table = &[
    ("Type", ProductKind), ("SKU", Sku), ("GTIN, UPC, EAN, or ISBN", Gtin), ("Name", Title),
    ("Published", Published), ("Short description", ShortDescription), ("Description", Description),
    ("In stock?", Availability), ("Stock", Stock), ("Weight (kg)", WeightKg), ("Weight (g)", WeightG),
    ("Sale price", SalePrice), ("Regular price", Price), ("Categories", Category), ("Images", AdditionalImageLinks),
    ("Parent", ParentSku), ("Brands", Brand), ("Attribute 1 name", Option1Name),
    ("Attribute 1 value(s)", Option1Value), ("Attribute 2 name", Option2Name),
    ("Attribute 2 value(s)", Option2Value), ("Attribute 3 name", Option3Name),
    ("Attribute 3 value(s)", Option3Value), ("Date modified", UpdatedAt),
];

#[rustfmt::skip]
const MAGENTO: Table = &[
    ("sku", Sku), ("product_type", ProductKind), ("categories", Category), ("name", Title),
    ("description", Description), ("short_description", ShortDescription), ("weight", Weight),
    ("product_online", Published), ("price", Price), ("special_price", SalePrice), ("base_image", ImageLink),
    ("additional_images", AdditionalImageLinks), ("updated_at", UpdatedAt), ("manufacturer", Brand),
    ("additional_attributes", AdditionalAttributes), ("qty", Stock), ("is_in_stock", Availability),
    ("configurable_variations", Variations),
];

/// Columns of an export that steer the shop itself and say nothing about the product.
#[rustfmt::skip]
const SHOPIFY_IGNORED: &[&str] = &[
    "Image Position", "Variant Inventory Tracker", "Variant Inventory Policy", "Variant Fulfillment Service",
    "Variant Requires Shipping", "Variant Taxable", "Gift Card", "SEO Title", "SEO Description", "Variant Image",
    "Variant Compare At Price", "Variant Tax Code", "Cost per item", "Variant Weight Unit", "Image Alt Text",
];
#[rustfmt::skip]
const WOOCOMMERCE_IGNORED: &[&str] = &[
    "ID", "Is featured?", "Visibility in catalog", "Tax status", "Tax class", "Low stock amount",
    "Backorders allowed?", "Sold individually?", "Allow customer reviews?", "Purchase note", "Shipping class",
    "Download limit", "Download expiry days", "Grouped products", "Upsells", "Cross-sells", "External URL",
    "Button text", "Position", "Attribute 1 visible", "Attribute 1 global", "Attribute 2 visible",
    "Attribute 2 global", "Attribute 3 visible", "Attribute 3 global", "Date sale price starts",
    "Date sale price ends",
];
#[rustfmt::skip]
const MAGENTO_IGNORED: &[&str] = &[
    "store_view_code", "product_websites", "tax_class_name", "visibility", "small_image", "small_image_label",
    "thumbnail_image", "thumbnail_image_label", "base_image_label", "swatch_image", "swatch_image_label",
    "additional_image_labels", "new_from_date", "new_to_date", "special_price_from_date", "special_price_to_date",
    "display_product_options_in", "map_price", "msrp_price", "map_enabled", "gift_message_available",
    "custom_design", "custom_design_from", "custom_design_to", "custom_layout_update", "page_layout",
    "product_options_container", "msrp_display_actual_price_type", "out_of_stock_qty", "use_config_min_qty",
    "is_qty_decimal", "allow_backorders", "use_config_backorders", "min_cart_qty", "use_config_min_sale_qty",
    "max_cart_qty", "use_config_max_sale_qty", "notify_on_stock_below", "use_config_notify_stock_qty",
    "manage_stock", "use_config_manage_stock", "use_config_qty_increments", "qty_increments",
    "use_config_enable_qty_inc", "enable_qty_increments", "is_decimal_divided", "website_id", "meta_title",
    "meta_keywords", "meta_description", "configurable_variation_prices", "configurable_variation_labels",
    "related_skus", "crosssell_skus", "upsell_skus", "related_position", "crosssell_position", "upsell_position",
    "hide_from_product_page", "custom_options", "bundle_price_type", "bundle_sku_type", "bundle_price_view",
    "bundle_weight_type", "bundle_values", "associated_skus", "deferred_stock_update",
    "use_config_deferred_stock_update", "created_at",
];

impl Preset {
    /// Every preset; earlier ones win a tie.
    pub const ALL: &[Self] =
        &[Self::Canonical, Self::GoogleMerchant, Self::Shopify, Self::WooCommerce, Self::Magento];

    fn tables(self) -> (Table, &'static [&'static str]) {
        match self {
            Self::Canonical => (CANONICAL, &[]),
            Self::GoogleMerchant => (GOOGLE, &[]),
            Self::Shopify => (SHOPIFY, SHOPIFY_IGNORED),
            Self::WooCommerce => (WOOCOMMERCE, WOOCOMMERCE_IGNORED),
            Self::Magento => (MAGENTO, MAGENTO_IGNORED),
        }
    }

    /// What the preset itself says about a normalised column name.
    pub(crate) fn target(self, normalised: &str) -> Option<Target> {
        static TABLES: LazyLock<HashMap<Preset, HashMap<String, Target>>> = LazyLock::new(|| {
            let table = |preset: &Preset| {
                let (fields, ignored) = preset.tables();
                let fields = fields.iter().map(|(name, field)| (normalise(name), Target::Field(*field)));
                let ignored = ignored.iter().map(|name| (normalise(name), Target::Ignore));
                (*preset, ignored.chain(fields).collect())
            };
            Preset::ALL.iter().map(table).collect()
        });
        TABLES.get(&self)?.get(normalised).copied()
    }

    /// What a normalised column name means anywhere: the catalog's own names, then common synonyms.
    pub(crate) fn target_anywhere(normalised: &str) -> Option<Target> {
        static SYNONYMS: LazyLock<HashMap<String, Target>> = LazyLock::new(|| {
            ANY.iter().map(|(name, field)| (normalise(name), Target::Field(*field))).collect()
        });
        Self::Canonical.target(normalised).or_else(|| SYNONYMS.get(normalised).copied())
    }
}
