//! Calls on points.

use qdrant_client::qdrant::points_server::Points;
use qdrant_client::qdrant::{
    ClearPayloadPoints, CountPoints, CountResponse, CountResult, CreateFieldIndexCollection,
    CreateVectorNameRequest, DeleteFieldIndexCollection, DeletePayloadPoints, DeletePointVectors,
    DeletePoints, DeleteVectorNameRequest, DiscoverBatchPoints, DiscoverBatchResponse, DiscoverPoints,
    DiscoverResponse, FacetCounts, FacetResponse, GetPoints, GetResponse, PointId, PointsOperationResponse,
    QueryBatchPoints, QueryBatchResponse, QueryGroupsResponse, QueryPointGroups, QueryPoints, QueryResponse,
    RecommendBatchPoints, RecommendBatchResponse, RecommendGroupsResponse, RecommendPointGroups,
    RecommendPoints, RecommendResponse, RetrievedPoint, ScoredPoint, ScrollPoints, ScrollResponse,
    SearchBatchPoints, SearchBatchResponse, SearchGroupsResponse, SearchMatrixOffsetsResponse,
    SearchMatrixPairsResponse, SearchMatrixPoints, SearchPointGroups, SearchPoints, SearchResponse,
    SetPayloadPoints, UpdateBatchPoints, UpdateBatchResponse, UpdatePointVectors, UpdateResult, UpdateStatus,
    UpsertPoints, VectorOutput, VectorsOutput, query, vector_input, vector_output, vectors_output,
};
use tonic::{Request, Response, Status};

use super::Shared;
use super::others::{not_served, other_points_calls};
use super::state::{Stored, ids, uuid_of};

type Answer<T> = Result<Response<T>, Status>;

fn result(wait: Option<bool>) -> UpdateResult {
    let status = if wait == Some(true) { UpdateStatus::Completed } else { UpdateStatus::Acknowledged };
    UpdateResult { operation_id: Some(1), status: status.into() }
}

fn done(wait: Option<bool>) -> Response<PointsOperationResponse> {
    Response::new(PointsOperationResponse { result: Some(result(wait)), time: 0.0, usage: None })
}

fn retrieved(id: &str, point: &Stored) -> RetrievedPoint {
    let dense = qdrant_client::qdrant::DenseVector { data: point.vector.clone() };
    let vector =
        VectorOutput { vector: Some(vector_output::Vector::Dense(dense)), ..VectorOutput::default() };
    RetrievedPoint {
        id: Some(PointId::from(id)),
        payload: point.payload.clone(),
        vectors: Some(VectorsOutput {
            vectors_options: Some(vectors_output::VectorsOptions::Vector(vector)),
        }),
        ..RetrievedPoint::default()
    }
}

#[tonic::async_trait]
impl Points for Shared {
    async fn upsert(&self, request: Request<UpsertPoints>) -> Answer<PointsOperationResponse> {
        let request = request.into_inner();
        let mut state = self.lock();
        let collection = state.collection(&request.collection_name)?;
        collection.upsert(request.points)?;
        collection.waited = request.wait == Some(true);
        Ok(done(request.wait))
    }

    async fn update_batch(&self, request: Request<UpdateBatchPoints>) -> Answer<UpdateBatchResponse> {
        let request = request.into_inner();
        let number = request.operations.len();
        let mut state = self.lock();
        state.collection(&request.collection_name)?.apply(request.operations, request.wait == Some(true))?;
        let result = vec![result(request.wait); number];
        Ok(Response::new(UpdateBatchResponse { result, time: 0.0, usage: None }))
    }

    async fn set_payload(&self, request: Request<SetPayloadPoints>) -> Answer<PointsOperationResponse> {
        let request = request.into_inner();
        let mut state = self.lock();
        let collection = state.collection(&request.collection_name)?;
        for id in ids(request.points_selector.as_ref())? {
            if let Some(point) = collection.points.get_mut(&id) {
                point.payload.extend(request.payload.clone());
            }
        }
        Ok(done(request.wait))
    }

    async fn delete(&self, request: Request<DeletePoints>) -> Answer<PointsOperationResponse> {
        let request = request.into_inner();
        let mut state = self.lock();
        let collection = state.collection(&request.collection_name)?;
        for id in ids(request.points.as_ref())? {
            collection.points.remove(&id);
        }
        collection.waited = request.wait == Some(true);
        Ok(done(request.wait))
    }

    async fn get(&self, request: Request<GetPoints>) -> Answer<GetResponse> {
        let request = request.into_inner();
        let mut state = self.lock();
        let collection = state.collection(&request.collection_name)?;
        let ids: Vec<String> = request.ids.iter().map(|id| uuid_of(Some(id))).collect::<Result<_, _>>()?;
        let found = ids.iter().filter_map(|id| Some(retrieved(id, collection.points.get(id)?)));
        Ok(Response::new(GetResponse { result: found.collect(), time: 0.0, usage: None }))
    }

    async fn create_field_index(
        &self,
        request: Request<CreateFieldIndexCollection>,
    ) -> Answer<PointsOperationResponse> {
        let request = request.into_inner();
        self.lock().collection(&request.collection_name)?.fields.insert(request.field_name);
        Ok(done(request.wait))
    }

    async fn scroll(&self, request: Request<ScrollPoints>) -> Answer<ScrollResponse> {
        let request = request.into_inner();
        let mut state = self.lock();
        let collection = state.collection(&request.collection_name)?;
        let from = match &request.offset {
            Some(id) => uuid_of(Some(id))?,
            None => String::new(),
        };
        let limit = request.limit.unwrap_or(10) as usize;
        let mut rest = collection.points.range(from..);
        let result = rest.by_ref().take(limit).map(|(id, point)| retrieved(id, point)).collect();
        let next_page_offset = rest.next().map(|(id, _)| PointId::from(id.as_str()));
        Ok(Response::new(ScrollResponse { next_page_offset, result, time: 0.0, usage: None }))
    }

    async fn count(&self, request: Request<CountPoints>) -> Answer<CountResponse> {
        let mut state = self.lock();
        let count = state.collection(&request.into_inner().collection_name)?.points.len() as u64;
        Ok(Response::new(CountResponse { result: Some(CountResult { count }), time: 0.0, usage: None }))
    }

    async fn query(&self, request: Request<QueryPoints>) -> Answer<QueryResponse> {
        let request = request.into_inner();
        let Some(query::Variant::Nearest(input)) = request.query.and_then(|query| query.variant) else {
            return Err(Status::unimplemented("only the nearest are served"));
        };
        let Some(vector_input::Variant::Dense(vector)) = input.variant else {
            return Err(Status::unimplemented("only plain vectors are served"));
        };
        let mut state = self.lock();
        let collection = state.collection(&request.collection_name)?;
        collection.fits(&vector.data)?;
        let limit = request.limit.unwrap_or(10) as usize;
        let nearest = collection.nearest(vector.data, request.filter.as_ref(), limit);
        let scored = |(id, score): (&String, f32)| ScoredPoint {
            id: Some(PointId::from(id.as_str())),
            payload: collection.points[id].payload.clone(),
            score,
            ..ScoredPoint::default()
        };
        let result = nearest.into_iter().map(scored).collect();
        Ok(Response::new(QueryResponse { result, time: 0.0, usage: None }))
    }

    other_points_calls!();
}
