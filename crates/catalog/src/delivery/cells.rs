//! The cells of one record, side by side in one buffer.

/// Unescaped cell contents; reused from record to record.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cells {
    pub(crate) bytes: Vec<u8>,
    pub(crate) ends: Vec<usize>,
    /// Cells that were counted, not kept.
    pub(crate) dropped: usize,
}

impl Cells {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.dropped = 0;
    }

    /// How many there were, dropped ones included.
    pub(crate) fn len(&self) -> usize {
        self.ends.len() + self.dropped
    }

    /// Forgets all but the first `count` cells and what is pushed but not closed.
    pub(crate) fn truncate(&mut self, count: usize) {
        self.ends.truncate(count);
        self.dropped = 0;
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Ends the cell; beyond `max` cells only the count is kept.
    pub(crate) fn close(&mut self, max: usize) {
        if self.ends.len() < max {
            self.ends.push(self.bytes.len());
        } else {
            self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
            self.dropped += 1;
        }
    }

    pub(crate) fn get(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.ends.len()).map(|index| self.get(index))
    }

    /// Nothing but white space.
    pub(crate) fn is_blank(&self) -> bool {
        self.dropped == 0 && self.bytes.iter().all(u8::is_ascii_whitespace)
    }
}
