use crate::{ErrorDelay, Next, Service, Shutdown, Wake, run};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tracing::{Event, Level, Metadata, Subscriber, span};

/// What the scripted service does on each tick.
enum Step {
    Next(Next),
    Fail,
    Panic,
    Hang,
}

/// Performs its script, then asks for shutdown; tells when each tick began.
struct Scripted {
    script: std::vec::IntoIter<Step>,
    ticks: mpsc::UnboundedSender<Instant>,
    end: Shutdown,
    stopped: Arc<AtomicUsize>,
}

impl Service for Scripted {
    const NAME: &'static str = "scripted";
    type Error = &'static str;

    async fn tick(&mut self) -> Result<Next, Self::Error> {
        self.ticks.send(Instant::now()).unwrap();
        match self.script.next() {
            Some(Step::Next(next)) => Ok(next),
            Some(Step::Fail) => Err("out of luck"),
            Some(Step::Panic) => panic!("out of mind"),
            Some(Step::Hang) => std::future::pending().await,
            None => {
                self.end.request();
                Ok(Next::Now)
            }
        }
    }

    async fn stop(&mut self) {
        self.stopped.fetch_add(1, Ordering::SeqCst);
    }
}

struct Bench {
    shutdown: Shutdown,
    ticks: mpsc::UnboundedReceiver<Instant>,
    stopped: Arc<AtomicUsize>,
}

fn bench(script: Vec<Step>) -> (Scripted, Bench) {
    let (sender, ticks) = mpsc::unbounded_channel();
    let shutdown = Shutdown::new();
    let stopped = Arc::new(AtomicUsize::new(0));
    let end = shutdown.clone();
    let service = Scripted { script: script.into_iter(), ticks: sender, end, stopped: Arc::clone(&stopped) };
    (service, Bench { shutdown, ticks, stopped })
}

/// Runs the script to its end; times of the ticks in milliseconds from the start.
async fn play(script: Vec<Step>, delay: ErrorDelay) -> Vec<u128> {
    let start = Instant::now();
    let (service, mut bench) = bench(script);
    run(service, bench.shutdown.clone(), Wake::never(), delay).await;
    assert_eq!(bench.stopped.load(Ordering::SeqCst), 1);
    std::iter::from_fn(|| bench.ticks.try_recv().ok()).map(|at| (at - start).as_millis()).collect()
}

fn after_secs(secs: u64) -> Step {
    Step::Next(Next::After(Duration::from_secs(secs)))
}

#[tokio::test(start_paused = true)]
async fn a_service_ticks_when_it_asked_to() {
    let times = play(vec![Step::Next(Next::Now), after_secs(3), after_secs(2)], ErrorDelay::default()).await;
    assert_eq!(times, [0, 0, 3_000, 5_000]);
}

#[tokio::test(start_paused = true)]
async fn errors_delay_ticks_more_and_more_until_one_succeeds() {
    let delay = ErrorDelay { seed: 7, ..ErrorDelay::new(Duration::from_secs(1), Duration::from_secs(3)) };
    let script = vec![Step::Fail, Step::Panic, Step::Fail, Step::Fail, after_secs(5), Step::Fail];
    let times = play(script, delay).await;
    let gaps: Vec<u128> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let expected = [1, 2, 3, 4].map(|failures| delay.after(failures).as_millis());
    // The timer has a resolution of a millisecond and rounds up.
    for (gap, wanted) in gaps.iter().zip(expected) {
        assert!(gap.abs_diff(wanted) <= 1, "{gap} against {wanted}");
    }
    assert_eq!(gaps[4], 5_000);
    assert!(gaps[5].abs_diff(delay.after(1).as_millis()) <= 1, "the delay starts over after a success");
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_hangs_is_dropped_at_its_limit_and_repeated() {
    let delay = ErrorDelay::new(Duration::ZERO, Duration::ZERO);
    assert_eq!(play(vec![Step::Hang], delay).await, [0, Scripted::TICK_LIMIT.as_millis()]);
}

#[tokio::test(start_paused = true)]
async fn a_wake_up_ends_the_pause_and_none_is_lost() {
    let (service, mut bench) = bench(vec![after_secs(1_000), after_secs(1_000)]);
    let (waker, wake_ups) = watch::channel(0);
    let start = Instant::now();
    let running =
        tokio::spawn(run(service, bench.shutdown.clone(), Wake::on(wake_ups), ErrorDelay::default()));
    bench.ticks.recv().await.unwrap();
    waker.send_modify(|n| *n += 1);
    bench.ticks.recv().await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    drop(waker); // A source that is gone wakes nobody, and does not spin.
    bench.ticks.recv().await.unwrap();
    running.await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn any_of_two_sources_wakes() {
    let (service, mut bench) = bench(vec![after_secs(1_000), after_secs(1_000)]);
    let (one, first) = watch::channel(0);
    let (two, second) = watch::channel(0);
    let start = Instant::now();
    let wake = Wake::on(first).or(second);
    let running = tokio::spawn(run(service, bench.shutdown.clone(), wake, ErrorDelay::default()));
    for source in [&two, &one] {
        bench.ticks.recv().await.unwrap();
        source.send_modify(|n| *n += 1);
    }
    running.await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_a_pause_at_once_and_a_hanging_tick_after_the_patience() {
    for (step, patience) in [(after_secs(1_000), Duration::ZERO), (Step::Hang, Shutdown::PATIENCE)] {
        let (service, mut bench) = bench(vec![step]);
        let start = Instant::now();
        let running =
            tokio::spawn(run(service, bench.shutdown.clone(), Wake::never(), ErrorDelay::default()));
        bench.ticks.recv().await.unwrap();
        bench.shutdown.request();
        running.await.unwrap();
        assert_eq!(start.elapsed().as_secs(), patience.as_secs());
        assert_eq!(bench.stopped.load(Ordering::SeqCst), 1);
    }
}

/// Collects the levels of events.
#[derive(Clone, Default)]
struct Levels(Arc<Mutex<Vec<Level>>>);

impl Subscriber for Levels {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        if event.metadata().target().starts_with("backstock") {
            self.0.lock().unwrap().push(*event.metadata().level());
        }
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_logged_when_it_begins_and_when_it_is_over() {
    let levels = Levels::default();
    let _guard = tracing::subscriber::set_default(levels.clone());
    let script = vec![Step::Fail, Step::Panic, Step::Fail, after_secs(1), Step::Fail, after_secs(1)];
    play(script, ErrorDelay::default()).await;
    let seen: Vec<Level> =
        levels.0.lock().unwrap().iter().copied().filter(|level| *level <= Level::INFO).collect();
    assert_eq!(seen, [Level::ERROR, Level::INFO, Level::ERROR, Level::INFO]);
}
