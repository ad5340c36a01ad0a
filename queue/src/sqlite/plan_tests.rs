//! Every statement is prepared against the real schema, and none of them reads a table from end to end that grows
//! with history.

use super::{
    SqliteOptions, SqliteStore, adopt, change, claim, due, duty, filter::Condition, group, hold, insert,
    inspect, lanes, leave, ledger, limit, locks, operate, prune, rescue, rows::Cells, settle, tx, worker,
};
use crate::{GroupId, JobFilter, JobId, JobState};
use sqlx::AssertSqlSafe;

const FIXED: &[&str] = &[
    adopt::KNOWN_WORKER,
    adopt::INSERT,
    adopt::INSERT_PAYLOAD,
    adopt::RAISE_FENCE,
    change::COMPLETE,
    change::CHANGE,
    change::RELEASE,
    change::GIVE_UP,
    change::TAKE_ONCE_MORE,
    claim::LOOK,
    claim::read::BUSY_BANDS,
    claim::read::MORE,
    claim::keep::SET_TURNS,
    claim::keep::FORGET_TURNS,
    claim::keep::SERVED,
    claim::keep::FORGET_KEYS,
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
    inspect::QUEUES,
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

fn statements() -> Vec<String> {
    let made = [
        &*claim::read::CANDIDATES,
        &*claim::read::LIMITED_CANDIDATES,
        &*hold::HOLDERS,
        &*due::BY_SEQ,
        &*due::STALE,
        &*due::DUE,
        &*rescue::LOST,
        &*settle::HELD,
    ];
    let inserts = insert::INSERT_JOBS.iter().chain(&*insert::INSERT_PAYLOADS);
    let mut statements: Vec<_> = FIXED.iter().copied().map(String::from).collect();
    statements.extend(made.into_iter().chain(inserts).map(ToString::to_string));
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

#[tokio::test]
async fn no_statement_reads_history_from_end_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("queue.db"), SqliteOptions::default()).await.unwrap();
    let mut conn = store.writer.acquire().await.unwrap();
    for statement in statements() {
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let rows = sqlx::query(explain).fetch_all(&mut *conn).await.unwrap_or_else(|error| {
            panic!("{statement}\n{error}");
        });
        for row in rows {
            let step = row.text(3).unwrap();
            let live =
                ["job_available", "job_waiting", "job_running", "job_stale", "job_dead", "job_cancelled"];
            let bounded = live.iter().any(|index| step.contains(index)) || statement.contains("LIMIT ?1");
            let whole = ["SCAN job", "SCAN j", "SCAN payload", "SCAN hold", "SCAN once_more"]
                .iter()
                .any(|scan| step == *scan || step.starts_with(&format!("{scan} ")));
            assert!(!whole || bounded, "{statement}\n{step}");
        }
    }
}
