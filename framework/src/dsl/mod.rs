//! Streams and tables as values to program with.
