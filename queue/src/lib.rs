//! The queue contract: jobs, leases, outcomes, stores and their conformance suite.
