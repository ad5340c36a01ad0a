//! Calls on collections and aliases.

use std::collections::{BTreeMap, BTreeSet};

use qdrant_client::qdrant::alias_operations::Action;
use qdrant_client::qdrant::collections_server::Collections;
use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{
    AliasDescription, ChangeAliases, CollectionClusterInfoRequest, CollectionClusterInfoResponse,
    CollectionConfig, CollectionDescription, CollectionExistsRequest, CollectionExistsResponse,
    CollectionInfo, CollectionOperationResponse, CollectionParams, CreateCollection, CreateShardKeyRequest,
    CreateShardKeyResponse, DeleteCollection, DeleteShardKeyRequest, DeleteShardKeyResponse,
    GetCollectionInfoRequest, GetCollectionInfoResponse, ListAliasesRequest, ListAliasesResponse,
    ListCollectionAliasesRequest, ListCollectionsRequest, ListCollectionsResponse, ListShardKeysRequest,
    ListShardKeysResponse, UpdateCollection, UpdateCollectionClusterSetupRequest,
    UpdateCollectionClusterSetupResponse,
};
use tonic::{Request, Response, Status};

use super::Shared;
use super::others::{not_served, other_collections_calls};
use super::state::Collection;

type Answer<T> = Result<Response<T>, Status>;

fn done(result: bool) -> Response<CollectionOperationResponse> {
    Response::new(CollectionOperationResponse { result, time: 0.0 })
}

#[tonic::async_trait]
impl Collections for Shared {
    async fn create(&self, request: Request<CreateCollection>) -> Answer<CollectionOperationResponse> {
        let made_from = request.into_inner();
        let name = made_from.collection_name.clone();
        let mut state = self.lock();
        if state.collections.contains_key(&name) || state.aliases.contains_key(&name) {
            return Err(Status::already_exists(format!("Wrong input: Collection `{name}` already exists!")));
        }
        let Some(Config::Params(params)) =
            made_from.vectors_config.as_ref().and_then(|config| config.config.as_ref())
        else {
            return Err(Status::unimplemented("only plain vectors are served"));
        };
        let optimizers = made_from.optimizers_config.as_ref();
        let collection = Collection {
            dimensions: params.size,
            indexing_threshold: optimizers.and_then(|config| config.indexing_threshold).unwrap_or(10_000),
            fields: BTreeSet::new(),
            points: BTreeMap::new(),
            waited: true,
            largest: 0,
            made_from,
        };
        state.collections.insert(name, collection);
        Ok(done(true))
    }

    async fn get(&self, request: Request<GetCollectionInfoRequest>) -> Answer<GetCollectionInfoResponse> {
        let mut state = self.lock();
        let collection = state.collection(&request.into_inner().collection_name)?;
        let params = CollectionParams {
            vectors_config: collection.made_from.vectors_config.clone(),
            ..CollectionParams::default()
        };
        let info = CollectionInfo {
            config: Some(CollectionConfig { params: Some(params), ..CollectionConfig::default() }),
            points_count: Some(collection.points.len() as u64),
            ..CollectionInfo::default()
        };
        Ok(Response::new(GetCollectionInfoResponse { result: Some(info), time: 0.0 }))
    }

    async fn list(&self, _: Request<ListCollectionsRequest>) -> Answer<ListCollectionsResponse> {
        let names = self.lock().collections.keys().cloned().collect::<Vec<_>>();
        let collections = names.into_iter().map(|name| CollectionDescription { name }).collect();
        Ok(Response::new(ListCollectionsResponse { collections, time: 0.0 }))
    }

    async fn update(&self, request: Request<UpdateCollection>) -> Answer<CollectionOperationResponse> {
        let request = request.into_inner();
        let mut state = self.lock();
        let collection = state.collection(&request.collection_name)?;
        if let Some(threshold) = request.optimizers_config.and_then(|config| config.indexing_threshold) {
            collection.indexing_threshold = threshold;
        }
        Ok(done(true))
    }

    async fn delete(&self, request: Request<DeleteCollection>) -> Answer<CollectionOperationResponse> {
        let name = request.into_inner().collection_name;
        let mut state = self.lock();
        state.aliases.retain(|_, collection| *collection != name);
        Ok(done(state.collections.remove(&name).is_some()))
    }

    async fn update_aliases(&self, request: Request<ChangeAliases>) -> Answer<CollectionOperationResponse> {
        let mut state = self.lock();
        for action in request.into_inner().actions {
            match action.action {
                Some(Action::CreateAlias(alias)) => {
                    state.collection(&alias.collection_name)?;
                    if state.collections.contains_key(&alias.alias_name) {
                        return Err(Status::already_exists("a collection has the name of the alias"));
                    }
                    state.aliases.insert(alias.alias_name, alias.collection_name);
                }
                Some(Action::DeleteAlias(alias)) => drop(state.aliases.remove(&alias.alias_name)),
                other => return Err(Status::unimplemented(format!("{other:?}"))),
            }
        }
        Ok(done(true))
    }

    async fn list_aliases(&self, _: Request<ListAliasesRequest>) -> Answer<ListAliasesResponse> {
        let state = self.lock();
        let description = |(alias_name, collection_name): (&String, &String)| AliasDescription {
            alias_name: alias_name.clone(),
            collection_name: collection_name.clone(),
        };
        let aliases = state.aliases.iter().map(description).collect();
        Ok(Response::new(ListAliasesResponse { aliases, time: 0.0 }))
    }

    other_collections_calls!();
}
