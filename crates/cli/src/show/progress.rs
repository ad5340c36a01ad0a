//! How far an import is: bars on a terminal, lines in a log.

use super::{count, note};
use crate::app::delivery::Groups;
use crate::failure::Failure;
use backstock_jobs::Tools;
use backstock_jobs::embed_products::{EMBEDDINGS, EmbedProduct};
use backstock_jobs::import_products::ImportProducts;
use backstock_jobs::make_thumbnails::{IMAGES, MakeThumbnails};
use backstock_queue::{Job, JobState, QueueStatus};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How often a log gets a line.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// Watches one import.
pub struct Progress {
    tools: Tools,
    import: String,
    groups: Groups,
    /// About how many there are; zero when that is not known.
    rows: u64,
    view: View,
}

/// Done and, as far as known, all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stage {
    done: u64,
    total: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Snapshot {
    rows: Stage,
    images: Stage,
    texts: Stage,
}

impl Progress {
    /// Begins to show the progress of `job`.
    pub fn new(tools: &Tools, job: &ImportProducts, groups: Groups) -> Self {
        let rows = estimated_rows(job);
        let view = if std::io::stderr().is_terminal() { View::bars() } else { View::lines() };
        Self { tools: tools.clone(), import: job.import.to_string(), groups, rows, view }
    }

    /// Looks how far the import is and shows it.
    pub async fn update(&mut self) -> Result<(), Failure> {
        let snapshot = self.look().await?;
        self.view.show(&snapshot);
        Ok(())
    }

    /// Takes the bars away.
    pub fn finish(self) {
        self.view.finish();
    }

    async fn look(&self) -> Result<Snapshot, Failure> {
        let ledger = self.tools.catalog.import_report(&self.import).await;
        let rows = ledger.map_or(0, |report| report.counters.rows);
        let group = self.tools.store.group(self.groups.work).await.map_err(Failure::data)?;
        let counter = |name: &str| {
            let value = group.as_ref().and_then(|group| group.counters.get(name)).copied().unwrap_or(0);
            u64::try_from(value).unwrap_or(0)
        };
        let queues = self.tools.store.queues().await.map_err(Failure::data)?;
        let stage = |done: u64, queue: &str| Stage { done, total: done + waiting(&queues, queue) };
        Ok(Snapshot {
            // The first count comes with the first batch: until then the file is being read.
            rows: Stage { done: rows, total: if rows > 0 { self.rows } else { 0 } },
            images: stage(counter(IMAGES), MakeThumbnails::QUEUE),
            texts: stage(counter(EMBEDDINGS), EmbedProduct::QUEUE),
        })
    }
}

fn waiting(queues: &[QueueStatus], name: &str) -> u64 {
    let states = [JobState::Scheduled, JobState::Available, JobState::Running, JobState::Retryable];
    let queue = queues.iter().find(|queue| queue.name == name);
    queue.map_or(0, |queue| states.iter().filter_map(|state| queue.counts.get(state)).sum())
}

/// About how many records a plain text file has: its lines. Zero when that cannot be told cheaply.
fn estimated_rows(job: &ImportProducts) -> u64 {
    const SAMPLE: usize = 1 << 20;
    // Opening anything else, a named pipe for one, may wait for ever.
    let Some(info) = std::fs::metadata(&job.file).ok().filter(std::fs::Metadata::is_file) else { return 0 };
    let Ok(mut file) = std::fs::File::open(&job.file) else { return 0 };
    let size = info.len();
    let mut sample = Vec::new();
    let read = std::io::Read::read_to_end(&mut std::io::Read::take(&mut file, SAMPLE as u64), &mut sample);
    if read.is_err() || sample.contains(&0) || std::str::from_utf8(&sample[..sample.len().min(64)]).is_err() {
        return 0;
    }
    let lines = sample.split(|byte| *byte == b'\n').count() as u64 - 1;
    if sample.is_empty() { 0 } else { (lines * size / sample.len() as u64).saturating_sub(1) }
}

enum View {
    Bars(Box<Bars>),
    Lines { last: Option<Instant>, shown: Snapshot, started: Instant },
}

struct Bars {
    all: MultiProgress,
    rows: Bar,
    images: Bar,
    texts: Bar,
}

/// One line on the terminal, in the shape that fits what is known.
struct Bar {
    bar: ProgressBar,
    shape: Option<Shape>,
}

/// What is known of a stage, and so what can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Nothing yet, and nothing happens.
    Idle,
    /// Nothing yet, but the file is being read.
    Waiting,
    /// How much is done, not of how much.
    Counting,
    /// Both.
    Measuring,
}

impl Shape {
    /// That of a stage that has begun. `known`: whether its total is one, not just what is done.
    const fn of(done: u64, total: u64, known: bool) -> Option<Self> {
        match (done, total) {
            (0, 0) => None,
            _ if known => Some(Self::Measuring),
            _ => Some(Self::Counting),
        }
    }

    const fn template(self) -> &'static str {
        match self {
            Self::Idle => "{prefix:<11}",
            Self::Waiting => "{prefix:<11} {spinner:.cyan} reading…",
            Self::Counting => "{prefix:<11} {spinner:.cyan} {human_pos:>9} {rate:>12}",
            Self::Measuring => {
                "{prefix:<11} {bar:32.cyan/dim} {human_pos:>9} / {human_len:<9} {rate:>12}  {eta}"
            }
        }
    }
}

impl Bar {
    fn new(all: &MultiProgress, name: &'static str, shape: Shape) -> Self {
        let mut bar = Self { bar: all.add(ProgressBar::new(0).with_prefix(name)), shape: None };
        bar.take(shape);
        bar
    }

    fn take(&mut self, shape: Shape) {
        if self.shape == Some(shape) {
            return;
        }
        self.shape = Some(shape);
        if let Ok(style) = ProgressStyle::with_template(shape.template()) {
            self.bar.set_style(style.progress_chars("━╸─").with_key("rate", rate));
        }
        // Its spinner turns by itself; a bar moves when there is something new.
        match shape {
            Shape::Idle | Shape::Measuring => self.bar.disable_steady_tick(),
            Shape::Waiting | Shape::Counting => self.bar.enable_steady_tick(Duration::from_millis(120)),
        }
    }

    fn show(&mut self, stage: Stage, known: bool) {
        let total = self.bar.length().unwrap_or(0).max(stage.total).max(stage.done);
        self.bar.set_length(total);
        self.bar.set_position(stage.done);
        if let Some(shape) = Shape::of(stage.done, total, known) {
            self.take(shape);
        }
    }
}

fn rate(state: &ProgressState, text: &mut dyn std::fmt::Write) {
    // Nowhere to report it, and a terminal without a rate is none the worse.
    let _ = write!(text, "{}/s", count(state.per_sec() as u64));
}

impl View {
    fn bars() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        let rows = Bar::new(&all, "rows", Shape::Waiting);
        let images = Bar::new(&all, "thumbnails", Shape::Idle);
        let texts = Bar::new(&all, "embeddings", Shape::Idle);
        Self::Bars(Box::new(Bars { all, rows, images, texts }))
    }

    fn lines() -> Self {
        Self::Lines { last: None, shown: Snapshot::default(), started: Instant::now() }
    }

    fn show(&mut self, now: &Snapshot) {
        match self {
            Self::Bars(bars) => {
                bars.rows.show(now.rows, now.rows.total > 0);
                bars.images.show(now.images, true);
                bars.texts.show(now.texts, true);
            }
            Self::Lines { last, shown, started } => {
                let due = last.is_none_or(|last| last.elapsed() >= LINE_EVERY);
                if due && *now != *shown {
                    let pace =
                        |done: u64| count((done as f64 / started.elapsed().as_secs_f64().max(0.001)) as u64);
                    note(format_args!(
                        "rows {} ({}/s) · images {} of {} · texts {} of {}",
                        count(now.rows.done),
                        pace(now.rows.done),
                        count(now.images.done),
                        count(now.images.total),
                        count(now.texts.done),
                        count(now.texts.total),
                    ));
                    *last = Some(Instant::now());
                    *shown = *now;
                }
            }
        }
    }

    fn finish(self) {
        if let Self::Bars(bars) = self {
            for bar in [&bars.rows, &bars.images, &bars.texts] {
                bar.bar.finish_and_clear();
            }
            let _ = bars.all.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Shape;

    #[test]
    fn no_bar_stands_there_before_there_is_something_to_measure() {
        for known in [true, false] {
            assert_eq!(Shape::of(0, 0, known), None);
        }
        assert_eq!(Shape::of(5_000, 5_000, false), Some(Shape::Counting));
        assert_eq!(Shape::of(500, 1_994, true), Some(Shape::Measuring));
        assert_eq!(Shape::of(0, 12, true), Some(Shape::Measuring));
    }
}
