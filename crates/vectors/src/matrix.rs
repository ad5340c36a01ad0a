//! All vectors of one model in memory, one after the other.

use std::collections::HashMap;

use crate::kernel;
use crate::top::Top;
use crate::{Filter, Hit, Payload};

/// Rows of unit vectors with their keys and payloads. Replaced in place; deleted by moving the last row.
#[derive(Debug)]
pub(crate) struct Matrix {
    dimensions: usize,
    values: Vec<f32>,
    keys: Vec<Box<str>>,
    payloads: Vec<Payload>,
    row_of: HashMap<Box<str>, u32>,
}

impl Matrix {
    pub(crate) fn new(dimensions: usize) -> Self {
        Self { dimensions, values: vec![], keys: vec![], payloads: vec![], row_of: HashMap::new() }
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Inserts or replaces. `vector` has the right number of dimensions (checked by the caller).
    pub(crate) fn put(&mut self, key: &str, vector: impl Iterator<Item = f32>, payload: Payload) {
        if let Some(&row) = self.row_of.get(key) {
            let start = row as usize * self.dimensions;
            for (slot, value) in self.values[start..start + self.dimensions].iter_mut().zip(vector) {
                *slot = value;
            }
            self.payloads[row as usize] = payload;
            return;
        }
        self.row_of.insert(key.into(), self.keys.len() as u32);
        self.keys.push(key.into());
        self.payloads.push(payload);
        self.values.extend(vector.take(self.dimensions));
        self.values.resize(self.keys.len() * self.dimensions, 0.0);
    }

    pub(crate) fn remove(&mut self, key: &str) {
        let Some(row) = self.row_of.remove(key) else { return };
        let (row, last, width) = (row as usize, self.keys.len() - 1, self.dimensions);
        self.keys.swap_remove(row);
        self.payloads.swap_remove(row);
        self.values.copy_within(last * width.., row * width);
        self.values.truncate(last * width);
        if let Some(moved) = self.keys.get(row) {
            self.row_of.insert(moved.clone(), row as u32);
        }
    }

    /// The `k` rows with the greatest dot product, best first, ties by key.
    pub(crate) fn search(&self, query: &[f32], k: usize, filter: &Filter) -> Vec<Hit> {
        let mut top = Top::new(k.min(self.keys.len()));
        let wanted: Option<Vec<u32>> = (!filter.is_empty()).then(|| {
            (0u32..).zip(&self.payloads).filter(|(_, p)| filter.accepts(p)).map(|(row, _)| row).collect()
        });
        // Adding zero turns −0.0 into 0.0, so that equal scores compare equal.
        kernel::scan(query, &self.values, wanted.as_deref(), |row, score| top.offer(score + 0.0, row));
        let mut found = top.into_candidates();
        found.sort_by(|a, b| {
            b.score
                .total_cmp(&a.score)
                .then_with(|| self.keys[a.row as usize].cmp(&self.keys[b.row as usize]))
        });
        found.truncate(k);
        found
            .iter()
            .map(|s| Hit { key: self.keys[s.row as usize].to_string(), score: s.score.clamp(-1.0, 1.0) })
            .collect()
    }
}

/// Scales to length one; a zero vector stays zero.
pub(crate) fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt();
    if length > 0.0 {
        for value in vector {
            *value = (f64::from(*value) / length) as f32;
        }
    }
}

#[cfg(test)]
mod tests;
