//! What holds of the stations source and its databases.

mod database;
mod postgres;
mod run;
mod script;
