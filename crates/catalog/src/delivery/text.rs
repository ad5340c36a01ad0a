//! Unpacked bytes as text: drops the byte order mark and converts to UTF-8 while streaming.

use std::path::Path;

use encoding_rs::{CoderResult, Decoder, UTF_8, WINDOWS_1252};

use super::container::Unpacked;
use super::encoding::TextEncoding;
use super::{FileError, Limits};

/// What the reader does with bytes that are not UTF-8 in a UTF-8 file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// Hand them on: the caller decodes record by record.
    Keep,
    /// Read each as windows-1252, and count.
    Repair,
}

/// The text of a delivery as a stream of UTF-8 bytes.
pub(crate) struct Text {
    unpacked: Unpacked,
    /// `None`: the bytes are handed on as they are.
    decoder: Option<Decoder>,
    repair: bool,
    raw: Vec<u8>,
    /// Unread part of `raw`.
    from: usize,
    to: usize,
    ended: bool,
    /// Nothing more will be written.
    finished: bool,
    /// Damaged sequences seen by the decoder or repaired.
    damaged: u64,
}

const RAW_BYTES: usize = 64 << 10;

impl Text {
    pub(crate) fn open(
        path: &Path,
        limits: &Limits,
        encoding: TextEncoding,
        damage: Damage,
    ) -> Result<Self, FileError> {
        let mut unpacked = Unpacked::open(path, limits)?;
        let mut mark = vec![0; encoding.bom];
        let mut got = 0;
        while got < mark.len() {
            match unpacked.read(&mut mark[got..])? {
                0 => break,
                count => got += count,
            }
        }
        let plain = encoding.encoding == UTF_8;
        let decoder = (!plain).then(|| encoding.encoding.new_decoder_without_bom_handling());
        let repair = plain && damage == Damage::Repair;
        Ok(Self {
            unpacked,
            decoder,
            repair,
            raw: vec![0; RAW_BYTES],
            from: 0,
            to: 0,
            ended: false,
            finished: false,
            damaged: 0,
        })
    }

    pub(crate) fn bytes_read(&self) -> u64 {
        self.unpacked.bytes_read()
    }

    pub(crate) fn path(&self) -> &Path {
        self.unpacked.path()
    }

    /// Damaged sequences so far.
    pub(crate) fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Reads UTF-8 into `buffer` (at least 16 bytes long); 0 is the end.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, FileError> {
        if self.decoder.is_none() && !self.repair {
            return self.unpacked.read(buffer);
        }
        loop {
            if self.from == self.to && !self.ended {
                self.to = self.unpacked.read(&mut self.raw)?;
                self.from = 0;
                self.ended = self.to == 0;
            }
            let written = if self.repair { self.repair_into(buffer)? } else { self.decode_into(buffer) };
            if written > 0 || self.finished {
                return Ok(written);
            }
        }
    }

    fn decode_into(&mut self, buffer: &mut [u8]) -> usize {
        let Some(decoder) = self.decoder.as_mut().filter(|_| !self.finished) else { return 0 };
        let (result, read, written, damaged) =
            decoder.decode_to_utf8(&self.raw[self.from..self.to], buffer, self.ended);
        self.from += read;
        self.damaged += u64::from(damaged);
        self.finished = self.ended && result == CoderResult::InputEmpty;
        written
    }

    fn repair_into(&mut self, buffer: &mut [u8]) -> Result<usize, FileError> {
        self.finished = self.ended && self.from == self.to;
        let room = buffer.len() / 4;
        let take = (self.to - self.from).min(room);
        let chunk = &self.raw[self.from..self.from + take];
        let (valid, rest) = match std::str::from_utf8(chunk) {
            Ok(text) => (text.len(), None),
            Err(error) => (error.valid_up_to(), error.error_len()),
        };
        buffer[..valid].copy_from_slice(&chunk[..valid]);
        self.from += valid;
        if valid == take {
            return Ok(valid);
        }
        let incomplete = rest.is_none() && !self.ended;
        if incomplete && valid > 0 {
            return Ok(valid);
        }
        if incomplete && self.to - self.from < 4 {
            // The character goes on in the next block: fetch it.
            self.raw.copy_within(self.from..self.to, 0);
            self.to -= self.from;
            self.from = 0;
            let more = self.unpacked.read(&mut self.raw[self.to..])?;
            self.to += more;
            self.ended = more == 0;
            return self.repair_into(buffer);
        }
        let byte = self.raw[self.from];
        self.from += 1;
        self.damaged += 1;
        let (text, _) = WINDOWS_1252.decode_without_bom_handling(std::slice::from_ref(&byte));
        buffer[valid..valid + text.len()].copy_from_slice(text.as_bytes());
        Ok(valid + text.len())
    }
}
