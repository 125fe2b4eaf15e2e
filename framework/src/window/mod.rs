//! Windows of time, as pure arithmetic.
