//! The Prometheus text format. Pure.

use crate::catalogue::{BUCKETS_MS, Family, Unit};
use crate::metrics::Tables;
use crate::value::Histogram;
use std::collections::BTreeMap;
use std::fmt::Write;

type Common = [(&'static str, String)];

pub(crate) fn render(tables: &Tables, common: &Common) -> String {
    // Writing to a string does not fail, so results are dropped here.
    let mut metrics = BTreeMap::new();
    for (name, (family, series)) in &tables.counters {
        let mut text = heading(family, "counter");
        for (values, counter) in series {
            let shown = match family.unit {
                Unit::Count | Unit::Bytes | Unit::Ratio => counter.get().to_string(),
                Unit::Seconds => seconds(counter.get()),
            };
            let _ = writeln!(text, "{name}{} {shown}", labels(family, values, common, None));
        }
        metrics.insert(name, text);
    }
    for (name, (family, series)) in &tables.gauges {
        let mut text = heading(family, "gauge");
        for (values, gauge) in series {
            let _ = writeln!(text, "{name}{} {}", labels(family, values, common, None), gauge.get());
        }
        metrics.insert(name, text);
    }
    for (name, (family, series)) in &tables.histograms {
        let mut text = heading(family, "histogram");
        for (values, histogram) in series {
            buckets(&mut text, family, histogram, |bound| labels(family, values, common, bound));
        }
        metrics.insert(name, text);
    }
    metrics.into_values().collect()
}

fn heading(family: &Family, kind: &str) -> String {
    let Family { name, help, .. } = family;
    format!("# HELP {name} {help}\n# TYPE {name} {kind}\n")
}

fn buckets(
    text: &mut String,
    family: &Family,
    histogram: &Histogram,
    labels: impl Fn(Option<&str>) -> String,
) {
    let (counts, sum_ms) = histogram.get();
    let bounds = BUCKETS_MS.iter().map(|bound| seconds(*bound)).chain(["+Inf".to_owned()]);
    let mut total = 0;
    for (bound, count) in bounds.zip(counts) {
        total += count;
        let _ = writeln!(text, "{}_bucket{} {total}", family.name, labels(Some(&bound)));
    }
    let _ = writeln!(text, "{}_sum{} {}", family.name, labels(None), seconds(sum_ms));
    let _ = writeln!(text, "{}_count{} {total}", family.name, labels(None));
}

fn seconds(millis: u64) -> String {
    (millis as f64 / 1000.0).to_string()
}

fn labels(family: &Family, values: &[String], common: &Common, bound: Option<&str>) -> String {
    let own = family.labels.iter().copied().zip(values.iter().map(String::as_str));
    let common = common.iter().map(|(name, value)| (*name, value.as_str()));
    let all = own.chain(common).chain(bound.map(|bound| ("le", bound)));
    let shown: Vec<String> = all.map(|(name, value)| label(name, value)).collect();
    if shown.is_empty() { String::new() } else { format!("{{{}}}", shown.join(",")) }
}

fn label(name: &str, value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{name}=\"{escaped}\"")
}
