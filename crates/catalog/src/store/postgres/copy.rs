//! `COPY … FROM STDIN (FORMAT binary)`: rows to the server as fast as it takes them.

use super::conn::Conn;

/// Bytes gathered before they are sent: fewer, larger writes, and a bound on memory.
const CHUNK: usize = 256 << 10;
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();

/// Columns of one row after the other, each in the binary form of its type.
#[derive(Debug, Default)]
pub(super) struct Rows {
    bytes: Vec<u8>,
}

impl Rows {
    /// Begins a row of `columns` columns; exactly so many must follow.
    pub(super) fn row(&mut self, columns: i16) -> &mut Self {
        self.bytes.extend_from_slice(&columns.to_be_bytes());
        self
    }

    /// A `bigint`.
    pub(super) fn bigint(&mut self, value: impl Into<Option<i64>>) -> &mut Self {
        self.field(value.into().map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice))
    }

    /// An `integer`.
    pub(super) fn integer(&mut self, value: impl Into<Option<i32>>) -> &mut Self {
        self.field(value.into().map(i32::to_be_bytes).as_ref().map(<[u8; 4]>::as_slice))
    }

    /// A `smallint`.
    pub(super) fn smallint(&mut self, value: i16) -> &mut Self {
        self.field(Some(&value.to_be_bytes()))
    }

    /// A `text`.
    pub(super) fn text<'a>(&mut self, value: impl Into<Option<&'a str>>) -> &mut Self {
        self.field(value.into().map(str::as_bytes))
    }

    /// A `bytea`.
    pub(super) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.field(Some(value))
    }

    fn field(&mut self, value: Option<&[u8]>) -> &mut Self {
        let Some(value) = value else {
            self.bytes.extend_from_slice(&(-1_i32).to_be_bytes());
            return self;
        };
        // A field has at most 64 KiB (the description), far below what 32 bits hold.
        self.bytes.extend_from_slice(&(value.len() as i32).to_be_bytes());
        self.bytes.extend_from_slice(value);
        self
    }
}

/// Sends `rows` with `statement`; `encode` writes one row. Returns how many rows arrived. A future that is dropped
/// half-way leaves the connection in the middle of the copy: the transaction around it must not use it again.
pub(super) async fn copy<T: Send>(
    conn: &mut Conn,
    statement: &'static str,
    rows: impl IntoIterator<Item = T, IntoIter: Send> + Send,
    encode: impl Fn(&mut Rows, &T) + Send,
) -> sqlx::Result<u64> {
    let mut buffer = Rows { bytes: Vec::with_capacity(CHUNK + (8 << 10)) };
    buffer.bytes.extend_from_slice(HEADER);
    let rows = rows.into_iter();
    let mut copy = conn.raw().copy_in_raw(statement).await?;
    for row in rows {
        encode(&mut buffer, &row);
        if buffer.bytes.len() >= CHUNK {
            copy.send(buffer.bytes.as_slice()).await?;
            buffer.bytes.clear();
        }
    }
    buffer.bytes.extend_from_slice(&TRAILER);
    copy.send(buffer.bytes.as_slice()).await?;
    copy.finish().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_counts_lengths_and_bytes() {
        let mut rows = Rows::default();
        rows.row(4).bigint(258).integer(None).text("ä").smallint(-1);
        let expected = [
            &[0, 4][..],
            &[0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 1, 2],
            &[255, 255, 255, 255],
            &[0, 0, 0, 2, 0xc3, 0xa4],
            &[0, 0, 0, 2, 255, 255],
        ];
        assert_eq!(rows.bytes, expected.concat());
    }
}
