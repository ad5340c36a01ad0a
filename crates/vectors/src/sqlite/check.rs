//! Integrity check.

use futures::TryStreamExt;

use super::SqliteVectors;
use super::row::{category_from_text, from_blob};
use crate::{Integrity, VectorError};

/// Most faults reported.
const MAX_FAULTS: usize = 100;
/// How far the length of a stored vector may be from one (or zero).
const LENGTH_TOLERANCE: f64 = 1e-3;

const POINTS: &str = "SELECT p.key, m.dimensions, p.category, p.seq, p.vector \
    FROM point p LEFT JOIN model m ON m.id = p.model_id";

type Row = (String, Option<i64>, String, i64, Vec<u8>);

impl SqliteVectors {
    pub(super) async fn check_file(&self) -> Result<Integrity, VectorError> {
        let mut report = Integrity::default();
        let lines: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(100)")
            .fetch_all(self.database.readers())
            .await
            .map_err(|e| self.failed(&e))?;
        report.faults.extend(lines.into_iter().filter(|line| line != "ok"));
        let last_seq: i64 = sqlx::query_scalar("SELECT last_seq FROM change")
            .fetch_one(self.database.readers())
            .await
            .map_err(|e| self.failed(&e))?;
        let mut rows = sqlx::query_as::<_, Row>(POINTS).fetch(self.database.readers());
        let mut newest = 0;
        while let Some(row) = rows.try_next().await.map_err(|e| self.failed(&e))? {
            report.points += 1;
            newest = newest.max(row.3);
            if let Some(fault) = fault_of(&row)
                && report.faults.len() < MAX_FAULTS
            {
                report.faults.push(format!("{}: {fault}", row.0));
            }
        }
        drop(rows);
        // Written meanwhile: a newer number is a fault only when the counter has not moved on.
        if newest > last_seq {
            let now: i64 = sqlx::query_scalar("SELECT last_seq FROM change")
                .fetch_one(self.database.readers())
                .await
                .map_err(|e| self.failed(&e))?;
            if newest > now {
                report.faults.push(format!("change {newest} is after the last one counted, {now}"));
            }
        }
        Ok(report)
    }
}

fn fault_of((_, dimensions, category, _, vector): &Row) -> Option<String> {
    let Some(dimensions) = dimensions else { return Some("its model is missing".into()) };
    if vector.len() as i64 != dimensions * 4 {
        return Some(format!("vector has {} bytes, not {}", vector.len(), dimensions * 4));
    }
    let length = from_blob(vector).map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    let sound = length == 0.0 || (length - 1.0).abs() < LENGTH_TOLERANCE;
    if !sound {
        return Some(format!("vector has length {length}, not 1"));
    }
    category_from_text(category).is_none().then(|| "category is not a list".into())
}
