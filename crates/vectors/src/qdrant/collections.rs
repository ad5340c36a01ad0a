//! Collections: made with the first points, published by an alias, dropped with their model.

use std::sync::PoisonError;

use qdrant_client::qdrant::quantization_config::Quantization as Kind;
use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{
    BinaryQuantization, CreateAlias, CreateCollection, CreateFieldIndexCollection, Distance, FieldType,
    Memory, OptimizersConfigDiff, QuantizationConfig, QuantizationType, ScalarQuantization, UpdateCollection,
    VectorParams, VectorsConfig,
};

use super::{QdrantVectors, Quantization, fault, names, wire};
use crate::VectorError;

/// Kilobytes of vectors in a segment from which on it is indexed, as Qdrant's default; 0 is first-load mode.
const INDEXING_THRESHOLD: u64 = 20_000;

impl QdrantVectors {
    /// The dimensions of a model's collection, `None` when there is none.
    pub(super) async fn dimensions(&self, model: &str) -> Result<Option<usize>, VectorError> {
        let name = self.collection(model);
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&name) {
            return Ok(Some(*known));
        }
        let info =
            match self.ask(&name, |client, name| async move { client.collection_info(name).await }).await {
                Ok(info) => info,
                Err(error) if fault::is_missing(&error) => return Ok(None),
                Err(error) => return Err(error),
            };
        let params = info.result.and_then(|info| info.config?.params?.vectors_config?.config);
        let Some(Config::Params(params)) = params else {
            return Err(self.strange(&name, "it has no plain vectors: another program made it"));
        };
        let dimensions = params.size as usize;
        self.remember(name, Some(dimensions));
        Ok(Some(dimensions))
    }

    fn remember(&self, name: String, dimensions: Option<usize>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match dimensions {
            Some(dimensions) => drop(known.insert(name, dimensions)),
            None => drop(known.remove(&name)),
        }
    }

    pub(super) fn forget_collection(&self, model: &str) {
        self.remember(self.collection(model), None);
    }

    pub(super) fn strange(&self, what: &str, reason: &str) -> VectorError {
        VectorError::Refused {
            location: format!("{} {what}", self.location),
            code: "strange",
            advice: "set vectors.prefix to a name of its own",
            reason: reason.to_owned(),
        }
    }

    /// Makes the collection of a model where it is missing, in first-load mode. Several may do so at once.
    pub(super) async fn make_collection(&self, model: &str, dimensions: usize) -> Result<(), VectorError> {
        let name = self.collection(model);
        let params = VectorParams {
            size: dimensions as u64,
            distance: Distance::Cosine.into(),
            ..VectorParams::default()
        };
        let create = CreateCollection {
            collection_name: name.clone(),
            vectors_config: Some(VectorsConfig { config: Some(Config::Params(params)) }),
            optimizers_config: Some(indexing(0)),
            quantization_config: quantization(self.options.quantization),
            ..CreateCollection::default()
        };
        match self.ask(&create, |client, create| async move { client.create_collection(create).await }).await
        {
            Err(error) if !fault::exists_already(&error) => return Err(error),
            _ => {}
        }
        for (field, kind) in [
            (wire::PATHS, FieldType::Keyword),
            (wire::PRICE, FieldType::Integer),
            (wire::CURRENCY, FieldType::Keyword),
        ] {
            let index = CreateFieldIndexCollection {
                collection_name: name.clone(),
                wait: Some(true),
                field_name: field.to_owned(),
                field_type: Some(kind.into()),
                ..CreateFieldIndexCollection::default()
            };
            self.ask(&index, |client, index| async move { client.create_field_index(index).await }).await?;
        }
        Ok(())
    }

    /// Ends first-load mode and lets the alias name this model's collection. False when it did already.
    pub(super) async fn switch_alias(&self, model: &str) -> Result<bool, VectorError> {
        let (name, alias) = (self.collection(model), self.options.prefix.clone());
        if self.dimensions(model).await?.is_none() || self.published().await?.as_ref() == Some(&name) {
            return Ok(false);
        }
        let update = UpdateCollection {
            collection_name: name.clone(),
            optimizers_config: Some(indexing(INDEXING_THRESHOLD)),
            ..UpdateCollection::default()
        };
        self.ask(&update, |client, update| async move { client.update_collection(update).await }).await?;
        // An alias of that name is moved: readers see the one or the other, never none.
        let switch = CreateAlias { collection_name: name, alias_name: alias };
        self.ask(&switch, |client, switch| async move { client.create_alias(switch).await }).await?;
        Ok(true)
    }

    /// The collection that the alias names.
    pub(super) async fn published(&self) -> Result<Option<String>, VectorError> {
        let aliases = self.ask(&(), |client, ()| async move { client.list_aliases().await }).await?.aliases;
        let ours = aliases.into_iter().find(|alias| alias.alias_name == self.options.prefix);
        Ok(ours.map(|alias| alias.collection_name))
    }

    /// All collections of ours.
    pub(super) async fn ours(&self) -> Result<Vec<String>, VectorError> {
        let all =
            self.ask(&(), |client, ()| async move { client.list_collections().await }).await?.collections;
        let names = all.into_iter().map(|collection| collection.name);
        Ok(names.filter(|name| names::is_ours(&self.options.prefix, name)).collect())
    }

    pub(super) async fn drop_collection(&self, model: &str) -> Result<u64, VectorError> {
        let points = self.count_points(model).await?;
        let name = self.collection(model);
        self.remember(name.clone(), None);
        match self.ask(&name, |client, name| async move { client.delete_collection(name).await }).await {
            Err(error) if !fault::is_missing(&error) => Err(error),
            _ => Ok(points),
        }
    }
}

fn indexing(threshold: u64) -> OptimizersConfigDiff {
    OptimizersConfigDiff { indexing_threshold: Some(threshold), ..OptimizersConfigDiff::default() }
}

fn quantization(wanted: Quantization) -> Option<QuantizationConfig> {
    let memory = Some(Memory::Pinned.into());
    let kind = match wanted {
        Quantization::None => return None,
        Quantization::Scalar => Kind::Scalar(ScalarQuantization {
            r#type: QuantizationType::Int8.into(),
            quantile: Some(0.99),
            memory,
            ..ScalarQuantization::default()
        }),
        Quantization::Binary => Kind::Binary(BinaryQuantization { memory, ..BinaryQuantization::default() }),
    };
    Some(QuantizationConfig { quantization: Some(kind) })
}
