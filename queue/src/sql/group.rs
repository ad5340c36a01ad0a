//! Groups: opening, sealing, ending.

use super::{
    Engine, SqlStore,
    add::{Origin, add},
    fault::Result,
    hold,
    query::query,
    rows::id_bytes,
    tx::Tx,
};
use crate::{GroupId, NewGroup, NewJob, StoreError};
use std::collections::{HashMap, HashSet};

/// Groups by the numbers under which jobs know them.
pub(super) type Numbers = HashMap<GroupId, i64>;

/// The numbers of the groups that `jobs` name.
pub(super) async fn numbers(tx: &mut Tx, jobs: &[NewJob], origin: Origin) -> Result<Numbers> {
    let mut numbers = Numbers::new();
    let named: HashSet<_> = jobs.iter().filter_map(|job| job.group).collect();
    for group in named {
        match number(tx, group).await? {
            Some(number) => numbers.insert(group, number),
            None if origin == Origin::Caused => None,
            None => refuse_strangers(tx, jobs, group).await?,
        };
    }
    Ok(numbers)
}

/// Jobs that are there already are never refused: their caller repeats itself.
async fn refuse_strangers(tx: &mut Tx, jobs: &[NewJob], group: GroupId) -> Result<Option<i64>> {
    let members: Vec<_> = jobs.iter().filter(|job| job.group == Some(group)).map(|job| job.id).collect();
    let known = hold::existing(tx, &members).await?;
    match members.iter().find(|id| !known.contains(id)) {
        Some(id) => Err(StoreError::Invalid(format!("job {id}: group {group} was never opened")).into()),
        None => Ok(None),
    }
}

async fn number(tx: &mut Tx, group: GroupId) -> Result<Option<i64>> {
    let row = query(NUMBER).bind(id_bytes(group)).fetch_optional(tx.conn()).await?;
    row.map(|row| row.int(0)).transpose()
}

impl<E: Engine> SqlStore<E> {
    pub(super) async fn open_with_members(&self, mut group: NewGroup) -> Result<()> {
        for job in &mut group.jobs {
            job.group = Some(group.id);
        }
        for job in group.jobs.iter().chain(&group.follow_up) {
            job.validate()?;
        }
        let mut tx = self.begin().await?;
        if number(&mut tx, group.id).await?.is_some() {
            return Ok(());
        }
        let parent = match group.parent {
            None => None,
            Some(parent) => Some(open_parent(&mut tx, parent).await?),
        };
        let follow_up = group.follow_up.as_ref().map(serde_json::to_string).transpose()?;
        let row = query(OPEN)
            .bind(id_bytes(group.id))
            .bind(group.name)
            .bind(parent)
            .bind(follow_up)
            .bind(group.sealed)
            .bind(tx.now.0)
            .fetch_one(tx.conn())
            .await?;
        if let Some(parent) = parent {
            tx.ledger.children(parent, 1);
        }
        tx.ledger.touch(row.int(0)?);
        add(&mut tx, group.jobs, Origin::Asked).await?;
        self.commit(tx).await
    }

    pub(super) async fn seal(&self, group: GroupId) -> Result<()> {
        let mut tx = self.begin().await?;
        let Some(number) = number(&mut tx, group).await? else { return Ok(()) };
        query(SEAL).bind(number).execute(tx.conn()).await?;
        tx.ledger.touch(number);
        self.commit(tx).await
    }
}

async fn open_parent(tx: &mut Tx, parent: GroupId) -> Result<i64> {
    let row = query(PARENT).bind(id_bytes(parent)).fetch_optional(tx.conn()).await?;
    let Some(row) = row else {
        return Err(StoreError::Invalid(format!("parent group {parent} was never opened")).into());
    };
    if row.maybe_int(1)?.is_some() {
        return Err(StoreError::Invalid(format!("parent group {parent} is done")).into());
    }
    row.int(0)
}

/// A group is done: its follow-up joins the parent before the parent counts it as done.
pub(super) async fn end(tx: &mut Tx, number: i64) -> Result<()> {
    let now = tx.now.0;
    let row = query(END).bind(number).bind(now).fetch_one(tx.conn()).await?;
    let (id, parent) = (GroupId(row.uuid(0)?), row.maybe_int(1)?);
    if let Some(parent) = parent {
        tx.ledger.children(parent, -1);
    }
    if let Some(follow_up) = row.maybe_text(2)? {
        let mut job: NewJob = serde_json::from_str(&follow_up)?;
        job.id = id.follow_up_id();
        job.group = row.maybe_uuid(3)?.map(GroupId);
        tx.caused.push(job);
    }
    Ok(())
}

pub(super) const NUMBER: &str = "SELECT n FROM grp WHERE id = ?1";
pub(super) const PARENT: &str = "SELECT n, done_at FROM grp WHERE id = ?1";
pub(super) const OPEN: &str = "
    INSERT INTO grp (id, name, parent, follow_up, sealed, opened_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING n";
pub(super) const SEAL: &str = "UPDATE grp SET sealed = 1 WHERE n = ?1";
pub(super) const END: &str = "
    UPDATE grp SET done_at = ?2 WHERE n = ?1
    RETURNING id, parent, follow_up, (SELECT id FROM grp AS p WHERE p.n = grp.parent)";
