//! One step of a random sequence. Names come from small sets, so that steps meet each other.

use crate::conformance::lab;
use crate::{
    Edit, GroupId, JobFilter, KeyLimits, NewGroup, NewJob, OnConflict, Outcome, Priority, Rate, Replay,
    Timestamp, Unique, UniqueScope,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

pub(super) const QUEUES: [&str; 2] = ["default", "other"];
pub(super) const KINDS: [&str; 2] = [lab::KIND, "other"];

/// Time passes, then something happens.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) advance_ms: u64,
    pub(super) op: Op,
}

#[derive(Clone, Debug)]
pub(super) enum Op {
    Enqueue(Vec<Spec>),
    /// Plain jobs of consecutive names, each with its fairness key.
    Bulk {
        first: u16,
        keys: Vec<Option<&'static str>>,
    },
    OpenGroup(GroupSpec),
    Seal(u8),
    Claim {
        worker: usize,
        queue: usize,
        kinds: usize,
        max: usize,
        aging_ms: u64,
    },
    Settle {
        lease: Index,
        outcome: Outcome,
        follow_on: Vec<Spec>,
        tally: i64,
    },
    /// Some of the leases that follow each other, in one call, maybe the last first.
    Complete {
        first: Index,
        many: usize,
        backwards: bool,
    },
    Renew {
        lease: Index,
    },
    Kill {
        worker: usize,
    },
    CheckOut {
        worker: usize,
    },
    Rescue {
        max_crashes: u32,
    },
    Cancel(Target),
    Replay {
        target: Target,
        limit: usize,
        per_second: Option<u32>,
        priority: Option<Priority>,
    },
    Prune {
        max_age_ms: u64,
    },
    Pause(usize),
    Resume(usize),
    Limit {
        queue: usize,
        limits: KeyLimits,
    },
    Fire {
        slot: i64,
        spec: Spec,
    },
}

/// A job to enqueue.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    name: u16,
    kind: usize,
    queue: usize,
    priority: Priority,
    delay_ms: Option<u64>,
    extra: Extra,
    group: Option<u8>,
    fairness_key: Option<&'static str>,
}

/// A key or an expiry, not both: when exactly an expired holder is cancelled is the store's business.
#[derive(Clone, Debug)]
enum Extra {
    Plain,
    Unique { key: u8, scope: UniqueScope, on_conflict: OnConflict },
    Expiring { after_ms: u64 },
}

#[derive(Clone, Debug)]
pub(super) struct GroupSpec {
    id: u8,
    parent: Option<u8>,
    sealed: bool,
    follow_up: Option<Spec>,
    jobs: Vec<Spec>,
}

/// Which jobs an operator means.
#[derive(Clone, Debug)]
pub(super) enum Target {
    All,
    Job(u16),
    Queue(usize),
    Group(u8),
}

impl Target {
    pub(super) fn filter(&self) -> JobFilter {
        let all = JobFilter::default();
        match self {
            Self::All => all,
            Self::Job(name) => JobFilter { ids: vec![lab::id(&job_name(*name))], ..all },
            Self::Queue(queue) => JobFilter { queue: Some(QUEUES[*queue].to_owned()), ..all },
            Self::Group(group) => JobFilter { group: Some(group_id(*group)), ..all },
        }
    }
}

pub(super) fn group_id(group: u8) -> GroupId {
    lab::group_id(&format!("g{group}"))
}

fn job_name(name: u16) -> String {
    format!("j-{name}")
}

/// Each name once: two different requests under one id do not come out the same when the call is repeated (the first
/// may replace a holder again, the second is known by then).
pub(super) fn jobs(specs: &[Spec], now: Timestamp) -> Vec<NewJob> {
    let mut jobs: Vec<NewJob> = specs.iter().map(|spec| job(spec, now)).collect();
    let mut seen = BTreeSet::new();
    jobs.retain(|job| seen.insert(job.id));
    jobs
}

pub(super) fn bulk(first: u16, keys: &[Option<&'static str>]) -> Vec<NewJob> {
    let job = |(name, key): (u16, Option<&str>)| {
        let job = lab::job(&job_name(name));
        NewJob { fairness_key: key.map(str::to_owned), ..job }
    };
    (first..).zip(keys.iter().copied()).map(job).collect()
}

fn job(spec: &Spec, now: Timestamp) -> NewJob {
    let ms = Duration::from_millis;
    let mut job = lab::job(&job_name(spec.name)).prioritized(spec.priority);
    QUEUES[spec.queue].clone_into(&mut job.queue);
    KINDS[spec.kind].clone_into(&mut job.kind);
    job.fairness_key = spec.fairness_key.map(str::to_owned);
    job.run_at = spec.delay_ms.map(|delay| now.plus(ms(delay)));
    match &spec.extra {
        Extra::Plain => job.group = spec.group.map(group_id),
        Extra::Unique { key, scope, on_conflict } => {
            job.group = spec.group.map(group_id);
            job.unique = Some(Unique { key: format!("k{key}"), scope: *scope, on_conflict: *on_conflict });
        }
        Extra::Expiring { after_ms } => job.expires_at = Some(now.plus(ms(*after_ms))),
    }
    job
}

pub(super) fn group(spec: &GroupSpec, now: Timestamp) -> NewGroup {
    NewGroup {
        id: group_id(spec.id),
        name: format!("g{}", spec.id),
        parent: spec.parent.map(group_id),
        follow_up: spec
            .follow_up
            .as_ref()
            .map(|follow_up| NewJob { expires_at: None, ..job(follow_up, now) }),
        jobs: jobs(&spec.jobs, now).into_iter().map(|job| NewJob { expires_at: None, ..job }).collect(),
        sealed: spec.sealed,
    }
}

pub(super) fn replay(
    target: &Target,
    limit: usize,
    per_second: Option<u32>,
    priority: Option<Priority>,
) -> Replay {
    Replay { filter: target.filter(), edit: Edit { priority, ..Edit::default() }, per_second, limit }
}

pub(super) fn sequences() -> impl Strategy<Value = Vec<Step>> {
    let advance = prop_oneof![4 => Just(0), 4 => 1_u64..60, 1 => 20_000_u64..40_000];
    let step = (advance, op()).prop_map(|(advance_ms, op)| Step { advance_ms, op });
    prop::collection::vec(step, 1..60)
}

fn op() -> impl Strategy<Value = Op> {
    let specs = || prop::collection::vec(spec(), 0..4);
    let kinds = prop_oneof![3 => Just(2_usize), 1 => Just(1), 1 => Just(0)];
    let max = prop_oneof![3 => 0..5_usize, 1 => 5..40_usize];
    let claim = (0..2_usize, queue(), kinds, max, select(vec![0, 10, 50]));
    let keys = prop::collection::vec(select(vec![None, Some("a"), Some("a"), Some("b"), Some("c")]), 1..24);
    let settle = (any::<Index>(), outcome(), prop::collection::vec(spec(), 0..2), -3..4_i64);
    let replay = (target(), 0..4_usize, select(vec![None, Some(1), Some(70)]), prop::option::of(priority()));
    prop_oneof![
        12 => specs().prop_map(Op::Enqueue),
        5 => (80..400_u16, keys).prop_map(|(first, keys)| Op::Bulk { first, keys }),
        5 => (any::<Index>(), 1..20_usize, any::<bool>())
            .prop_map(|(first, many, backwards)| Op::Complete { first, many, backwards }),
        4 => group_spec().prop_map(Op::OpenGroup),
        2 => (0..4_u8).prop_map(Op::Seal),
        14 => claim.prop_map(|(worker, queue, kinds, max, aging_ms)| Op::Claim { worker, queue, kinds, max, aging_ms }),
        16 => settle.prop_map(|(lease, outcome, follow_on, tally)| Op::Settle { lease, outcome, follow_on, tally }),
        2 => any::<Index>().prop_map(|lease| Op::Renew { lease }),
        1 => (0..2_usize).prop_map(|worker| Op::Kill { worker }),
        1 => (0..2_usize).prop_map(|worker| Op::CheckOut { worker }),
        2 => (1..4_u32).prop_map(|max_crashes| Op::Rescue { max_crashes }),
        3 => target().prop_map(Op::Cancel),
        3 => replay.prop_map(|(target, limit, per_second, priority)| Op::Replay { target, limit, per_second, priority }),
        2 => select(vec![0, 30, 20_000]).prop_map(|max_age_ms| Op::Prune { max_age_ms }),
        1 => (0..2_usize).prop_map(Op::Pause),
        2 => (0..2_usize).prop_map(Op::Resume),
        4 => (queue(), limits()).prop_map(|(queue, limits)| Op::Limit { queue, limits }),
        1 => (0..6_i64, spec()).prop_map(|(slot, spec)| Op::Fire { slot, spec }),
    ]
}

/// An index into [`QUEUES`].
fn queue() -> impl Strategy<Value = usize> + Clone {
    prop_oneof![4 => Just(0), 1 => Just(1)]
}

/// Mostly the same, so that jobs stand in one line.
fn priority() -> impl Strategy<Value = Priority> + Clone {
    prop_oneof![2 => Just(Priority::Normal), 1 => select(Priority::ALL.to_vec())]
}

/// Some names come again and again, most are new.
fn name() -> impl Strategy<Value = u16> + Clone {
    prop_oneof![1 => 0..6_u16, 2 => 6..80_u16]
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        2 => Just(Target::All),
        4 => name().prop_map(Target::Job),
        2 => (80..400_u16).prop_map(Target::Job),
        1 => (0..2_usize).prop_map(Target::Queue),
        1 => (0..4_u8).prop_map(Target::Group),
    ]
}

fn spec() -> impl Strategy<Value = Spec> + Clone {
    let scope = prop_oneof![
        Just(UniqueScope::UntilStarted),
        Just(UniqueScope::UntilDone),
        (1..100_u64).prop_map(|span| UniqueScope::For(Duration::from_millis(span))),
    ];
    let on_conflict = select(vec![OnConflict::Ignore, OnConflict::Replace, OnConflict::RunOnceMore]);
    let unique = (0..3_u8, scope, on_conflict).prop_map(|(key, scope, on_conflict)| Extra::Unique {
        key,
        scope,
        on_conflict,
    });
    let expiring = (0..80_u64).prop_map(|after_ms| Extra::Expiring { after_ms });
    let extra = prop_oneof![2 => Just(Extra::Plain), 4 => unique, 1 => expiring];
    let queue = queue();
    let delay = prop_oneof![2 => Just(None), 1 => (0..60_u64).prop_map(Some)];
    let group = prop::option::weighted(0.3, 0..4_u8);
    let key = select(vec![None, None, Some("a"), Some("a"), Some("b"), Some("b"), Some("")]);
    let kind = prop_oneof![3 => Just(0_usize), 1 => Just(1)];
    (name(), kind, queue, priority(), delay, extra, group, key).prop_map(
        |(name, kind, queue, priority, delay_ms, extra, group, fairness_key)| Spec {
            name,
            kind,
            queue,
            priority,
            delay_ms,
            extra,
            group,
            fairness_key,
        },
    )
}

fn limits() -> impl Strategy<Value = KeyLimits> {
    let rate = (1..3_u32, 1..200_u64).prop_filter_map("a count", |(jobs, per)| {
        Some(Rate { jobs: NonZeroU32::new(jobs)?, per: Duration::from_millis(per) })
    });
    let running = (1..3_u32).prop_map(NonZeroU32::new);
    (prop_oneof![Just(None), running], prop::option::of(rate))
        .prop_map(|(running, rate)| KeyLimits { running, rate })
}

fn group_spec() -> impl Strategy<Value = GroupSpec> {
    let jobs = prop::collection::vec(spec(), 0..3);
    (0..4_u8, prop::option::weighted(0.4, 0..4_u8), any::<bool>(), prop::option::of(spec()), jobs)
        .prop_map(|(id, parent, sealed, follow_up, jobs)| GroupSpec { id, parent, sealed, follow_up, jobs })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let delay = || prop_oneof![Just(0_u64), 1..50_u64].prop_map(Duration::from_millis);
    prop_oneof![
        4 => Just(Outcome::Complete),
        2 => delay().prop_map(|delay| Outcome::Retry { delay, error: "retried".to_owned() }),
        1 => delay().prop_map(|delay| Outcome::Snooze { delay }),
        2 => Just(Outcome::Discard { error: "discarded".to_owned() }),
        1 => Just(Outcome::Cancel { reason: "unwanted".to_owned() }),
        1 => Just(Outcome::HandBack),
    ]
}
