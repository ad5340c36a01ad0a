//! Who leads which role.

use crate::{Fence, Leadership, RoleLock, Timestamp, WorkerId};
use std::collections::HashMap;
use std::time::Duration;

#[derive(Debug, Default)]
struct Role {
    fence: u64,
    term: Option<(WorkerId, Timestamp)>,
}

/// All roles anybody ever asked for.
#[derive(Debug, Default)]
pub(super) struct Roles(HashMap<String, Role>);

impl Roles {
    pub(super) fn lead(&mut self, role: &str, who: &WorkerId, ttl: Duration, now: Timestamp) -> Leadership {
        let role = self.0.entry(role.to_owned()).or_default();
        match &role.term {
            Some((leader, until)) if *until > now && leader != who => {
                return Leadership::Follower { leader: leader.clone(), until: *until };
            }
            Some((_, until)) if *until > now => {}
            _ => role.fence += 1,
        }
        role.term = Some((who.clone(), now.plus(ttl)));
        Leadership::Leader(Fence(role.fence))
    }

    /// Those whose name contains `text`, by name.
    pub(super) fn list(&self, text: &str, now: Timestamp) -> Vec<RoleLock> {
        let named = self.0.iter().filter(|(name, _)| name.contains(text));
        let mut roles: Vec<_> = named
            .map(|(name, role)| {
                let term = role.term.as_ref().filter(|(_, until)| *until > now);
                let (leader, until) = (term.map(|(leader, _)| leader.clone()), term.map(|(_, until)| *until));
                RoleLock { role: name.clone(), leader, until, fence: Fence(role.fence) }
            })
            .collect();
        roles.sort_by(|one, other| one.role.cmp(&other.role));
        roles
    }

    pub(super) fn resign(&mut self, role: &str, who: &WorkerId) {
        if let Some(role) = self.0.get_mut(role)
            && role.term.as_ref().is_some_and(|(leader, _)| leader == who)
        {
            role.term = None;
        }
    }
}
