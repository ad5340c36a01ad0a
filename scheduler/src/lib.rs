//! Cron, leadership, due work and maintenance.
