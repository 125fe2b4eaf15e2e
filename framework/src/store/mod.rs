//! State stores in front of an engine.
