//! What collections and points are called.

use qdrant_client::qdrant::PointId;
use uuid::Uuid;

/// Of the ids of points: never to be changed, or every point is stored a second time.
const SPACE: Uuid = Uuid::from_u128(0x6b61_7265_2076_6563_746f_7273_2069_6473);
/// Longest part of a model's name in a collection's.
const SHOWN: usize = 40;

/// The collection of a model: readable, and different for any two models.
pub(super) fn collection(prefix: &str, model: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let shown: String = model.chars().map(plain).take(SHOWN).collect();
    let hash = Uuid::new_v5(&SPACE, model.as_bytes()).simple().to_string();
    format!("{prefix}_{shown}_{}", &hash[..12])
}

/// Whether a collection is one of ours: `PREFIX_MODEL_HASH`, where a model has no `_`.
pub(super) fn is_ours(prefix: &str, collection: &str) -> bool {
    let rest = collection.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_'));
    rest.and_then(|rest| rest.split_once('_'))
        .is_some_and(|(_, hash)| hash.len() == 12 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The same key has the same id in every collection and release, so that what is sent twice is stored once.
pub(super) fn point(key: &str) -> PointId {
    Uuid::new_v5(&SPACE, key.as_bytes()).to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_models_never_share_a_collection() {
        let of = |model| collection("backstock", model);
        assert_eq!(of("all-MiniLM-L6-v2@1"), of("all-MiniLM-L6-v2@1"));
        assert_ne!(of("all-MiniLM-L6-v2@1"), of("all-MiniLM-L6-v2@2"));
        assert_ne!(of("a/b"), of("a-b"));
        assert!(of("all-MiniLM-L6-v2@1").starts_with("backstock_all-minilm-l6-v2-1_"));
        for model in ["m@1", "", "ä_ö", &"x".repeat(300)] {
            assert!(is_ours("backstock", &of(model)), "{model}");
        }
        assert!(!is_ours("backstock", &collection("backstock-test", "m")));
        assert!(!is_ours("backstock", "backstock_other") && !is_ours("backstock", "backstock"));
    }

    #[test]
    fn ids_do_not_change_from_release_to_release() {
        use qdrant_client::qdrant::point_id::PointIdOptions::Uuid;
        let id = point("JKT-0001").point_id_options;
        assert_eq!(id, Some(Uuid("f0fcca2a-6a1b-564a-9c28-965245a7de60".to_owned())));
    }
}
