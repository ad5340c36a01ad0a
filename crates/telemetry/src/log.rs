//! Log lines on standard error.

use std::io::{IsTerminal, stderr};
use tracing::Subscriber;
use tracing_subscriber::filter::{EnvFilter, ParseError};
use tracing_subscriber::fmt::MakeWriter;

/// Shape of log output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Several lines an event, for people.
    Pretty,
    /// One line an event.
    #[default]
    Plain,
    /// One JSON object a line, for machines; never coloured.
    Json,
}

/// Whether lines are coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ansi {
    /// When standard error is a terminal and `NO_COLOR` is not set.
    #[default]
    Auto,
    /// Yes.
    Always,
    /// No.
    Never,
}

/// What is logged, and how.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// Default plain.
    pub format: LogFormat,
    /// In the syntax of `RUST_LOG`. Default `warn,backstock=info,lapin=off`: our own crates from info, others
    /// from warn, and not the client of RabbitMQ, which tells at length what our errors say in a line.
    pub filter: String,
    /// Default auto.
    pub ansi: Ansi,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { format: LogFormat::Plain, filter: "warn,backstock=info,lapin=off".into(), ansi: Ansi::Auto }
    }
}

/// Why logging could not be set up. Permanent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The filter cannot be read.
    #[error("log filter \"{filter}\" cannot be read: {source}; example: \"warn,backstock=info\"")]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong.
        source: ParseError,
    },
    /// This process logs already.
    #[error("logging is set up already; call init once, at the start")]
    Twice,
}

/// Sends the log of this process to standard error. To be called once, by the binary.
///
/// # Errors
/// The filter cannot be read, or it is the second call; then nothing was changed.
pub fn init(options: &LogOptions) -> Result<(), LogError> {
    let ansi = match options.ansi {
        Ansi::Auto => {
            stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
        Ansi::Always => true,
        Ansi::Never => false,
    };
    let subscriber = subscriber(options, ansi, stderr)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::Twice)
}

fn subscriber<W>(
    options: &LogOptions,
    ansi: bool,
    to: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, LogError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder()
        .parse(&options.filter)
        .map_err(|source| LogError::Filter { filter: options.filter.clone(), source })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(to).with_ansi(ansi);
    Ok(match options.format {
        LogFormat::Pretty => Box::new(lines.pretty().finish()),
        LogFormat::Plain => Box::new(lines.finish()),
        LogFormat::Json => Box::new(lines.json().flatten_event(true).with_ansi(false).finish()),
    })
}

#[cfg(test)]
mod tests {
    use super::{LogFormat, LogOptions, subscriber};
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, filter: &str) -> String {
        let lines = Lines::default();
        let to = lines.clone();
        let options = LogOptions { format, filter: filter.into(), ..LogOptions::default() };
        let subscriber = subscriber(&options, false, move || to.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "backstock_worker", jobs = 3, "settled");
            tracing::info!(target: "sqlx", "query");
            tracing::error!(target: "lapin::io_loop", "error doing IO");
            tracing::debug!(target: "backstock_worker", "detail");
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_filter_chooses_lines_by_crate_and_level() {
        let text = logged(LogFormat::Plain, &LogOptions::default().filter);
        assert!(text.contains("backstock_worker: settled jobs=3"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert_eq!(logged(LogFormat::Plain, "debug").lines().count(), 4);
    }

    #[test]
    fn json_is_one_object_a_line_with_the_fields_at_the_top() {
        let text = logged(LogFormat::Json, "backstock=info");
        assert!(text.starts_with('{') && text.ends_with("}\n") && text.lines().count() == 1, "{text}");
        assert!(text.contains("\"jobs\":3") && text.contains("\"message\":\"settled\""), "{text}");
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_refused_with_an_example() {
        let options = LogOptions { filter: "backstock=loud".into(), ..LogOptions::default() };
        let Err(error) = subscriber(&options, false, io::sink) else { panic!("accepted") };
        assert!(
            error.to_string().contains("\"backstock=loud\"") && error.to_string().contains("example"),
            "{error}"
        );
    }
}
