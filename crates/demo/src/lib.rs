//! Deterministic synthetic catalog for the demonstration.
