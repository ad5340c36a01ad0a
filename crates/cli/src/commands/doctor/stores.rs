//! The catalog, the vectors and the cache.

use super::Report;
use crate::app;
use crate::failure::Failure;
use crate::show::{self, Table};
use backstock_config::Config;
use serde_json::json;

/// Whether the catalog can be read, in the form this program writes.
pub async fn catalog(config: &Config) -> Result<Report, Failure> {
    let catalog = app::catalog(config).await?;
    let answered = catalog.ping().await.map_err(Failure::data)?.as_secs_f64() * 1000.0;
    let products = catalog.count().await.map_err(Failure::data)?;
    let waiting: u64 =
        catalog.dirty_counts().await.map_err(Failure::data)?.into_iter().map(|(_, keys)| keys).sum();
    let place = catalog.place();
    let told = format!(
        "{place}, {} products: answers in {answered:.1} ms; {} changes wait to be followed up",
        show::count(products),
        show::count(waiting)
    );
    let details =
        json!({ "place": place, "answered_in_ms": answered, "products": products, "waiting": waiting });
    Ok(Report::sound(told, details))
}

/// Every vector: whether it can be read, and is of the right size, finite and of length one.
pub async fn vectors(config: &Config) -> Result<Report, Failure> {
    let seen = app::vectors(config).await?.check().await.map_err(Failure::data)?;
    let place = &config.vectors.url;
    let told = format!("{place}, {} points: every one read", show::count(seen.points));
    let details = json!({ "place": place, "points": seen.points, "faults": seen.faults });
    if seen.faults.is_empty() {
        return Ok(Report::sound(told, details));
    }
    let mut table = Table::new(&["FLAW"]);
    for fault in seen.faults {
        table.row([fault]);
    }
    Ok(Report { sound: false, told, table: Some(table), details })
}

/// Whether the level that processes share can be used. Without it nothing fails, but everything is slower.
pub async fn cache(config: &Config) -> Result<Report, Failure> {
    let own = format!("{} MiB in each process", show::count(config.cache.max_mib));
    let details = |shared: Option<&str>| json!({ "shared": shared });
    let Some(shared) = app::shared_cache(config).await? else {
        return Ok(Report::sound(format!("{own}, none that they share"), details(None)));
    };
    let place = shared.location();
    if shared.is_up() {
        return Ok(Report::sound(format!("{own}, above {place}, which answers"), details(Some(place))));
    }
    Ok(Report { details: details(Some(place)), ..Report::flawed(format!("{own}; {place} cannot be used")) })
}
