//! What things are called on the broker: `PREFIX.QUEUE.PRIORITY`, with dots and percent signs of the queue as `%2E` and
//! `%25`, so that no name of one deployment is one of another.

use crate::Priority;

/// Longest name of a queue.
const MAX: usize = 255;

/// The broker's queue for one priority of a named queue; `None` when it would be too long.
pub(super) fn band(prefix: &str, queue: &str, priority: Priority) -> Option<String> {
    let name = format!("{prefix}.{}.{}", queue.replace('%', "%25").replace('.', "%2E"), level(priority));
    (name.len() <= MAX).then_some(name)
}

/// Where messages wait that are no jobs.
pub(super) fn parked(prefix: &str) -> String {
    format!("{prefix}.parked")
}

const fn level(priority: Priority) -> &'static str {
    match priority {
        Priority::Critical => "critical",
        Priority::High => "high",
        Priority::Normal => "normal",
        Priority::Low => "low",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_two_deployments_never_meet() {
        let normal = |prefix, queue| band(prefix, queue, Priority::Normal);
        assert_eq!(normal("a", "default").as_deref(), Some("a.default.normal"));
        assert_ne!(normal("a", "b.c"), normal("a.b", "c"));
        assert_ne!(normal("a", "%2E"), normal("a", "."));
        assert_ne!(normal("a", "parked"), Some(parked("a")));
        assert_eq!(normal("a", &"q".repeat(250)), None);
    }
}
