//! What holds of transit as a whole, in one process.

mod dead_letters;
mod found;
mod kill;
mod lag;
mod program;
mod whole;
