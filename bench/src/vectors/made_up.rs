//! Points in clusters, queries near them, and what an exact search finds.

use crate::random::Random;
use backstock_vectors::{Payload, Point};

pub const WIDTH: usize = 384;
/// Of queries and of each answer.
pub const QUERIES: usize = 500;
pub const K: usize = 10;
/// Points of a cluster.
const A_CLUSTER: usize = 50;
/// How far points and queries lie from the middle of their cluster, by each number.
const SPREAD: f64 = 0.6;

pub struct MadeUp {
    pub points: Vec<Point>,
    pub queries: Vec<Vec<f32>>,
    /// Keys of the nearest, of each query.
    pub nearest: Vec<Vec<String>>,
}

pub fn draw(number: usize) -> MadeUp {
    let random = Random::seeded(384);
    let clusters: Vec<Vec<f64>> = (0..number.div_ceil(A_CLUSTER)).map(|_| direction(&random)).collect();
    let near = |cluster: &[f64]| {
        let away = direction(&random);
        let vector: Vec<f64> =
            cluster.iter().zip(away).map(|(middle, away)| middle + SPREAD * away).collect();
        scaled(&vector).into_iter().map(|value| value as f32).collect::<Vec<f32>>()
    };
    let points: Vec<Point> = (0..number)
        .map(|at| {
            let cluster = at % clusters.len();
            let category = vec![format!("Shelf {}", cluster % 40)];
            let payload =
                Payload { category, price_minor: Some(at as i64), currency: Some("EUR".to_owned()) };
            let content_hash = (at as u64).to_le_bytes().to_vec();
            Point { key: format!("SKU-{at:07}"), content_hash, vector: near(&clusters[cluster]), payload }
        })
        .collect();
    let queries: Vec<Vec<f32>> =
        (0..QUERIES).map(|_| near(&clusters[random.below(clusters.len() as u64) as usize])).collect();
    let nearest = queries.iter().map(|query| exact(&points, query)).collect();
    MadeUp { points, queries, nearest }
}

/// Of length one, any direction alike.
fn direction(random: &Random) -> Vec<f64> {
    // The sum of four draws is near enough to a normal distribution.
    let value = || (0..4).map(|_| random.unit() - 0.5).sum::<f64>();
    scaled(&(0..WIDTH).map(|_| value()).collect::<Vec<f64>>())
}

fn scaled(vector: &[f64]) -> Vec<f64> {
    let length = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
    vector.iter().map(|value| value / length).collect()
}

fn exact(points: &[Point], query: &[f32]) -> Vec<String> {
    let score = |point: &Point| -> f64 {
        point.vector.iter().zip(query).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    let mut scores: Vec<(f64, &str)> =
        points.iter().map(|point| (score(point), point.key.as_str())).collect();
    scores.select_nth_unstable_by(K.min(points.len() - 1), |a, b| b.0.total_cmp(&a.0));
    scores.truncate(K);
    scores.into_iter().map(|(_, key)| key.to_owned()).collect()
}
