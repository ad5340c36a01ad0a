//! Who leads which role.

use crate::{Fence, Leadership, Timestamp, WorkerId};
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

    pub(super) fn resign(&mut self, role: &str, who: &WorkerId) {
        if let Some(role) = self.0.get_mut(role)
            && role.term.as_ref().is_some_and(|(leader, _)| leader == who)
        {
            role.term = None;
        }
    }
}
