//! `cache`: hit rate of a cache warmed from past sales over the sales of the following weeks, under each eviction policy;
//! reads of a warm entry in level 1 and in level 2 (a private Redis server); operations a second; what compression gains.
//!
//! `--popularity DIR` takes the sales from `products.csv` (one line a product) and `sales_by_week.csv.gz` (week,
//! product, order lines) in DIR; without it they are drawn from a made-up skew of the same shape. Documents are made up,
//! in the form in which the catalog renders them.

mod documents;
mod replay;
mod report;
mod skew;
mod speed;

use crate::{options::Options, show};
use report::Figures;
use std::sync::Arc;

/// Runs it and prints the figures. `--rows N` sets the number of made-up products.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let sales = match &options.popularity {
        Some(folder) => skew::read(folder)?,
        None => skew::draw(options.rows.unwrap_or(skew::PRODUCTS)),
    };
    let sales = Arc::new(sales);
    let measure = async {
        let replay = replay::measure(&sales).await?;
        let speed = speed::measure(Arc::clone(&sales), replay.budget_bytes).await?;
        let packing = documents::packing(&sales).await;
        anyhow::Ok(Figures { source: sales.source, packing, replay, speed })
    };
    show::measured(options, measure, Figures::json, Figures::text)
}
