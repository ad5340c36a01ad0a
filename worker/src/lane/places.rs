//! The running calls by place.

use super::call::Running;

/// A place is found by its number, which is given again when its call has ended.
#[derive(Debug, Default)]
pub(super) struct Places {
    calls: Vec<Option<Running>>,
    free: Vec<usize>,
}

impl Places {
    /// Begins a call; its number.
    pub fn put(&mut self, call: Running) -> usize {
        if let Some(number) = self.free.pop() {
            self.calls[number] = Some(call);
            return number;
        }
        self.calls.push(Some(call));
        self.calls.len() - 1
    }

    /// Ends a call; `None` when there is none of this number.
    pub fn take(&mut self, number: usize) -> Option<Running> {
        let call = self.calls.get_mut(number)?.take()?;
        self.free.push(number);
        Some(call)
    }

    pub fn len(&self) -> usize {
        self.calls.len() - self.free.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn iter(&self) -> impl Iterator<Item = &Running> {
        self.calls.iter().flatten()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Running> {
        self.calls.iter_mut().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::{Places, Running};
    use std::collections::HashMap;

    fn call(kind: usize) -> Running {
        Running { kind, leases: Vec::new(), marks: HashMap::new(), control: std::sync::Arc::default() }
    }

    #[test]
    fn a_place_is_given_again_only_when_its_call_has_ended() {
        let mut places = Places::default();
        let (first, second) = (places.put(call(1)), places.put(call(2)));
        assert_ne!(first, second);
        assert_eq!(places.take(first).unwrap().kind, 1);
        assert!(places.take(first).is_none() && places.take(99).is_none());
        assert_eq!((places.len(), places.iter().next().unwrap().kind), (1, 2));
        assert_eq!(places.put(call(3)), first);
        assert_eq!(places.iter_mut().count(), 2);
        assert!(places.take(first).is_some() && places.take(second).is_some() && places.is_empty());
    }
}
