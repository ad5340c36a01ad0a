//! The operator's check: every point of every collection of ours.

use qdrant_client::qdrant::vector_output::Vector;
use qdrant_client::qdrant::vectors_output::VectorsOptions;
use qdrant_client::qdrant::{RetrievedPoint, ScrollPoints};

use super::{QdrantVectors, names, wire};
use crate::{Integrity, VectorError};

const STEP: u32 = 256;
/// Most faults told.
const FAULTS: usize = 100;
/// How far a length may be from one, or zero.
const TOLERANCE: f64 = 1e-3;

impl QdrantVectors {
    pub(super) async fn check_all(&self) -> Result<Integrity, VectorError> {
        let mut integrity = Integrity::default();
        for collection in self.ours().await? {
            let mut offset = None;
            loop {
                let request = ScrollPoints {
                    collection_name: collection.clone(),
                    offset: offset.take(),
                    limit: Some(STEP),
                    with_payload: Some(true.into()),
                    with_vectors: Some(true.into()),
                    ..ScrollPoints::default()
                };
                let page =
                    self.ask(&request, |client, request| async move { client.scroll(request).await }).await?;
                for point in page.result {
                    integrity.points += 1;
                    if let Some(fault) = fault_of(&point)
                        && integrity.faults.len() < FAULTS
                    {
                        integrity.faults.push(format!("{collection}: {fault}"));
                    }
                }
                let Some(next) = page.next_page_offset else { break };
                offset = Some(next);
            }
        }
        Ok(integrity)
    }
}

fn fault_of(point: &RetrievedPoint) -> Option<String> {
    let Some(stored) = wire::stored(&point.payload) else {
        return Some(format!("{:?}: the payload is not ours", point.id));
    };
    let key = &stored.key;
    if point.id.as_ref() != Some(&names::point(key)) {
        return Some(format!("{key}: stored under an id that is not made from it"));
    }
    let vector = match point.vectors.as_ref().and_then(|vectors| vectors.vectors_options.as_ref()) {
        Some(VectorsOptions::Vector(vector)) => vector.clone().into_vector(),
        _ => return Some(format!("{key}: no vector")),
    };
    let Vector::Dense(dense) = vector else { return Some(format!("{key}: not a plain vector")) };
    let length = dense.data.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    // A zero vector stays zero; NaN is near nothing.
    let is_sound = (length - 1.0).abs() < TOLERANCE || length.abs() < TOLERANCE;
    (!is_sound).then(|| format!("{key}: vector has length {length}"))
}
