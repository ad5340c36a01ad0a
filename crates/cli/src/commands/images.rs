//! `backstock images`: what is known of the pictures.

use crate::args::Images;
use crate::failure::Failure;
use crate::show::{self, Table};
use backstock_catalog::Catalog;
use backstock_config::Config;
use backstock_media::near_duplicates;
use serde_json::json;

/// Pictures read at a time.
const PAGE: u32 = 1000;

/// Runs the subcommand.
pub async fn run(command: &Images, config: &Config, as_json: bool) -> Result<(), Failure> {
    crate::app::require_data(config)?;
    let catalog = crate::app::catalog(config).await?;
    match command {
        Images::Duplicates { distance } => duplicates(&catalog, *distance, as_json).await,
    }
}

async fn duplicates(catalog: &Catalog, distance: u32, as_json: bool) -> Result<(), Failure> {
    let mut hashes = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = catalog.images_made(after.as_deref(), PAGE).await.map_err(Failure::data)?;
        let Some(last) = page.last() else { break };
        after = Some(last.link.clone());
        for image in page {
            let hash = image.manifest["perceptual_hash"].as_str();
            if let Some(hash) = hash.and_then(|hash| u64::from_str_radix(hash, 16).ok()) {
                hashes.push((image.link, hash));
            }
        }
    }
    let groups = near_duplicates(&hashes, distance);
    let mut shown = Vec::with_capacity(groups.len());
    for group in groups {
        let mut pictures = Vec::with_capacity(group.len());
        for link in group {
            let products = catalog.image_usage(&link).await.map_err(Failure::data)?;
            pictures.push((link, products));
        }
        shown.push(pictures);
    }
    if as_json {
        let groups: Vec<Vec<_>> = shown
            .iter()
            .map(|group| group.iter().map(|(link, skus)| json!({ "link": link, "products": skus })).collect())
            .collect();
        show::json(&json!({ "pictures": hashes.len(), "groups": groups }));
        return Ok(());
    }
    let mut table = Table::new(&[">GROUP", "PICTURE", "PRODUCTS"]);
    for (number, group) in shown.iter().enumerate() {
        for (link, products) in group {
            table.row([(number + 1).to_string(), link.clone(), some_of(products)]);
        }
    }
    if !table.is_empty() {
        show::line(table);
    }
    let (groups, pictures) = (show::count(shown.len() as u64), show::count(hashes.len() as u64));
    show::line(format!("{groups} groups of pictures that look alike, of {pictures} pictures"));
    Ok(())
}

/// The first few, and how many more.
fn some_of(products: &[String]) -> String {
    const SHOWN: usize = 3;
    let first = products.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match products.len().checked_sub(SHOWN) {
        None | Some(0) => first,
        Some(more) => format!("{first} and {more} more"),
    }
}
