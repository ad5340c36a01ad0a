//! Which products are asked for most.

use crate::ConfigError;
use crate::tree::within;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Which products are asked for most: what the cache is warmed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Popularity {
    /// 1 to 3650.
    pub half_life_days: u64,
    /// Counted by the job `count_popularity` whenever its content is new; empty: none.
    pub file: PathBuf,
    /// Whether the file holds all there ever was.
    pub file_replaces: bool,
    /// Counted row by row by the job `count_popularity`, on PostgreSQL; empty: none.
    pub table: String,
    /// With the SKU.
    pub sku_column: String,
    /// With the number of requests; empty: each row is one.
    pub count_column: String,
    /// With the time.
    pub time_column: String,
    /// 0 to 86,400.
    pub settle_seconds: u64,
}

impl Popularity {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        within("popularity.half_life_days", self.half_life_days, 1, 3650)?;
        within("popularity.settle_seconds", self.settle_seconds, 0, 86_400)?;
        for (key, column) in [("sku_column", &self.sku_column), ("time_column", &self.time_column)] {
            if !self.table.is_empty() && column.is_empty() {
                let message = "the table needs this column; name it".to_owned();
                return Err(ConfigError::Value { key: format!("popularity.{key}"), message });
            }
        }
        Ok(())
    }
}
