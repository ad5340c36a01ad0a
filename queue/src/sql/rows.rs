//! Reading columns by position, without type checks: every statement and its reader stand side by side.

use super::{conn::Row, fault::Result, nul};
use crate::{GroupId, JobId, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Row as _, postgres::PgRow, sqlite::SqliteRow};
use std::borrow::Cow;
use uuid::Uuid;

/// A list as one parameter, read by `json_each`.
#[derive(Clone, Debug)]
pub(super) struct Json(pub(super) String);

/// One column, of whichever row.
macro_rules! cell {
    ($row:ident, $at:ident) => {
        match $row {
            Row::Sqlite(row) => SqliteRow::try_get_unchecked(row, $at)?,
            Row::Postgres(row) => PgRow::try_get_unchecked(row, $at)?,
        }
    };
}

impl Row {
    pub(super) fn int(&self, at: usize) -> Result<i64> {
        Ok(cell!(self, at))
    }

    pub(super) fn maybe_int(&self, at: usize) -> Result<Option<i64>> {
        Ok(cell!(self, at))
    }

    pub(super) fn text(&self, at: usize) -> Result<Cow<'_, str>> {
        Ok(match self {
            Self::Sqlite(row) => Cow::Borrowed(row.try_get_unchecked(at)?),
            Self::Postgres(row) => nul::show(row.try_get_unchecked(at)?),
        })
    }

    pub(super) fn maybe_text(&self, at: usize) -> Result<Option<String>> {
        let text: Option<String> = cell!(self, at);
        Ok(match self {
            Self::Sqlite(_) => text,
            Self::Postgres(_) => text.map(|text| nul::show(&text).into_owned()),
        })
    }

    /// A column of JSON that a statement made.
    pub(super) fn json<T: DeserializeOwned>(&self, at: usize) -> Result<T> {
        Ok(match self {
            Self::Sqlite(row) => serde_json::from_str(row.try_get_unchecked(at)?)?,
            Self::Postgres(row) => serde_json::from_str(&nul::show_in_json(row.try_get_unchecked(at)?))?,
        })
    }

    pub(super) fn bytes(&self, at: usize) -> Result<Vec<u8>> {
        Ok(cell!(self, at))
    }

    pub(super) fn uuid(&self, at: usize) -> Result<Uuid> {
        to_uuid(cell!(self, at))
    }

    pub(super) fn maybe_uuid(&self, at: usize) -> Result<Option<Uuid>> {
        let bytes: Option<&[u8]> = cell!(self, at);
        bytes.map(to_uuid).transpose()
    }

    pub(super) fn flag(&self, at: usize) -> Result<bool> {
        Ok(self.int(at)? != 0)
    }

    pub(super) fn time(&self, at: usize) -> Result<Timestamp> {
        Ok(Timestamp(self.int(at)?))
    }

    pub(super) fn maybe_time(&self, at: usize) -> Result<Option<Timestamp>> {
        Ok(self.maybe_int(at)?.map(Timestamp))
    }
}

fn to_uuid(bytes: &[u8]) -> Result<Uuid> {
    Ok(Uuid::from_slice(bytes).map_err(|error| sqlx::Error::Decode(error.into()))?)
}

/// A list as one parameter.
pub(super) fn json(list: &(impl Serialize + ?Sized)) -> Result<Json> {
    Ok(Json(serde_json::to_string(list)?))
}

/// Ids as one parameter: 16 bytes each, read by `substr(?, 16 * i + 1, 16)`.
pub(super) fn pack(ids: impl Iterator<Item = Uuid>) -> Vec<u8> {
    ids.flat_map(Uuid::into_bytes).collect()
}

pub(super) fn pack_jobs<'a>(ids: impl Iterator<Item = &'a JobId>) -> Vec<u8> {
    pack(ids.map(|id| id.0))
}

pub(super) fn id_bytes(id: GroupId) -> Vec<u8> {
    id.0.into_bytes().to_vec()
}
