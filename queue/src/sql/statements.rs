//! Every statement of the store, for tests that look at how a database performs them.

use super::{
    adopt, change, claim, due, duty, filter::Condition, group, hold, insert, inspect, lanes, leave, ledger,
    limit, locks, operate, prune, query::Text, rescue, settle, tx, worker,
};
use crate::{GroupId, JobFilter, JobId, JobState};

const FIXED: &[&str] = &[
    adopt::KNOWN_WORKER,
    adopt::RAISE_FENCE,
    change::COMPLETE,
    change::CHANGE,
    change::RELEASE,
    change::GIVE_UP,
    change::TAKE_ONCE_MORE,
    claim::LOOK,
    claim::read::BUSY_BANDS,
    claim::keep::SET_TURNS,
    claim::keep::FORGET_TURNS,
    claim::keep::SERVED,
    claim::keep::DROP_IDLE,
    claim::keep::SET_PACES,
    limit::LIMITS,
    limit::SET_LIMITS,
    limit::START_AFRESH,
    limit::TAKE_SLOTS,
    claim::NEXT_FENCE,
    claim::START,
    due::PROMOTE,
    due::NEXT_OF_QUEUE,
    due::DUE_QUEUES,
    due::NEXT_DUE,
    duty::MOVE_CURSOR,
    duty::CURSORS,
    duty::LEAD,
    duty::LEADER,
    duty::RESIGN,
    group::NUMBER,
    group::PARENT,
    group::OPEN,
    group::SEAL,
    group::END,
    hold::EXISTING,
    hold::REPLACE,
    hold::REPLACE_PAYLOAD,
    hold::ONCE_MORE,
    hold::FLAG_ONCE_MORE,
    inspect::GROUP,
    inspect::GROUPS,
    insert::MISSING,
    insert::HOLD,
    lanes::LANES_AFTER,
    lanes::ADD_QUEUE,
    lanes::QUEUE_NUMBER,
    lanes::ADD_LANE,
    leave::MAY_END,
    ledger::COUNT,
    ledger::ADD_COUNTERS,
    ledger::CHANGE_GROUPS,
    ledger::DONE_NOW,
    operate::ASK,
    operate::RUN_AGAIN,
    operate::NEW_PAYLOAD,
    operate::PAUSE,
    locks::ROLES,
    locks::HOLDER,
    prune::KEPT_BYTES,
    prune::DEAD_BYTES,
    prune::OLDEST_KEPT,
    prune::OLDEST_DEAD,
    prune::OLD_GROUPS,
    prune::DELETE_HOLDS,
    prune::DELETE_PAYLOADS,
    prune::DELETE_JOBS,
    prune::DELETE_COUNTERS,
    prune::DELETE_GROUPS,
    rescue::LIVING,
    rescue::BURY,
    rescue::HOLDERS,
    rescue::FORGET,
    settle::RENEW,
    tx::LAST_SEQ,
    worker::CHECK_IN,
    worker::CHECK_OUT,
    worker::WORKERS,
];

/// All of them.
pub(super) fn all() -> Vec<Text> {
    let both = [
        &*claim::read::CANDIDATES,
        &*claim::read::LIMITED_CANDIDATES,
        &*claim::read::MORE,
        &*claim::keep::FORGET_KEYS,
        &*inspect::QUEUES,
    ];
    let made = [&*hold::HOLDERS, &*due::BY_SEQ, &*due::STALE, &*due::DUE, &*rescue::LOST, &*settle::HELD];
    let inserts = insert::INSERT_JOBS.iter().chain(&*insert::INSERT_PAYLOADS).chain(&*adopt::INSERT_ADOPTED);
    let mut statements: Vec<Text> = FIXED.iter().copied().map(Text::from).collect();
    statements.extend(both.into_iter().map(Text::from));
    statements.extend(made.into_iter().chain(inserts).map(Text::from));
    statements.extend(filtered().into_iter().map(Text::from));
    statements
}

fn filtered() -> Vec<String> {
    let mut statements = Vec::new();
    let by_group = JobFilter { group: Some(GroupId::generate()), ..JobFilter::default() };
    let by_id = JobFilter { ids: vec![JobId::generate()], ..JobFilter::default() };
    for filter in [&by_group, &by_id, &JobFilter::default()] {
        let condition = Condition::of(filter).unwrap();
        let by_key = *filter != JobFilter::default();
        statements.push(condition.text(|condition, next| operate::cancellable(condition, by_key, next)));
        statements.push(condition.text(operate::replayable));
    }
    for filter in [by_group, by_id, JobFilter { states: vec![JobState::Discarded], ..JobFilter::default() }] {
        statements.push(Condition::of(&filter).unwrap().text(inspect::listing));
    }
    statements
}
