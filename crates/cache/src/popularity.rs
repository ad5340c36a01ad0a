//! What is asked for most: counts that fade, so that last week's sales weigh more than last year's.

use std::collections::HashMap;
use std::time::Duration;

/// Counts by id, each halved for every half-life that has passed since.
#[derive(Clone, Debug)]
pub struct Popularity {
    half_life: Duration,
    scores: HashMap<Box<str>, f64>,
    total: f64,
}

impl Popularity {
    /// Nothing counted yet. A half-life of zero counts only what has no age.
    pub fn new(half_life: Duration) -> Self {
        Self { half_life, scores: HashMap::new(), total: 0.0 }
    }

    /// Counts `count` requests (orders, views) for `id` that are `age` old.
    pub fn add(&mut self, id: &str, count: u64, age: Duration) {
        let score = count as f64 * self.weight(age);
        if score <= 0.0 {
            return;
        }
        self.total += score;
        match self.scores.get_mut(id) {
            Some(sum) => *sum += score,
            None => {
                self.scores.insert(id.into(), score);
            }
        }
    }

    fn weight(&self, age: Duration) -> f64 {
        if age.is_zero() {
            return 1.0;
        }
        if self.half_life.is_zero() {
            return 0.0;
        }
        (-age.as_secs_f64() / self.half_life.as_secs_f64()).exp2()
    }

    /// What is expected of an id, in requests as if made now.
    pub fn score(&self, id: &str) -> f64 {
        self.scores.get(id).copied().unwrap_or(0.0)
    }

    /// The sum of all scores.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// All ids with their scores, the most popular first, ties by id.
    pub fn ranked(&self) -> Vec<(&str, f64)> {
        let mut ranked: Vec<_> = self.scores.iter().map(|(id, score)| (&**id, *score)).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        ranked
    }

    /// What pays most: the ids with the most requests for each byte of their entry, as far as `max_bytes` go.
    /// `bytes_of` says how large the entry of an id would be; ids for which it says `None` are left out. Returns the ids
    /// in that order, their bytes, and the share of requests that they should answer.
    pub fn plan(&self, max_bytes: u64, bytes_of: impl Fn(&str) -> Option<u64>) -> Plan<'_> {
        let scores = self.scores.iter().map(|(id, score)| (&**id, *score));
        let mut all: Vec<(&str, f64, u64)> =
            scores.filter_map(|(id, score)| Some((id, score, bytes_of(id)?.max(1)))).collect();
        let worth = |(_, score, bytes): &(&str, f64, u64)| score / *bytes as f64;
        all.sort_by(|a, b| worth(b).total_cmp(&worth(a)).then_with(|| a.0.cmp(b.0)));
        let mut plan = Plan { ids: Vec::new(), bytes: 0, expected_hit_rate: 0.0 };
        let mut score = 0.0;
        for (id, own, bytes) in all {
            if plan.bytes + bytes <= max_bytes {
                plan.ids.push(id);
                plan.bytes += bytes;
                score += own;
            }
        }
        plan.expected_hit_rate = if self.total > 0.0 { (score / self.total).min(1.0) } else { 0.0 };
        plan
    }
}

/// What to warm.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan<'a> {
    /// What pays most first.
    pub ids: Vec<&'a str>,
    /// Of their entries.
    pub bytes: u64,
    /// Share of requests that they should answer, 0 to 1.
    pub expected_hit_rate: f64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WEEK: Duration = Duration::from_hours(7 * 24);

    #[test]
    fn a_count_is_halved_every_half_life() {
        let mut popularity = Popularity::new(WEEK);
        popularity.add("a", 100, WEEK * 2);
        popularity.add("b", 30, Duration::ZERO);
        assert!((popularity.score("a") - 25.0).abs() < 1e-9);
        assert_eq!(popularity.ranked().iter().map(|(id, _)| *id).collect::<Vec<_>>(), ["b", "a"]);
        assert!((popularity.total() - 55.0).abs() < 1e-9);
    }

    #[test]
    fn the_plan_takes_what_pays_most_a_byte_and_leaves_the_unknown() {
        let mut popularity = Popularity::new(WEEK);
        for (id, count) in [("large", 60), ("small", 30), ("tiny", 9), ("gone", 1)] {
            popularity.add(id, count, Duration::ZERO);
        }
        let bytes = |id: &str| match id {
            "large" => Some(100),
            "small" => Some(20),
            "tiny" => Some(3),
            _ => None,
        };
        let plan = popularity.plan(50, bytes);
        assert_eq!((plan.ids, plan.bytes), (vec!["tiny", "small"], 23));
        assert!((plan.expected_hit_rate - 0.39).abs() < 1e-9);
        assert!((popularity.plan(1000, bytes).expected_hit_rate - 0.99).abs() < 1e-9);
    }

    #[test]
    fn nothing_counted_expects_nothing() {
        let popularity = Popularity::new(Duration::ZERO);
        assert!(popularity.plan(100, |_| Some(1)).expected_hit_rate.abs() < f64::EPSILON);
    }

    proptest! {
        #[test]
        fn a_plan_stays_within_its_bytes(counts in prop::collection::vec((1u64..100, 1u64..50), 0..40), max in 0u64..800) {
            let mut popularity = Popularity::new(WEEK);
            for (at, (count, _)) in counts.iter().enumerate() {
                popularity.add(&at.to_string(), *count, Duration::ZERO);
            }
            let bytes = |id: &str| Some(counts[id.parse::<usize>().unwrap()].1);
            let plan = popularity.plan(max, bytes);
            prop_assert!(plan.bytes <= max);
            prop_assert!((0.0..=1.0).contains(&plan.expected_hit_rate));
            prop_assert_eq!(plan.bytes, plan.ids.iter().map(|id| bytes(id).unwrap()).sum::<u64>());
        }
    }
}
