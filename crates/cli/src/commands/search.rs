//! `backstock search`: products by meaning.

use crate::app::App;
use crate::args::Search;
use crate::failure::Failure;
use crate::show::{self, Table};
use backstock_catalog::{Product, decimals};
use backstock_config::Config;
use backstock_search::{Found, Query};
use backstock_vectors::Filter;

/// Runs the command.
pub async fn run(args: &Search, config: Config, json: bool) -> Result<(), Failure> {
    crate::app::require_data(&config)?;
    if args.words {
        return by_words(args, &config, json).await;
    }
    let currency = config.import.default_currency.clone();
    let app = App::open(config).await?;
    let query = query(args, &currency)?;
    let found = app.searcher().search(&query).await.map_err(Failure::failed)?;
    if json {
        show::json(&found);
        return Ok(());
    }
    if found.is_empty() {
        let stored =
            app.tools.vectors.count(&app.tools.embedder.model().to_string()).await.map_err(Failure::data)?;
        show::line(if stored == 0 {
            "nothing found: no product has a vector of this model yet (`backstock import FILE` makes them, after a change of model `backstock up`)"
        } else {
            "nothing found; a wider --category or a higher --max-price may help"
        });
        return Ok(());
    }
    show::line(table(&found));
    Ok(())
}

/// Needs neither model nor vectors.
async fn by_words(args: &Search, config: &Config, json: bool) -> Result<(), Failure> {
    let catalog = crate::app::catalog(config).await?;
    let found = catalog.find(&args.text, args.limit.into()).await.map_err(Failure::data)?;
    if json {
        show::json(&found);
    } else if found.is_empty() {
        show::line("no product has all of these words; without --words the search is by meaning");
    } else {
        let mut table = Table::new(&["SKU", ">PRICE", "TITLE", "CATEGORY"]);
        for doc in &found {
            table.row(cells(&doc.product));
        }
        show::line(table);
    }
    Ok(())
}

/// SKU, price, title and category of a result.
fn cells(product: &Product) -> [String; 4] {
    let price = product.price.as_ref();
    [
        product.sku.clone(),
        price.map_or_else(String::new, |price| {
            show::money(price.minor, &price.currency, decimals(&price.currency))
        }),
        product.title.chars().take(60).collect(),
        product.category.join(" > "),
    ]
}

fn query(args: &Search, currency: &str) -> Result<Query, Failure> {
    let category = args.category.as_deref().unwrap_or_default();
    let category =
        category.split('>').map(str::trim).filter(|level| !level.is_empty()).map(str::to_owned).collect();
    let max_price_minor = args
        .max_price
        .map(|price| {
            let minor = price * 10_f64.powi(decimals(currency) as i32);
            if minor.is_finite() && (0.0..9e15).contains(&minor) {
                Ok(minor.round() as i64)
            } else {
                Err(Failure::usage(format!("--max-price {price}: must be a price such as 49.90")))
            }
        })
        .transpose()?;
    let filter = Filter { category, max_price_minor, ..Filter::default() };
    Ok(Query { text: args.text.clone(), limit: usize::from(args.limit), filter })
}

/// Results, best first.
pub fn table(found: &[Found]) -> Table {
    let mut table = Table::new(&[">SCORE", "SKU", ">PRICE", "TITLE", "CATEGORY"]);
    for Found { score, product } in found {
        table.row(std::iter::once(format!("{score:.3}")).chain(cells(&product.product)));
    }
    table
}
