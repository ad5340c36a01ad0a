//! Vector index: upsert, filter, nearest neighbours.
