//! The DSL from outside: what `build` refuses, and results against a plain recomputation.

mod build_errors;
mod counts;
mod failing_steps;
mod sources;
