//! End-to-end and crash tests over the whole system.
