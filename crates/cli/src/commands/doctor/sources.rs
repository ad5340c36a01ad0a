//! Where pictures that are named by a URL come from.

use super::Report;
use crate::app;
use crate::failure::Failure;
use crate::show::Table;
use backstock_config::Config;
use backstock_media::FetchError;
use serde_json::json;

/// Asks every bucket for an object that is not there. Web servers are not asked: they are named by deliveries.
pub async fn check(config: &Config) -> Result<Report, Failure> {
    let remote = app::remote_images(config)?;
    let probed =
        tokio::task::spawn_blocking(move || remote.probe_buckets()).await.map_err(Failure::failed)?;
    let web = if config.media.fetch.enabled {
        "http and https on"
    } else {
        "http and https off (`media.fetch.enabled`)"
    };
    let told = match probed.len() {
        0 => format!("{web}, no bucket (`media.s3.buckets`)"),
        number => format!("{web}, {number} buckets asked"),
    };
    let mut table = Table::new(&["BUCKET", "WHAT"]);
    let mut sound = true;
    let mut buckets = Vec::new();
    for (bucket, outcome) in probed {
        let (reads, what) = match &outcome {
            Ok(()) => (true, "can be read".to_owned()),
            // Keys that may read, but not list, are answered so, too.
            Err(FetchError::Refused { status: 403 }) => {
                (true, "answers 403 for what is not there: may not be listed, or not be read".to_owned())
            }
            Err(error) => (false, error.to_string()),
        };
        buckets.push(json!({ "bucket": bucket, "sound": reads, "told": what }));
        table.row([bucket, what]);
        sound &= reads;
    }
    let details = json!({ "http": config.media.fetch.enabled, "buckets": buckets });
    let table = (!buckets.is_empty()).then_some(table);
    Ok(Report { sound, told, table, details })
}
