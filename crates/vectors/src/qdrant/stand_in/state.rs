//! What the stand-in holds, and what it does with it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use qdrant_client::qdrant::condition::ConditionOneOf;
use qdrant_client::qdrant::r#match::MatchValue;
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::points_update_operation::Operation;
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::{
    CreateCollection, DenseVector, Filter, PointId, PointStruct, PointsSelector, PointsUpdateOperation,
    Value, vector, vectors,
};
use tonic::Status;

use crate::matrix::normalise;

#[derive(Default)]
pub(super) struct State {
    pub(super) api_key: String,
    /// How many requests are to fail, and how.
    pub(super) failing: (usize, i32),
    pub(super) collections: BTreeMap<String, Collection>,
    pub(super) aliases: BTreeMap<String, String>,
}

pub(super) struct Collection {
    pub(super) dimensions: u64,
    pub(super) indexing_threshold: u64,
    pub(super) fields: BTreeSet<String>,
    pub(super) points: BTreeMap<String, Stored>,
    pub(super) waited: bool,
    /// Points of the largest request.
    pub(super) largest: usize,
    pub(super) made_from: CreateCollection,
}

pub(super) struct Stored {
    pub(super) vector: Vec<f32>,
    pub(super) payload: HashMap<String, Value>,
}

impl State {
    /// The collection of this name or alias.
    pub(super) fn collection(&mut self, name: &str) -> Result<&mut Collection, Status> {
        let name = self.aliases.get(name).map_or(name, String::as_str).to_owned();
        let missing = || Status::not_found(format!("Not found: Collection `{name}` doesn't exist!"));
        self.collections.get_mut(&name).ok_or_else(missing)
    }
}

impl Collection {
    pub(super) fn apply(&mut self, operations: Vec<PointsUpdateOperation>, wait: bool) -> Result<(), Status> {
        for operation in operations {
            match operation.operation {
                Some(Operation::Upsert(list)) => self.upsert(list.points)?,
                Some(Operation::SetPayload(set)) => {
                    for id in ids(set.points_selector.as_ref())? {
                        if let Some(point) = self.points.get_mut(&id) {
                            point.payload.extend(set.payload.clone());
                        }
                    }
                }
                other => return Err(Status::unimplemented(format!("{other:?}"))),
            }
        }
        self.waited = wait;
        Ok(())
    }

    /// All or none.
    pub(super) fn upsert(&mut self, points: Vec<PointStruct>) -> Result<(), Status> {
        self.largest = self.largest.max(points.len());
        let ready: Vec<_> = points.into_iter().map(|point| self.ready(point)).collect::<Result<_, _>>()?;
        self.points.extend(ready);
        Ok(())
    }

    fn ready(&self, point: PointStruct) -> Result<(String, Stored), Status> {
        let options = point.vectors.and_then(|vectors| vectors.vectors_options);
        let Some(vectors::VectorsOptions::Vector(vector)) = options else {
            return Err(Status::invalid_argument("Not existing vector name error"));
        };
        let Some(vector::Vector::Dense(DenseVector { data: mut vector })) = vector.vector else {
            return Err(Status::invalid_argument("Conversion between sparse and regular vectors failed"));
        };
        self.fits(&vector)?;
        normalise(&mut vector);
        Ok((uuid_of(point.id.as_ref())?, Stored { vector, payload: point.payload }))
    }

    pub(super) fn fits(&self, vector: &[f32]) -> Result<(), Status> {
        if vector.len() as u64 == self.dimensions {
            return Ok(());
        }
        let text = format!(
            "Wrong input: Vector dimension error: expected dim: {}, got {}",
            self.dimensions,
            vector.len()
        );
        Err(Status::invalid_argument(text))
    }

    /// Id and score of the nearest, best first.
    pub(super) fn nearest(
        &self,
        mut query: Vec<f32>,
        filter: Option<&Filter>,
        limit: usize,
    ) -> Vec<(&String, f32)> {
        normalise(&mut query);
        let mut scored: Vec<(&String, f32)> = self
            .points
            .iter()
            .filter(|(_, point)| filter.is_none_or(|filter| passes(filter, &point.payload)))
            .map(|(id, point)| (id, point.vector.iter().zip(&query).map(|(a, b)| a * b).sum()))
            .collect();
        scored.sort_by(|a, b| b.1.total_cmp(&a.1));
        scored.truncate(limit);
        scored
    }
}

/// Ids in the one form that is served.
pub(super) fn uuid_of(id: Option<&PointId>) -> Result<String, Status> {
    match id.and_then(|id| id.point_id_options.as_ref()) {
        Some(PointIdOptions::Uuid(text)) => match uuid::Uuid::parse_str(text) {
            Ok(uuid) => Ok(uuid.to_string()),
            Err(_) => Err(Status::invalid_argument(format!("Unable to parse UUID: {text}"))),
        },
        _ => Err(Status::unimplemented("only UUIDs are served")),
    }
}

pub(super) fn ids(selector: Option<&PointsSelector>) -> Result<Vec<String>, Status> {
    match selector.and_then(|selector| selector.points_selector_one_of.as_ref()) {
        Some(PointsSelectorOneOf::Points(list)) => list.ids.iter().map(|id| uuid_of(Some(id))).collect(),
        _ => Err(Status::unimplemented("only lists of ids are served")),
    }
}

fn passes(filter: &Filter, payload: &HashMap<String, Value>) -> bool {
    filter.must.iter().all(|condition| {
        let Some(ConditionOneOf::Field(field)) = &condition.condition_one_of else { return false };
        let kind = payload.get(&field.key).and_then(|value| value.kind.as_ref());
        let in_range = field.range.as_ref().is_none_or(|range| match kind {
            Some(Kind::IntegerValue(value)) => {
                let value = *value as f64;
                range.gte.is_none_or(|min| value >= min) && range.lte.is_none_or(|max| value <= max)
            }
            _ => false,
        });
        let wanted = field.r#match.as_ref().and_then(|wanted| wanted.match_value.as_ref());
        let matches = wanted.is_none_or(|wanted| match (wanted, kind) {
            (MatchValue::Keyword(wanted), Some(Kind::StringValue(text))) => wanted == text,
            // A list matches if one of it does.
            (MatchValue::Keyword(wanted), Some(Kind::ListValue(list))) => {
                list.values.iter().any(|value| value.kind == Some(Kind::StringValue(wanted.clone())))
            }
            _ => false,
        });
        in_range && matches
    })
}
