//! Who is measured.

use anyhow::Context;
use backstock_vectors::{
    QdrantOptions, QdrantStandIn, QdrantVectors, SqliteVectors, SqliteVectorsOptions, VectorStore,
};
use tempfile::TempDir;

/// Which store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Embedded,
    StandIn,
    Qdrant,
}

pub const ALL: [Kind; 3] = [Kind::Embedded, Kind::StandIn, Kind::Qdrant];

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::StandIn => "client, server in the process",
            Self::Qdrant => "Qdrant",
        }
    }
}

/// A store that can be opened again, as another process would.
pub struct Contestant {
    pub kind: Kind,
    place: Place,
}

enum Place {
    Folder(TempDir),
    Server { options: QdrantOptions, _stand_in: Option<QdrantStandIn> },
}

/// A store without points; or why there is none.
pub async fn open(kind: Kind) -> anyhow::Result<Result<Contestant, String>> {
    let place = match kind {
        Kind::Embedded => Place::Folder(TempDir::new()?),
        Kind::StandIn => {
            let server = QdrantStandIn::start("")?;
            Place::Server { options: QdrantOptions::new(server.url()), _stand_in: Some(server) }
        }
        Kind::Qdrant => {
            let Ok(url) = std::env::var("QDRANT_URL") else {
                return Ok(Err("absent: QDRANT_URL is not set, and no package brings its server".to_owned()));
            };
            let api_key = std::env::var("QDRANT_API_KEY").unwrap_or_default();
            // Of its own, so that nothing of others is touched.
            let prefix = format!("bench-{}", std::process::id());
            Place::Server {
                options: QdrantOptions { api_key, prefix, ..QdrantOptions::new(url) },
                _stand_in: None,
            }
        }
    };
    let contestant = Contestant { kind, place };
    contestant.store().await.with_context(|| kind.name())?;
    Ok(Ok(contestant))
}

impl Contestant {
    pub async fn store(&self) -> anyhow::Result<Box<dyn VectorStore>> {
        Ok(match &self.place {
            Place::Folder(folder) => {
                let file = SqliteVectorsOptions::new(folder.path().join("vectors.db"));
                Box::new(SqliteVectors::open(file).await?)
            }
            Place::Server { options, .. } => Box::new(QdrantVectors::open(options.clone()).await?),
        })
    }
}
