//! Retention to the byte: for stores that keep payloads as they are given.

pub use super::retention::{
    a_replayed_job_no_longer_counts_against_the_retention, dead_jobs_have_their_own_bytes_and_errors_count,
    finished_jobs_are_kept_by_bytes_oldest_go_first, finished_jobs_are_kept_for_their_age,
};
