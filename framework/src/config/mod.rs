//! Configuration of an application.
