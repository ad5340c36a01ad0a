//! Groups.

use super::{RedisStore, wire};
use crate::{GroupId, GroupStatus, NewGroup, NewJob, Page, StoreError, Timestamp};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

impl RedisStore {
    pub(super) async fn start_group(&self, group: NewGroup) -> Result<(), StoreError> {
        let id = group.id;
        let jobs: Vec<NewJob> = group.jobs.into_iter().map(|job| NewJob { group: None, ..job }).collect();
        let follow_up =
            group.follow_up.map(|job| NewJob { id: id.follow_up_id(), group: group.parent, ..job });
        self.check_jobs(&jobs).await?;
        follow_up.iter().try_for_each(NewJob::validate)?;
        let call = self
            .at_once("open_group")
            .arg(id.0.as_bytes())
            .arg(group.name)
            .arg(group.parent.map_or(Vec::new(), |parent| parent.0.as_bytes().to_vec()))
            .arg(if group.sealed { "1" } else { "0" })
            .arg(follow_up.as_ref().map_or(Vec::new(), wire::request))
            .args(jobs.into_iter().map(|job| wire::request(&job.in_group(id))));
        if self.ask(&call).await?.text()? == "parent" {
            let parent = group.parent.map_or_else(String::new, |parent| parent.to_string());
            return Err(StoreError::Invalid(format!("group {id}: parent {parent} is not open")));
        }
        Ok(())
    }

    pub(super) async fn seal(&self, group: GroupId) -> Result<(), StoreError> {
        let call = self.at_once("seal_group").arg(group.0.as_bytes());
        self.ask(&call).await.map(|_| ())
    }

    pub(super) async fn list_groups(&self, page: Page) -> Result<Vec<GroupStatus>, StoreError> {
        let last = page.offset.saturating_add(page.limit.min(super::PIECE));
        if last == page.offset {
            return Ok(Vec::new());
        }
        let mut command = redis::cmd("ZREVRANGE");
        command.arg(self.link.key("groups")).arg(page.offset).arg(last - 1);
        let ids = self.answer(self.link.command(&command).await?).list()?;
        let ids: Vec<GroupId> = ids
            .into_iter()
            .map(|id| Ok(GroupId(Uuid::from_slice(&id.bytes()?).unwrap_or_default())))
            .collect::<Result<_, StoreError>>()?;
        self.groups_of(&ids).await
    }

    /// Those of `ids` that are stored.
    pub(super) async fn groups_of(&self, ids: &[GroupId]) -> Result<Vec<GroupStatus>, StoreError> {
        let call = self.at_once("groups").args(ids.iter().map(|id| id.0.as_bytes().as_slice()));
        let mut groups = Vec::new();
        for (id, answer) in ids.iter().zip(self.ask(&call).await?.list()?) {
            let mut fields = HashMap::new();
            let mut parts = answer.list()?.into_iter();
            while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
                fields.insert(name.text()?, value.bytes()?);
            }
            if !fields.is_empty() {
                groups.push(status(*id, &fields));
            }
        }
        Ok(groups)
    }
}

fn status(id: GroupId, fields: &HashMap<String, Vec<u8>>) -> GroupStatus {
    let text = |name: &str| fields.get(name).map(|bytes| wire::lossy(bytes)).unwrap_or_default();
    let number = |name: &str| text(name).parse().unwrap_or(0);
    let moment = |name: &str| {
        let bytes = fields.get(name)?.first_chunk::<8>()?;
        Some(Timestamp(i64::from_be_bytes(*bytes)))
    };
    let counters: BTreeMap<String, i64> = fields
        .iter()
        .filter_map(|(name, value)| {
            Some((name.strip_prefix("k:")?.to_owned(), wire::lossy(value).parse().ok()?))
        })
        .collect();
    GroupStatus {
        id,
        name: text("name"),
        parent: fields.get("parent").and_then(|bytes| Uuid::from_slice(bytes).ok()).map(GroupId),
        sealed: text("sealed") == "1",
        total: number("total"),
        pending: number("pending"),
        completed: number("completed"),
        cancelled: number("cancelled"),
        failed: number("failed"),
        open_children: number("children"),
        counters,
        opened_at: moment("opened").unwrap_or_default(),
        done_at: moment("done"),
    }
}
