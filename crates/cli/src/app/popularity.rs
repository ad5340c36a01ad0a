//! Where requests are counted from.

use super::{catalog_is_remote, import_settings};
use crate::failure::Failure;
use backstock_catalog::TableRequests;
use backstock_config::Config;
use backstock_jobs::count_popularity::CountSettings;
use std::time::Duration;

/// What the configuration says.
pub fn settings(config: &Config) -> CountSettings {
    let popularity = &config.popularity;
    let half_life = Duration::from_hours(24 * popularity.half_life_days);
    let table = (!popularity.table.is_empty()).then(|| TableRequests {
        table: popularity.table.clone(),
        sku_column: popularity.sku_column.clone(),
        count_column: (!popularity.count_column.is_empty()).then(|| popularity.count_column.clone()),
        time_column: popularity.time_column.clone(),
        settle: Duration::from_secs(popularity.settle_seconds),
        half_life,
    });
    CountSettings {
        half_life,
        file: (!popularity.file.as_os_str().is_empty()).then(|| popularity.file.clone()),
        replaces: popularity.file_replaces,
        limits: import_settings(config).read.limits,
        table,
    }
}

/// Refuses a table that cannot be there.
pub fn check(config: &Config) -> Result<(), Failure> {
    if !config.popularity.table.is_empty() && !catalog_is_remote(config)? {
        return Err(Failure::usage(
            "`popularity.table` is a table of the catalog's PostgreSQL database, but the catalog is a SQLite file; use `popularity.file`",
        ));
    }
    Ok(())
}
