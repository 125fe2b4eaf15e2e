//! Tools for testing topologies.
