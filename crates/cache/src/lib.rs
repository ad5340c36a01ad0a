//! Cache of rendered catalog entries with per-kind lifetimes and hit statistics.
