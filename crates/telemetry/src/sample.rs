//! Reads the Prometheus text format as [`crate::Metrics::render`] writes it. Pure.

use std::collections::BTreeMap;

/// One value of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Of the metric; with `_bucket`, `_sum` or `_count` for parts of a histogram.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

/// A line that is not a sample: written by something else, or cut off. Does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not a sample of the Prometheus text format")]
pub struct SampleError {
    /// From 1.
    pub line: usize,
}

impl Sample {
    /// All samples of a text, in its order; comments and empty lines are passed over.
    ///
    /// # Errors
    /// The first line that is not a sample.
    pub fn parse(text: &str) -> Result<Vec<Self>, SampleError> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        lines.map(|(index, line)| sample(line).ok_or(SampleError { line: index + 1 })).collect()
    }

    /// The value of a label; empty where it is missing.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    let value = rest.strip_prefix(' ')?.parse().ok()?;
    (!name.is_empty()).then(|| Sample { name: name.to_owned(), labels, value })
}

/// The labels up to the closing brace, and what follows it.
fn labels(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        let (name, behind) = rest.split_once("=\"")?;
        let (value, behind) = quoted(behind)?;
        labels.insert(name.to_owned(), value);
        match behind.strip_prefix(',') {
            Some(behind) => rest = behind,
            None => return Some((labels, behind.strip_prefix('}')?)),
        }
    }
}

/// The text up to the closing quote, without its escapes, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                escaped => value.push(escaped),
            },
            plain => value.push(plain),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Sample, SampleError};
    use crate::Metrics;
    use crate::catalogue::{CLAIMED, LATENESS, PICKUP, WORKERS};
    use std::time::Duration;

    #[test]
    fn what_is_rendered_is_read_again() {
        let metrics = Metrics::labelled(&[("worker", "w 1")]);
        for queue in ["plain", "", "a\"b\\c\nd", "ends in \\", "}, {x=\"1\"} 5", "grün"] {
            metrics.counter(&CLAIMED, &[queue]).add(3);
            metrics.gauge(&LATENESS, &[queue]).set(0.5);
        }
        metrics.gauge(&WORKERS, &[]).set(2.0);
        metrics.histogram(&PICKUP, &["q"]).record(Duration::from_millis(7));
        let samples = Sample::parse(&metrics.render()).unwrap();
        assert!(samples.iter().all(|sample| sample.label("worker") == "w 1"));
        let value = |name: &str, queue: &str| {
            let found = samples.iter().find(|sample| sample.name == name && sample.label("queue") == queue);
            found.map(|sample| sample.value)
        };
        for queue in ["plain", "", "a\"b\\c\nd", "ends in \\", "}, {x=\"1\"} 5", "grün"] {
            assert_eq!(value("backstock_jobs_claimed_total", queue), Some(3.0), "{queue}");
            assert_eq!(value("backstock_queue_lateness_seconds", queue), Some(0.5), "{queue}");
        }
        assert_eq!(value("backstock_workers", ""), Some(2.0));
        assert_eq!(value("backstock_job_pickup_seconds_count", "q"), Some(1.0));
    }

    #[test]
    fn a_line_that_is_no_sample_is_named() {
        for bad in
            ["x", "x ", "x y", "{a=\"b\"} 1", "x{a=\"b} 1", "x{a=b} 1", "x{a=\"b\"}1", "x{a=\"b\" 1", " 1"]
        {
            let text = format!("# HELP x\n\n{bad}\nx 1\n");
            assert_eq!(Sample::parse(&text), Err(SampleError { line: 3 }), "{bad}");
        }
    }
}
