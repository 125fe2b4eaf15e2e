//! The blueprint of a topology.
