use super::{BatchController, CallSample};
use crate::StopReason;
use backstock_queue::BatchLimits;
use proptest::prelude::*;
use std::time::Duration;

fn up_to(max_jobs: usize, ceiling: Duration) -> BatchController {
    BatchController::new(BatchLimits::up_to(max_jobs, ceiling))
}

/// Full calls that cost `fixed + per_job * jobs`.
fn run(controller: &mut BatchController, calls: usize, fixed: Duration, per_job: Duration) {
    for _ in 0..calls {
        let jobs = controller.limit();
        let duration = fixed + per_job * u32::try_from(jobs).unwrap();
        controller.observe(CallSample { jobs, failures: 0, duration, load: 0 });
    }
}

#[test]
fn it_starts_with_the_smallest_batch() {
    let limits = BatchLimits { min_jobs: 3, ..BatchLimits::up_to(64, Duration::from_secs(1)) };
    assert_eq!(BatchController::new(limits).limit(), 3);
}

#[test]
fn it_doubles_while_a_fixed_cost_is_shared_by_more_jobs() {
    let mut controller = up_to(256, Duration::from_secs(10));
    run(&mut controller, 16, Duration::from_millis(50), Duration::from_micros(10));
    assert_eq!(controller.limit(), 256);
    assert_eq!(controller.bound(), StopReason::MaxJobs);
}

#[test]
fn it_stays_small_when_more_jobs_are_not_faster() {
    let mut controller = up_to(256, Duration::from_secs(10));
    run(&mut controller, 300, Duration::ZERO, Duration::from_millis(1));
    assert!(controller.limit() <= 2, "{}", controller.limit());
    assert_eq!(controller.bound(), StopReason::LimitReached);
}

#[test]
fn a_call_above_the_ceiling_shrinks_the_next_and_says_why() {
    let mut controller = up_to(64, Duration::from_secs(1));
    run(&mut controller, 20, Duration::from_millis(100), Duration::from_micros(1));
    let before = controller.limit();
    controller.observe(CallSample { jobs: before, failures: 0, duration: Duration::from_secs(3), load: 0 });
    assert_eq!(controller.limit(), before / 2);
    assert_eq!(controller.bound(), StopReason::Ceiling);
}

#[test]
fn a_call_that_mostly_fails_halves_the_next() {
    let mut controller = up_to(64, Duration::from_secs(1));
    run(&mut controller, 20, Duration::from_millis(100), Duration::from_micros(1));
    let before = controller.limit();
    controller.observe(CallSample {
        jobs: before,
        failures: before,
        duration: Duration::from_millis(10),
        load: 0,
    });
    assert_eq!(controller.limit(), before / 2);
}

#[test]
fn half_empty_calls_teach_nothing() {
    let mut controller = up_to(64, Duration::from_secs(1));
    run(&mut controller, 6, Duration::from_millis(100), Duration::from_micros(1));
    let before = controller.limit();
    for _ in 0..1000 {
        controller.observe(CallSample { jobs: 1, failures: 0, duration: Duration::from_millis(1), load: 0 });
    }
    assert_eq!(controller.limit(), before);
}

#[test]
fn it_follows_when_the_work_becomes_slower_and_faster_again() {
    let mut controller = up_to(256, Duration::from_secs(1));
    run(&mut controller, 50, Duration::from_millis(20), Duration::from_micros(100));
    let fast = controller.limit();
    run(&mut controller, 50, Duration::from_millis(20), Duration::from_millis(50));
    let slow = controller.limit();
    assert!(slow <= 20, "20 jobs of 50 ms are a second: {slow}");
    run(&mut controller, 2000, Duration::from_millis(20), Duration::from_micros(100));
    assert!(controller.limit() * 2 >= fast, "{} of {fast}", controller.limit());
}

#[test]
fn a_fixed_size_never_changes() {
    let mut controller = BatchController::new(BatchLimits::ONE);
    run(&mut controller, 100, Duration::from_secs(100), Duration::ZERO);
    assert_eq!(controller.limit(), 1);
}

/// Full calls of jobs that weigh so much, and take no time to speak of.
fn run_heavy(controller: &mut BatchController, calls: usize, job_load: u64) {
    for _ in 0..calls {
        let jobs = controller.limit();
        let duration = Duration::from_millis(10);
        controller.observe(CallSample { jobs, failures: 0, duration, load: job_load * jobs as u64 });
    }
}

#[test]
fn heavier_jobs_make_smaller_calls_and_lighter_ones_larger_again() {
    let limits = BatchLimits::up_to(64, Duration::from_secs(2)).with_load("pixels", 256);
    let mut controller = BatchController::new(limits);
    run_heavy(&mut controller, 16, 2);
    assert_eq!((controller.limit(), controller.bound()), (64, StopReason::MaxJobs));
    run_heavy(&mut controller, 40, 50);
    assert_eq!((controller.limit(), controller.bound()), (5, StopReason::MaxLoad));
    run_heavy(&mut controller, 40, 1000);
    assert_eq!(controller.limit(), 1, "one is always tried");
    run_heavy(&mut controller, 60, 0);
    assert_eq!(controller.limit(), 64, "what was done before weighs nothing");
}

proptest! {
    #[test]
    fn whatever_it_sees_it_keeps_its_bounds(
        min_jobs in 0_usize..40,
        max_jobs in 0_usize..2000,
        samples in prop::collection::vec((0_usize..600, 0_usize..600, 0_u64..5_000_000), 0..300),
        most in 0_u64..1_000_000,
    ) {
        let limits = BatchLimits { min_jobs, max_jobs, ..BatchLimits::up_to(1, Duration::from_secs(1)) };
        let limits = limits.with_load("pixels", most);
        let mut controller = BatchController::new(limits);
        let kept = *controller.limits();
        prop_assert!(kept.min_jobs >= 1 && kept.min_jobs <= kept.max_jobs && kept.max_jobs <= 500);
        for (jobs, failures, micros) in samples {
            controller.observe(CallSample { jobs, failures, duration: Duration::from_micros(micros), load: micros });
            prop_assert!((kept.min_jobs..=kept.max_jobs).contains(&controller.limit()));
        }
    }

    #[test]
    fn no_call_above_the_ceiling_lets_the_size_grow(
        sizes in prop::collection::vec(1_usize..200, 1..50),
    ) {
        let mut controller = up_to(200, Duration::from_secs(1));
        run(&mut controller, 30, Duration::from_millis(90), Duration::from_micros(1));
        for jobs in sizes {
            let before = controller.limit();
            controller.observe(CallSample { jobs, failures: 0, duration: Duration::from_secs(2), load: 0 });
            prop_assert!(controller.limit() < before || before == 1);
        }
    }

    #[test]
    fn it_ends_near_the_best_rate_under_the_ceiling(fixed_us in 1_u64..200_000, per_job_us in 1_u64..20_000) {
        let ceiling = Duration::from_secs(1);
        let (fixed, per_job) = (Duration::from_micros(fixed_us), Duration::from_micros(per_job_us));
        let mut controller = up_to(500, ceiling);
        run(&mut controller, 5000, fixed, per_job);
        let rate = |jobs: usize| jobs as f64 / (fixed + per_job * u32::try_from(jobs).unwrap()).as_secs_f64();
        let fits = |jobs: usize| fixed + per_job * u32::try_from(jobs).unwrap() <= ceiling;
        let best = (1..=500).filter(|&jobs| fits(jobs)).map(rate).fold(0.0, f64::max);
        prop_assert!(fits(controller.limit()), "{} jobs", controller.limit());
        prop_assert!(rate(controller.limit()) >= 0.7 * best, "{} jobs: {} of {best}", controller.limit(), rate(controller.limit()));
    }
}
