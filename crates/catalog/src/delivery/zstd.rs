//! Zstandard files of one or more frames.

use std::io::{self, Read};

/// All frames of a zstd file, one after the other.
pub(super) struct ZstdReader<R: Read> {
    state: Option<Frame<R>>,
}

enum Frame<R: Read> {
    Between(R),
    Inside(Box<ruzstd::decoding::StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>),
}

/// The largest window a frame may ask memory for; `zstd --ultra -22` needs 128 MiB and is refused.
const ZSTD_WINDOW_BYTES: u64 = 32 << 20;

impl<R: io::BufRead> ZstdReader<R> {
    pub(super) fn new(source: R) -> Self {
        Self { state: Some(Frame::Between(source)) }
    }

    /// Skips a skippable frame, starts a data frame, or ends.
    fn next_frame(mut source: R) -> io::Result<Option<Frame<R>>> {
        use ruzstd::decoding::StreamingDecoder;
        let head = source.fill_buf()?;
        if head.is_empty() {
            return Ok(None);
        }
        if (0x50..=0x5f).contains(&head[0]) {
            let mut header = [0; 8];
            source.read_exact(&mut header)?;
            let length = u64::from(u32::from_le_bytes([header[4], header[5], header[6], header[7]]));
            if io::copy(&mut (&mut source).take(length), &mut io::sink())? < length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            return Ok(Some(Frame::Between(source)));
        }
        let decoder = StreamingDecoder::new_with_max_window_size(source, ZSTD_WINDOW_BYTES);
        decoder.map(|decoder| Some(Frame::Inside(Box::new(decoder)))).map_err(|error| zstd_error(&error))
    }
}

/// Finds out whether a decoder's error is the end of the file in disguise.
fn zstd_error(error: &(dyn std::error::Error + 'static)) -> io::Error {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if let Some(io) = current.downcast_ref::<io::Error>()
            && io.kind() == io::ErrorKind::UnexpectedEof
        {
            return io::ErrorKind::UnexpectedEof.into();
        }
        cause = current.source();
    }
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

impl<R: io::BufRead> Read for ZstdReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.state.take() {
                None => return Ok(0),
                Some(Frame::Between(source)) => self.state = Self::next_frame(source)?,
                Some(Frame::Inside(mut decoder)) => {
                    let count = decoder.read(buffer).map_err(|error| match error.get_ref() {
                        Some(inner) => zstd_error(inner),
                        None => error,
                    })?;
                    if count > 0 || buffer.is_empty() {
                        self.state = Some(Frame::Inside(decoder));
                        return Ok(count);
                    }
                    self.state = Some(Frame::Between(decoder.into_inner()));
                }
            }
        }
    }
}
