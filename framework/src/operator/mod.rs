//! The running parts of a topology.
