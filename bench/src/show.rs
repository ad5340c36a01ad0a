//! From a benchmark's measurements to what is printed.

use crate::options::Options;
use serde_json::Value;

/// Measures on two threads, then prints the figures as the options want them.
pub fn measured<F>(
    options: &Options,
    measure: impl Future<Output = anyhow::Result<F>>,
    json: fn(&F) -> Value,
    text: fn(&F) -> String,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let figures = runtime.block_on(measure)?;
    println!("{}", if options.json { json(&figures).to_string() } else { text(&figures) });
    Ok(())
}
