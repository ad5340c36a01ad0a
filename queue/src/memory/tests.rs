//! The conformance suite on the memory store: plain, and behind a bad line. (The suite itself only ever sees an
//! `Arc<dyn Store>`.)

use crate::conformance::{Bed, MemoryBed, Through, model};
use crate::{Faults, Faulty, Retrying};
use std::sync::Arc;

async fn bed() -> MemoryBed {
    MemoryBed::default()
}

crate::conformance!(bed);
crate::conformance_bytes!(bed);
crate::conformance_fair!(bed);
crate::conformance_adopts!(bed);

#[test]
fn random_sequences_agree_with_the_naive_model() {
    model::check(bed, 300);
}

mod behind_a_bad_line {
    use super::{Arc, Bed, Faults, Faulty, MemoryBed, Retrying, Through, model};

    async fn bed() -> impl Bed {
        let faulty = |store| Retrying::new(Arc::new(Faulty::new(store, Faults::HIDDEN, 7)));
        Through::new(MemoryBed::default(), faulty)
    }

    crate::conformance!(bed);
    crate::conformance_bytes!(bed);
    crate::conformance_fair!(bed);

    #[test]
    fn random_sequences_agree_with_the_naive_model() {
        model::check(bed, 100);
    }
}
