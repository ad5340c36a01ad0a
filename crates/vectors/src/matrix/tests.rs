use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const WIDTH: usize = 5;

#[derive(Debug, Clone)]
enum Step {
    Put(u8, Vec<f32>, Payload),
    Remove(u8),
}

fn payload() -> impl Strategy<Value = Payload> {
    (
        prop::collection::vec(prop::sample::select(vec!["Shoes", "Bags", "Shirts"]), 0..3),
        prop::option::of(0i64..50),
    )
        .prop_map(|(category, price_minor)| Payload {
            category: category.into_iter().map(String::from).collect(),
            price_minor,
            currency: None,
        })
}

// Few distinct small values: ties are common, and sums are exact in f32.
fn vector() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec((-1i8..2).prop_map(f32::from), WIDTH)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u8..20, vector(), payload()).prop_map(|(k, v, p)| Step::Put(k, v, p)),
        1 => (0u8..20).prop_map(Step::Remove),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    (prop::collection::vec(prop::sample::select(vec!["shoes", "Bags"]), 0..2), prop::option::of(0i64..50))
        .prop_map(|(category, min)| Filter {
            category: category.into_iter().map(String::from).collect(),
            min_price_minor: min,
            ..Filter::default()
        })
}

fn naive(
    model: &BTreeMap<String, (Vec<f32>, Payload)>,
    query: &[f32],
    k: usize,
    filter: &Filter,
) -> Vec<(String, f32)> {
    let mut all: Vec<(String, f32)> = model
        .iter()
        .filter(|(_, (_, payload))| filter.accepts(payload))
        .map(|(key, (v, _))| (key.clone(), v.iter().zip(query).map(|(a, b)| a * b).sum::<f32>() + 0.0))
        .collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all.truncate(k);
    all
}

proptest! {
    #[test]
    fn a_search_equals_a_sort_of_everything(
        steps in prop::collection::vec(step(), 0..80),
        query in vector(),
        filter in filter(),
        k in 0usize..25,
    ) {
        let (mut matrix, mut model) = (Matrix::new(WIDTH), BTreeMap::new());
        for step in steps {
            match step {
                Step::Put(k, v, p) => {
                    matrix.put(&format!("k{k}"), v.iter().copied(), p.clone());
                    model.insert(format!("k{k}"), (v, p));
                }
                Step::Remove(k) => {
                    matrix.remove(&format!("k{k}"));
                    model.remove(&format!("k{k}"));
                }
            }
        }
        let want: Vec<(String, f32)> =
            naive(&model, &query, k, &filter).into_iter().map(|(key, s)| (key, s.clamp(-1.0, 1.0))).collect();
        let got: Vec<(String, f32)> =
            matrix.search(&query, k, &filter).into_iter().map(|h| (h.key, h.score)).collect();
        prop_assert_eq!(got.len(), want.len());
        for (g, w) in got.iter().zip(&want) {
            prop_assert_eq!(&g.0, &w.0);
            prop_assert!((g.1 - w.1).abs() < 1e-6);
        }
    }
}

#[test]
fn normalising_gives_length_one_and_leaves_zero_alone() {
    let mut v = vec![3.0, 4.0];
    normalise(&mut v);
    assert_eq!(v, vec![0.6, 0.8]);
    let mut zero = vec![0.0, 0.0];
    normalise(&mut zero);
    assert_eq!(zero, vec![0.0, 0.0]);
}
