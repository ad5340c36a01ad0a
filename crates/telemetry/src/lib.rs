//! Log output and the metric catalogue.
//!
//! * [`init`] sends log lines to standard error: [`LogOptions`] say in which shape, and which.
//! * [`catalogue`] names every metric of the product once: name, unit, help, labels.
//! * [`Metrics`] holds their values and renders them as Prometheus text. Who measures gets a [`Counter`], [`Gauge`] or
//!   [`Histogram`]: a few atomics, safe to clone, no lock.
//! * [`MetricsFolder`] keeps one such text a process, as files; [`Sample::parse`] reads them again.

pub mod catalogue;
mod log;
mod metrics;
mod render;
mod sample;
mod textfile;
mod value;

pub use log::{Ansi, LogError, LogFormat, LogOptions, init};
pub use metrics::Metrics;
pub use sample::{Sample, SampleError};
pub use textfile::{MetricsFile, MetricsFolder, MetricsFolderError};
pub use value::{Counter, Gauge, Histogram};
