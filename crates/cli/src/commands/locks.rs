//! `backstock locks`: who holds what only one may hold.

use super::{jobs, queues};
use crate::args::{LockAction, Locks as Args};
use crate::failure::Failure;
use crate::show::{self, Table};
use backstock_queue::{Locks, QueueStatus, Released, Store, StoreError};
use serde_json::json;

/// Runs the command against `store`.
pub async fn run(args: &Args, store: &dyn Store, as_json: bool) -> Result<(), Failure> {
    if let Some(LockAction::Release { kind, key, force }) = &args.action {
        return release(store, kind, key, *force, as_json).await;
    }
    let text = args.text.as_deref().unwrap_or_default();
    let mut queues = store.queues().await.map_err(Failure::data)?;
    queues.retain(|queue| !queues::note(queue).is_empty() && queue.name.contains(text));
    // A store that cannot list keys can still say what is paused.
    let (locks, note) = match store.locks(text).await {
        Ok(locks) => (locks, None),
        Err(StoreError::Invalid(why)) => (Locks::default(), Some(why)),
        Err(error) => return Err(Failure::data(error)),
    };
    if as_json {
        show::json(&json!({ "keys": locks.keys, "roles": locks.roles, "queues": queues, "note": note }));
        return Ok(());
    }
    print(&locks, &queues);
    if let Some(note) = note {
        show::note(note);
    }
    Ok(())
}

fn print(locks: &Locks, queues: &[QueueStatus]) {
    if locks.roles.is_empty() && locks.keys.is_empty() && queues.is_empty() {
        show::line("nothing is held, led, paused or limited");
        return;
    }
    let mut roles = Table::new(&["ROLE", "LEADER", "UNTIL", ">TERM"]);
    for role in &locks.roles {
        let leader = role.leader.as_ref().map_or_else(|| "nobody".to_owned(), |leader| leader.0.clone());
        let until = role.until.map_or_else(String::new, jobs::utc);
        roles.row([role.role.clone(), leader, until, role.fence.0.to_string()]);
    }
    show::line(roles);
    let mut keys = Table::new(&["KIND", "KEY", "HOLDER", "STATE", "SINCE"]);
    for key in &locks.keys {
        let holder = key.holder.map_or_else(|| "gone".to_owned(), |holder| holder.to_string());
        let state = key.state.map_or("", |state| state.as_str());
        let since = key.since.map_or_else(String::new, jobs::utc);
        keys.row([key.kind.clone(), key.key.clone(), holder, state.to_owned(), since]);
    }
    show::line(keys);
    if locks.keys.len() == Locks::MOST {
        show::note(format!("only the first {} keys are shown; name a part of the key", Locks::MOST));
    }
    let mut held_back = Table::new(&["QUEUE", "NOTE"]);
    for queue in queues {
        held_back.row([queue.name.clone(), queues::note(queue)]);
    }
    show::line(held_back);
}

async fn release(store: &dyn Store, kind: &str, key: &str, force: bool, json: bool) -> Result<(), Failure> {
    let released = store.release_key(kind, key, force).await.map_err(|error| match error {
        StoreError::Invalid(why) => Failure::usage(why),
        error => Failure::data(error),
    })?;
    let told = match released {
        Released::NotHeld => {
            let message =
                format!("nobody holds the key {key:?} of {kind}; `backstock locks` lists those held");
            return Err(Failure::usage(message));
        }
        Released::InUse(holder, state) => {
            let message = format!(
                "job {holder} holds the key {key:?} of {kind} and is {}; cancel it (`backstock jobs cancel \
                 {holder}`) or add --force, which lets a second job run beside it",
                state.as_str()
            );
            return Err(Failure::failed(message));
        }
        Released::Released(holder) => {
            holder.map_or_else(|| "a job that is gone".to_owned(), |id| id.to_string())
        }
    };
    if json {
        show::json(&json!({ "released": { "kind": kind, "key": key, "from": told } }));
    } else {
        show::line(format!("released: the key {key:?} of {kind}, held by {told}"));
    }
    Ok(())
}
