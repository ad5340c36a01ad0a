//! Reading columns by position, without type checks: every statement and its reader stand side by side.

use super::fault::Result;
use crate::{GroupId, JobId, Timestamp};
use serde::Serialize;
use sqlx::{Row, sqlite::SqliteRow};
use uuid::Uuid;

pub(super) trait Cells {
    fn int(&self, at: usize) -> Result<i64>;
    fn maybe_int(&self, at: usize) -> Result<Option<i64>>;
    fn text(&self, at: usize) -> Result<&str>;
    fn maybe_text(&self, at: usize) -> Result<Option<String>>;
    fn bytes(&self, at: usize) -> Result<Vec<u8>>;
    fn uuid(&self, at: usize) -> Result<Uuid>;
    fn maybe_uuid(&self, at: usize) -> Result<Option<Uuid>>;

    fn flag(&self, at: usize) -> Result<bool> {
        Ok(self.int(at)? != 0)
    }

    fn time(&self, at: usize) -> Result<Timestamp> {
        Ok(Timestamp(self.int(at)?))
    }

    fn maybe_time(&self, at: usize) -> Result<Option<Timestamp>> {
        Ok(self.maybe_int(at)?.map(Timestamp))
    }
}

impl Cells for SqliteRow {
    fn int(&self, at: usize) -> Result<i64> {
        Ok(self.try_get_unchecked(at)?)
    }

    fn maybe_int(&self, at: usize) -> Result<Option<i64>> {
        Ok(self.try_get_unchecked(at)?)
    }

    fn text(&self, at: usize) -> Result<&str> {
        Ok(self.try_get_unchecked(at)?)
    }

    fn maybe_text(&self, at: usize) -> Result<Option<String>> {
        Ok(self.try_get_unchecked(at)?)
    }

    fn bytes(&self, at: usize) -> Result<Vec<u8>> {
        Ok(self.try_get_unchecked(at)?)
    }

    fn uuid(&self, at: usize) -> Result<Uuid> {
        to_uuid(self.try_get_unchecked(at)?)
    }

    fn maybe_uuid(&self, at: usize) -> Result<Option<Uuid>> {
        self.try_get_unchecked::<Option<&[u8]>, _>(at)?.map(to_uuid).transpose()
    }
}

fn to_uuid(bytes: &[u8]) -> Result<Uuid> {
    Ok(Uuid::from_slice(bytes).map_err(|error| sqlx::Error::Decode(error.into()))?)
}

/// A list as one JSON parameter, read by `json_each`.
pub(super) fn json(list: &(impl Serialize + ?Sized)) -> Result<String> {
    Ok(serde_json::to_string(list)?)
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
